"""Hypnograms as files: CSV, TSV, EDF+ annotations and BIDS events; the readers read them back.

What lies between stages, or between the hypnogram's bounds and its first or last stage, is written
as unscored, so that nothing is mistaken for the stage beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal import __version__
from epochal.errors import EpochalError, RecordingError
from epochal.provenance import RESEARCH_USE
from epochal.readers.hypnograms import Hypnogram
from epochal.recording import ANNOTATION_COLUMNS

FORMATS = ("csv", "tsv", "edf", "bids")
SEVERAL = ("tsv", "bids")  # the formats that hold more than one scorer
UNSCORED = "n/a"
SCORER_COLUMN = "scorer"
EVENTS = "_events.tsv"
_CLOSE_S = 1e-6
_EDF_YEARS = range(1985, 2085)  # what the two digits of an EDF header's year may mean
_MEANINGS = {
    "W": "Wake", "N1": "N1 sleep", "N2": "N2 sleep", "N3": "N3 sleep", "REM": "REM sleep",
    "NREM": "NREM sleep", UNSCORED: "Unscored",
}  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """What a written hypnogram says of where it comes from."""

    data_source: str
    source: str = ""  # the file that it was made of, by its name alone


def write_hypnogram(
    path: Path, scored: Hypnogram | Mapping[str, Hypnogram], *, to: str, origin: Origin
) -> None:
    """Write a hypnogram, or those of several scorers by name, in one of `FORMATS`.

    A format that holds one scorer only, and BIDS events that are not called `…_events.tsv`, raise
    `EpochalError`.
    """
    if isinstance(scored, Mapping) and to not in SEVERAL:
        raise EpochalError(
            f"{path.name}: {to} holds one scorer, given are {', '.join(scored)}; "
            f"{' and '.join(SEVERAL)} hold several"
        )
    if to == "edf":
        _write_edf(path, scored, origin)  # type: ignore[arg-type]
    elif to == "bids":
        _write_bids(path, scored, origin)
    else:
        table = _tabulate(scored).assign(data_source=origin.data_source)
        _write_table(path, table, separator="," if to == "csv" else "\t")


def cut_into_epochs(hypnogram: Hypnogram, epoch_s: float) -> Hypnogram:
    """Return the hypnogram as one stage per epoch from its start, each that at the epoch's middle.

    An epoch that would end after the hypnogram is left out.
    """
    n_epochs = int((hypnogram.end_s - hypnogram.start_s) / epoch_s + _CLOSE_S)
    onsets_s = hypnogram.start_s + epoch_s * np.arange(n_epochs)
    stages = hypnogram.stages
    rows = np.searchsorted(stages["onset_s"], onsets_s + epoch_s / 2, side="right") - 1
    ends_s = (stages["onset_s"] + stages["duration_s"]).to_numpy()
    inside = rows >= 0
    inside[inside] &= (onsets_s + epoch_s / 2)[inside] < ends_s[rows[inside]]
    labels = stages["label"].to_numpy()[rows[inside]]
    frame = pd.DataFrame(
        {"onset_s": onsets_s[inside], "duration_s": epoch_s, "label": labels.astype(object)}
    )
    end_s = hypnogram.start_s + n_epochs * epoch_s
    unscored_s = epoch_s * float(n_epochs - inside.sum())
    return hypnogram._replace(stages=frame, end_s=end_s, unscored_s=unscored_s)


def fill_unscored(hypnogram: Hypnogram) -> pd.DataFrame:
    """Return `onset_s, duration_s, label` without holes: what has no stage is `n/a`."""
    rows, reached_s = [], hypnogram.start_s
    for onset_s, duration_s, label in hypnogram.stages.itertuples(index=False):
        if onset_s > reached_s + _CLOSE_S:
            rows.append((reached_s, onset_s - reached_s, UNSCORED))
        rows.append((onset_s, duration_s, label))
        reached_s = onset_s + duration_s
    if hypnogram.end_s > reached_s + _CLOSE_S:
        rows.append((reached_s, hypnogram.end_s - reached_s, UNSCORED))
    return pd.DataFrame(rows, columns=ANNOTATION_COLUMNS)


def _tabulate(scored: Hypnogram | Mapping[str, Hypnogram]) -> pd.DataFrame:
    names = {"onset_s": "onset", "duration_s": "duration", "label": "stage"}
    if not isinstance(scored, Mapping):
        return fill_unscored(scored).rename(columns=names)
    parts = [
        fill_unscored(one).rename(columns=names).assign(**{SCORER_COLUMN: name})
        for name, one in scored.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["onset", SCORER_COLUMN], ignore_index=True, kind="stable")


def _write_table(path: Path, table: pd.DataFrame, *, separator: str) -> None:
    times = {name: [_spell(value) for value in table[name]] for name in ("onset", "duration")}
    table.assign(**times).to_csv(path, sep=separator, index=False, lineterminator="\n")


def _spell(value: float) -> str:
    """Return a time in seconds with as many digits as it has, six behind the point at most."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _write_bids(path: Path, scored: Hypnogram | Mapping[str, Hypnogram], origin: Origin) -> None:
    """Write `_events.tsv`, and beside it the `_events.json` that says what its columns mean."""
    if not path.name.endswith(EVENTS):
        raise EpochalError(f"{path.name}: BIDS events are called …{EVENTS}")
    table = _tabulate(scored).rename(columns={"stage": "trial_type"})
    sidecar = path.with_name(path.name.removesuffix(EVENTS) + "_events.json")
    content = json.dumps(_describe_columns(table, origin), indent=2, ensure_ascii=False)
    sidecar.write_text(content + "\n", encoding="utf-8")
    _write_table(path, table, separator="\t")


def _describe_columns(table: pd.DataFrame, origin: Origin) -> dict[str, Any]:
    levels = {name: _MEANINGS.get(name, name) for name in dict.fromkeys(table["trial_type"])}
    described: dict[str, Any] = {
        "trial_type": {"LongName": "Sleep stage", "Levels": levels},
        "data_source": origin.data_source,
        "GeneratedBy": {"Name": "Epochal", "Version": __version__, "Source": origin.source},
        "Notice": RESEARCH_USE,
    }
    if SCORER_COLUMN in table:
        described[SCORER_COLUMN] = {"Description": "Who scored it; every scorer has rows."}
    return described


def _write_edf(path: Path, hypnogram: Hypnogram, origin: Origin) -> None:
    """Write annotations alone, `Sleep stage N2`; no signal, no name.

    The first one says where the labels come from, and whether the data are real. The texts are
    those of EDF+ (Kemp and Olivan 2003, doi:10.1016/S1388-2457(03)00123-8).
    """
    import edfio

    told = f"Epochal {__version__}, converted, data: {origin.data_source}. {RESEARCH_USE}"
    marks = [edfio.EdfAnnotation(0.0, None, told)]
    for onset_s, duration_s, label in fill_unscored(hypnogram).itertuples(index=False):
        if onset_s < 0:
            raise RecordingError(path, f"{label} at {onset_s:g} s: EDF+ counts from 0")
        text = f"Sleep stage {'?' if label == UNSCORED else 'R' if label == 'REM' else label}"
        marks.append(edfio.EdfAnnotation(round(onset_s, 6), round(duration_s, 6), text))
    edfio.Edf([], annotations=marks, **_start(edfio, hypnogram.starts_at)).write(path)


def _start(edfio: Any, starts_at: datetime | None) -> dict[str, Any]:
    """Return the header's date and time where they are known and a header can hold them."""
    if starts_at is None or starts_at.year not in _EDF_YEARS:
        return {}
    return {
        "recording": edfio.Recording(startdate=starts_at.date()),
        "starttime": starts_at.time(),
    }
