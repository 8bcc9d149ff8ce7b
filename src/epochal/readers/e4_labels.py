"""Labels of Stress-Predict: the runs of a table with one row per participant and second."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from epochal.errors import RecordingError

COLUMNS = ["Participant", "Time(sec)", "Label"]


def labels_of(
    table: str | Path, recording_id: str, *, classes: dict[int, str], tasks: tuple[str, ...]
) -> pd.DataFrame:
    """Return `onset_s` (Unix s), `duration_s`, `label`, `task` of the recording's participant.

    A run ends where the label changes or a second is missing. `task` names the run's place in the
    protocol, and is empty where the runs are not as many as `tasks`. Empty when the table has no
    rows of the participant; an unknown label or a table that is something else raises
    `RecordingError`.
    """
    rows = _rows(table, _participant(recording_id))
    _check_labels(table, rows, classes)
    seconds, codes = rows["Time(sec)"].to_numpy(), rows["Label"].to_numpy()
    starts = np.flatnonzero(
        np.r_[True, (np.diff(codes) != 0) | (np.diff(seconds) != 1)][: len(codes)]
    )
    counts = np.diff(np.r_[starts, len(codes)])
    return pd.DataFrame(
        {
            "onset_s": seconds[starts].astype(float),
            "duration_s": counts.astype(float),
            "label": [classes[int(code)] for code in codes[starts]],
            "task": list(tasks) if len(tasks) == len(starts) else [""] * len(starts),
        }
    )


def _participant(recording_id: str) -> int | None:
    """Return the number of `S02`, which the table names 2; None for an id of another form."""
    match = re.search(r"(?:^|_)S(\d+)$", recording_id)
    return int(match[1]) if match else None


def _rows(table: str | Path, participant: int | None) -> pd.DataFrame:
    try:
        rows = pd.read_csv(table, usecols=lambda name: name in COLUMNS)
    except (OSError, ValueError) as error:
        raise RecordingError(table, f"not a table of labels ({error})") from error
    if missing := [name for name in COLUMNS if name not in rows]:
        raise RecordingError(table, f"has no column {missing}; a table of labels has {COLUMNS}")
    rows = rows[rows["Participant"] == participant]
    if not all(pd.api.types.is_numeric_dtype(rows[name]) for name in COLUMNS):
        raise RecordingError(table, f"its columns {COLUMNS} are not all numbers")
    if (rows["Time(sec)"].diff().dropna() <= 0).any():
        raise RecordingError(table, f"the times of participant {participant} do not increase")
    return rows


def _check_labels(table: str | Path, rows: pd.DataFrame, classes: dict[int, str]) -> None:
    unknown = sorted(set(rows["Label"]) - set(classes), key=str)
    if unknown:
        raise RecordingError(
            table, f"unknown label {unknown[0]}; the known ones are {sorted(classes)}"
        )
