"""Events of several scorers in one BIDS table: a column each, or a column that names them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from epochal.errors import RecordingError, did_you_mean
from epochal.readers.hypnogram_files import COLUMNS, MISSING


def split_by_scorer(path: Path, *, columns: str | None, scored_by: str | None) -> dict[str, str]:
    """Return `{scorer: an events table of that scorer's labels alone}`, sorted, as TSV text.

    `columns` is a pattern of the columns that hold one scorer's labels each, `*` being the name;
    `scored_by` is a column that names the scorer of each row. Neither found: `RecordingError`.
    """
    try:
        events = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise RecordingError(path, f"not a readable table ({error})") from error
    found = _by_column(path, events, columns) if columns else _by_row(path, events, scored_by or "")
    return {name: found[name].to_csv(sep="\t", index=False) for name in sorted(found)}


def _by_column(path: Path, events: pd.DataFrame, pattern: str) -> dict[str, pd.DataFrame]:
    before, _, after = pattern.partition("*")
    own = [name for name in map(str, events) if fnmatchcase(name, pattern)]
    if not own:
        raise RecordingError(
            path, f"no column '{pattern}'{did_you_mean(pattern, map(str, events))}"
        )
    others = {*own, *(name for name in map(str, events) if name.lower() in COLUMNS["label"])}
    timing = events.drop(columns=sorted(others))
    return {
        name[len(before) : len(name) - len(after)] or name: timing.assign(stage=events[name])
        for name in own
    }


def _by_row(path: Path, events: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    if column not in events:
        raise RecordingError(path, f"no column '{column}'{did_you_mean(column, map(str, events))}")
    named = events[~events[column].str.strip().str.lower().isin(MISSING)]
    return {str(name).strip(): rows.drop(columns=column) for name, rows in named.groupby(column)}
