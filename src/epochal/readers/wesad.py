"""WESAD: one pickle per subject, of the chest (RespiBAN, 700 Hz) and the wrist (Empatica E4).

Schmidt et al., ICMI 2018, doi:10.1145/3242969.3242985. The pickle's wrist is synchronised with its
chest, so all channels start at 0; the E4's own files (`SX_E4_Data.zip`) are not, and are read by
the E4 reader.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.errors import RecordingError, did_you_mean
from epochal.provenance import data_source_of
from epochal.readers import Source
from epochal.readers.numpy_pickle import load_arrays
from epochal.readers.wesad_notes import read_notes
from epochal.recording import Channel, Recording

LABEL_HZ = 700.0
CODES = {
    0: "transient", 1: "baseline", 2: "stress", 3: "amusement", 4: "meditation",
    5: "ignored", 6: "ignored", 7: "ignored",
}  # fmt: skip
TOLERANCE_S = 2.0  # channels of one device may end this far apart


class Kind(NamedTuple):
    """A signal of the pickle: its name here, its rate, its unit here, what to multiply it by."""

    name: str
    sfreq: float
    unit: str
    scale: float = 1.0
    axes: tuple[str, ...] = ("",)


AXES = (" x", " y", " z")
# RespiBAN gives ECG and EMG in mV, breathing in % of its belt's range, acceleration in g.
DEVICES: dict[str, dict[str, Kind]] = {
    "chest": {
        "ACC": Kind("ACC", 700.0, "g", axes=AXES),
        "ECG": Kind("ECG", 700.0, "uV", 1000.0),
        "EMG": Kind("EMG", 700.0, "uV", 1000.0),
        "EDA": Kind("EDA", 700.0, "uS"),
        "Temp": Kind("TEMP", 700.0, "degC"),
        "Resp": Kind("RESP", 700.0, "%"),
    },
    "wrist": {
        "ACC": Kind("ACC", 32.0, "g", 1 / 64, axes=AXES),
        "BVP": Kind("BVP", 64.0, "a.u."),
        "EDA": Kind("EDA", 4.0, "uS"),
        "TEMP": Kind("TEMP", 4.0, "degC"),
    },
}


class Options(BaseModel, extra="forbid", frozen=True):
    """How to read WESAD."""

    device: Literal["chest", "wrist"] = Field(
        "chest", description="RespiBAN on the chest (700 Hz) or Empatica E4 on the wrist"
    )
    classes: dict[int, str] = Field(
        {1: "baseline", 2: "stress", 3: "amusement", 4: "meditation"},
        description="Class of each label code; stretches of codes left out (0 transient, 5 to 7 "
        "ignored by WESAD itself) stay without a label. The study's classes choose among these",
    )


def find(folder: Path, options: Options) -> list[Source]:
    """List the subjects' pickles (`S2.pkl`) at or below `folder`, with quest and readme files.

    Raises `RecordingError` when there is none.
    """
    pickles = [path for path in Path(folder).rglob("S*.pkl") if re.fullmatch(r"S\d+", path.stem)]
    if not pickles:
        raise RecordingError(folder, "no WESAD recording here: no S2.pkl, S3.pkl, …")
    return [
        Source(path.stem, str(path), _companions(path))
        for path in sorted(pickles, key=lambda path: (int(path.stem[1:]), path))
    ]


def read(source: Source, options: Options) -> Recording:
    """Read one subject's chest or wrist; ECG and EMG in uV, acceleration in g.

    Annotations carry the condition as `task` beside the label. Raises `RecordingError` for a pickle
    that is damaged, holds anything but arrays, is laid out otherwise, or has an unknown label.
    """
    content = load_arrays(source.path)
    signals = _entry(source, content, "signal", options.device)
    labels = _flat(source, _entry(source, content, "label"), "label")
    _check_subject(source, content)
    channels = _channels(source, signals, options.device)
    _check_lengths(source, channels, len(labels) / LABEL_HZ)
    annotations, unlabelled = _annotations(source, labels, options.classes)
    return Recording(
        recording_id=source.recording_id,
        subject_id=source.recording_id,
        channels=channels,
        annotations=annotations,
        metadata={
            "device": {"chest": "RespiBAN", "wrist": "Empatica E4"}[options.device],
            "unlabelled_s": unlabelled,
            **read_notes(source.companions),
        },
        data_source=data_source_of(source.path),
    )


def _companions(path: Path) -> tuple[str, ...]:
    beside = [path.with_name(f"{path.stem}_{name}") for name in ("quest.csv", "readme.txt")]
    return tuple(str(file) for file in beside if file.is_file())


def _entry(source: Source, content: Any, *keys: str) -> Any:
    """Walk down nested dictionaries; a missing step is named with what there is."""
    for key in keys:
        if not isinstance(content, dict):
            raise RecordingError(source.path, f"not WESAD: no dictionary holds '{key}'")
        if key not in content:
            near = did_you_mean(key, map(str, content))
            raise RecordingError(source.path, f"not WESAD: no entry '{key}'{near}")
        content = content[key]
    return content


def _flat(source: Source, values: Any, name: str, n_columns: int = 1) -> np.ndarray:
    """Return `(n, n_columns)` numbers, or `(n,)` for one column, whatever the spare axes."""
    array = values if isinstance(values, np.ndarray) else np.empty(0)
    shaped = array.reshape(len(array), -1) if array.ndim and array.size else np.empty((0, 0))
    if shaped.shape[1] != n_columns:
        raise RecordingError(
            source.path, f"'{name}' has shape {array.shape}, not (n, {n_columns}) with n > 0"
        )
    return shaped[:, 0] if n_columns == 1 else shaped


def _check_subject(source: Source, content: dict[str, Any]) -> None:
    subject = str(content.get("subject", source.recording_id))
    if subject != source.recording_id:
        raise RecordingError(source.path, f"it says that it is of subject '{subject}'")


def _channels(source: Source, signals: Any, device: str) -> tuple[Channel, ...]:
    channels = []
    for key, kind in DEVICES[device].items():
        values = _flat(source, _entry(source, signals, key), key, n_columns=len(kind.axes))
        columns = values.reshape(len(values), -1).T
        for axis, column in zip(kind.axes, columns, strict=True):
            scaled = np.asarray(column * kind.scale, dtype=np.float32)
            channels.append(Channel(kind.name + axis, kind.unit, kind.sfreq, scaled))
    return tuple(channels)


def _check_lengths(source: Source, channels: tuple[Channel, ...], length_s: float) -> None:
    for channel in channels:
        if abs(channel.end_s - length_s) > TOLERANCE_S:
            raise RecordingError(
                source.path,
                f"{channel.name} lasts {channel.end_s:.1f} s, its labels {length_s:.1f} s",
            )


def _annotations(
    source: Source, labels: np.ndarray, classes: dict[int, str]
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the labelled stretches, and how many seconds each other condition takes."""
    unknown = sorted(set(np.unique(labels).tolist()) - set(CODES))
    if unknown:
        raise RecordingError(
            source.path, f"unknown label {unknown[0]}; the known are {list(CODES)}"
        )
    starts = np.flatnonzero(np.r_[True, np.diff(labels) != 0])
    lengths_s = np.diff(np.r_[starts, len(labels)]) / LABEL_HZ
    runs = pd.DataFrame(
        {
            "onset_s": starts / LABEL_HZ,
            "duration_s": lengths_s,
            "label": [classes.get(int(code), "") for code in labels[starts]],
            "task": [CODES[int(code)] for code in labels[starts]],
        }
    )
    known = runs["label"] != ""
    unlabelled = runs[~known].groupby("task")["duration_s"].sum().round(1)
    return runs[known].reset_index(drop=True), {str(k): float(v) for k, v in unlabelled.items()}
