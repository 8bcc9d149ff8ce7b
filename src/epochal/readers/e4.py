"""Empatica E4 recordings: a folder or zip of CSV files, alone or laid out as Stress-Predict.

Stress-Predict: Iqbal et al., Sensors 2022, doi:10.3390/s22218135. IBI.csv is not read: beats are
detected anew from the pulse wave, and its times would not be a uniform channel.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, Field

from epochal.errors import RecordingError
from epochal.provenance import data_source_of
from epochal.readers import Source
from epochal.readers.e4_files import SIGNALS, E4Files, Signal, read_signal, read_tags
from epochal.readers.e4_labels import labels_of
from epochal.readers.naming import name_recordings
from epochal.recording import Channel, Recording, no_annotations

LEVELS_ABOVE = 3  # how far above the given folder the table of labels may lie
SLACK_S = 60.0  # by which labels may outlast the signals


class Options(BaseModel, extra="forbid", frozen=True):
    """How to read Empatica E4 recordings."""

    labels_table: str = Field(
        "Processed_data/Improved_All_Combined_hr_rsp_binary.csv",
        description="Table of 1 Hz labels (Participant, Time(sec), Label), relative to the data's "
        "folder or to one of the three above it; absent: recordings are read without labels",
    )
    classes: dict[int, str] = Field(
        {0: "baseline", 1: "stress"}, description="Class of each label code of the table"
    )
    tasks: tuple[str, ...] = Field(
        ("relax", "stroop", "relax", "interview", "relax", "hyperventilation", "relax"),
        description="What was done in each run of labels, in the protocol's fixed order; "
        "goes into the annotations' column `task`",
    )
    subject_pattern: str = Field(
        r"(.+)",
        description="Regular expression matched at the start of the recording id; its first group "
        "is the subject. The default makes each recording a subject of its own",
    )


def find(folder: Path, options: Options) -> list[Source]:
    """List the E4 folders and E4 zips at or below `folder`.

    An id is the folder's (or zip's) name, or its whole path below `folder` where names repeat.
    Raises `RecordingError` when there is none, or when a table of labels was asked for by name
    and is absent.
    """
    places = sorted(_places(Path(folder)))
    if not places:
        raise RecordingError(folder, f"no E4 recording here: no folder or zip with {_wanted()}")
    table = _labels_table(Path(folder), options)
    ids = name_recordings(Path(folder), {place: place.stem for place in places})
    if twice := sorted(name for name, count in Counter(ids.values()).items() if count > 1):
        raise RecordingError(folder, f"two recordings would both be called '{twice[0]}'")
    return [Source(name, str(place), _companions(place, table)) for place, name in ids.items()]


def read(source: Source, options: Options) -> Recording:
    """Read one E4 recording: each file a channel at its own rate and start; ACC in g.

    Raises `RecordingError` for a file that is empty, not numeric, or beyond what an E4 can
    measure, for no file at all, and for labels that cannot be of this recording. The start is that
    of the earliest file.
    """
    files = E4Files(source.path)
    signals = {name: read_signal(files, name) for name in SIGNALS if files.has(name)}
    found = {name: signal for name, signal in signals.items() if signal.n_samples}
    if not set(found) - {"HR"}:
        raise RecordingError(source.path, f"no E4 signal here: it needs {_wanted()}")
    start_unix_s = min(signal.start_unix_s for signal in found.values())
    channels = tuple(
        channel
        for name, signal in found.items()
        for channel in _channels(name, signal, start_unix_s)
    )
    end_s = max(channel.end_s for channel in channels)
    annotations, notes = _annotations(source, options, start_unix_s=start_unix_s, end_s=end_s)
    _check_overlap(source, channels)
    return Recording(
        recording_id=source.recording_id,
        subject_id=_subject_id(source.recording_id, options),
        channels=channels,
        start=datetime.fromtimestamp(start_unix_s, UTC),
        annotations=annotations,
        metadata={"device": "Empatica E4", **notes, **read_tags(files, start_unix_s)},
        problems=tuple(p for signal in signals.values() for p in signal.problems)
        + _missing(source, signals),
        data_source=data_source_of(source.path),
    )


def _places(folder: Path) -> set[Path]:
    """Folders that hold a signal file, and zips that do or that cannot be opened."""
    if folder.is_file():
        return {folder} if zipfile.is_zipfile(folder) else set()
    folders = {path.parent for name in SIGNALS for path in folder.rglob(f"{name}.csv")}
    return folders | {path for path in folder.rglob("*.zip") if _may_hold_e4(path)}


def _may_hold_e4(path: Path) -> bool:
    """Whether to try a zip: a broken one is tried, so that `read` can say what is wrong with it."""
    if not zipfile.is_zipfile(path):
        return True
    return any(E4Files(path).has(name) for name in SIGNALS)


def _wanted() -> str:
    return ", ".join(f"{name}.csv" for name in SIGNALS if name != "HR")


def _labels_table(folder: Path, options: Options) -> Path | None:
    above = [folder, *folder.absolute().parents][: LEVELS_ABOVE + 1]
    for candidate in (place / options.labels_table for place in above):
        if candidate.is_file():
            return candidate
    if "labels_table" in options.model_fields_set:
        raise RecordingError(folder / options.labels_table, "no such table of labels")
    return None


def _companions(place: Path, table: Path | None) -> tuple[str, ...]:
    own = sorted(place.glob("*.csv")) if place.is_dir() else []
    return tuple(str(path) for path in [*own, *([table] if table else [])])


def _subject_id(recording_id: str, options: Options) -> str:
    match = re.match(options.subject_pattern, recording_id)
    if not match or not match.groups():
        raise RecordingError(
            recording_id, f"subject_pattern '{options.subject_pattern}' names no subject in this id"
        )
    return match.group(1)


def _channels(name: str, signal: Signal, start_unix_s: float) -> list[Channel]:
    axes = ["x", "y", "z"] if name == "ACC" else [""]
    return [
        Channel(
            f"{name} {axis}".strip(),
            SIGNALS[name].unit,
            signal.sfreq,
            signal.samples[:, column],
            start_s=signal.start_unix_s - start_unix_s,
        )
        for column, axis in enumerate(axes)
    ]


def _annotations(
    source: Source, options: Options, *, start_unix_s: float, end_s: float
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the runs of labels of this recording, and what to note about them."""
    name = Path(options.labels_table).name
    tables = [path for path in source.companions if Path(path).name == name]
    if not tables:
        return no_annotations(), {"labels": "none given"}
    runs = labels_of(tables[0], source.recording_id, classes=options.classes, tasks=options.tasks)
    if runs.empty:
        return no_annotations(), {"labels": f"none for {source.recording_id} in {name}"}
    runs["onset_s"] -= start_unix_s
    last_s = float((runs["onset_s"] + runs["duration_s"]).iloc[-1])
    if runs["onset_s"].iloc[0] < -1 or last_s > end_s + SLACK_S:
        raise RecordingError(
            tables[0],
            f"the labels of {source.recording_id} run from {runs['onset_s'].iloc[0]:.0f} to "
            f"{last_s:.0f} s, outside the recording (0 to {end_s:.0f} s)",
        )
    return runs, {"labels": name}


def _check_overlap(source: Source, channels: tuple[Channel, ...]) -> None:
    last, first = max(channels, key=_start), min(channels, key=_end)
    if _start(last) >= _end(first):
        raise RecordingError(
            source.path,
            f"{last.name} starts at {_start(last):.0f} s, after the end of {first.name}",
        )


def _start(channel: Channel) -> float:
    return channel.start_s


def _end(channel: Channel) -> float:
    return channel.end_s


def _missing(source: Source, signals: dict[str, Signal]) -> tuple[str, ...]:
    return tuple(
        f"There is no {name}.csv in {Path(source.path).name}; its channel is missing."
        for name in SIGNALS
        if name not in signals
    )
