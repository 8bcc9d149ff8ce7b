"""The rows of HMS's train.csv and test.csv: which windows are labelled, and by whom."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from epochal.errors import RecordingError, did_you_mean

CLASSES = ("Seizure", "LPD", "GPD", "LRDA", "GRDA", "Other")
VOTES = {f"{name.lower()}_vote": f"vote_{name}" for name in CLASSES}
IDENTITIES = ["eeg_id", "spectrogram_id", "patient_id"]
OFFSETS = ["eeg_label_offset_seconds", "spectrogram_label_offset_seconds"]
_MOST_VOTES = 10_000  # no panel is larger; int64 ends somewhere


def read_rows(path: str | Path) -> pd.DataFrame:
    """Read train.csv or test.csv; without columns of offsets every row lies at 0 s.

    Raises `RecordingError` naming a column that is missing, an id or offset that is not a number,
    votes that are not counts, and a consensus that is none of `CLASSES`. The table is kept in
    memory until the file changes: thousands of recordings share it.
    """
    if not Path(path).is_file():
        raise RecordingError(path, "no such file")
    stat = Path(path).stat()
    return _read_rows(str(path), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _read_rows(path: str, mtime_ns: int, size: int) -> pd.DataFrame:
    del mtime_ns, size  # only tell one state of the file from another
    try:
        rows = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise RecordingError(path, f"not a readable CSV file ({error})") from error
    labelled = "expert_consensus" in rows or bool(set(VOTES) & set(rows))
    wanted = [*IDENTITIES, *OFFSETS, "expert_consensus", *VOTES] if labelled else IDENTITIES
    _require_columns(path, rows, wanted)
    _check_identities(path, rows)
    rows = rows.assign(**{name: _offsets(path, rows, name) for name in OFFSETS})
    return rows.assign(**_votes(path, rows)) if labelled else rows


def _require_columns(path: str, rows: pd.DataFrame, wanted: list[str]) -> None:
    for name in wanted:
        if name not in rows:
            raise RecordingError(path, f"no column '{name}'{did_you_mean(name, map(str, rows))}")


def _check_identities(path: str, rows: pd.DataFrame) -> None:
    for name in IDENTITIES:
        if not pd.api.types.is_integer_dtype(rows[name]):
            raise RecordingError(path, f"column '{name}' must hold whole numbers only")


def _offsets(path: str, rows: pd.DataFrame, name: str) -> pd.Series:
    if name not in rows:
        return pd.Series(0.0, index=rows.index)
    offsets = pd.to_numeric(rows[name], errors="coerce")
    bad = ~offsets.between(0, np.inf, inclusive="left")
    _refuse(path, rows, name, bad, "is not a number of seconds from 0 up")
    return offsets.astype(float)


def _votes(path: str, rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the six columns of votes as counts, and check the consensus."""
    unknown = ~rows["expert_consensus"].isin(CLASSES)
    _refuse(path, rows, "expert_consensus", unknown, f"is none of {', '.join(CLASSES)}")
    votes = {name: pd.to_numeric(rows[name], errors="coerce") for name in VOTES}
    for name, counts in votes.items():
        bad = ~counts.between(0, _MOST_VOTES) | (counts % 1 != 0)
        _refuse(path, rows, name, bad, "is not a count of votes")
    nobody = pd.DataFrame(votes).sum(axis=1) == 0
    _refuse(path, rows, "seizure_vote", nobody, "like the other five: nobody voted")
    return {name: counts.astype(np.int64) for name, counts in votes.items()}


def _refuse(path: str, rows: pd.DataFrame, column: str, bad: pd.Series, reason: str) -> None:
    """Name the first bad value, its column and its line."""
    if bad.any():
        position = int(np.flatnonzero(bad)[0])
        given = rows[column].iloc[position]
        raise RecordingError(path, f"line {position + 2}: {column} '{given}' {reason}")
