"""The formats that MNE reads: BrainVision, EEGLAB, FIF, GDF and others, one channel at a time.

MNE is imported only here and only when such a file is met; EDF and BDF have a reader of their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from epochal.errors import EpochalError, RecordingError
from epochal.provenance import data_source_of
from epochal.readers import Source
from epochal.readers.edf_timeline import Annotation
from epochal.readers.hypnograms import fit_to_signal, map_annotations
from epochal.readers.naming import name_recordings
from epochal.readers.parts import parts_of
from epochal.readers.stages import SLEEP_STAGES, StageMap
from epochal.readers.streams import mask_infinite, settle_voltage
from epochal.recording import Channel, Recording

SUFFIXES = (".vhdr", ".set", ".fif", ".gdf", ".cnt")
VOLTAGES = ("eeg", "eog", "emg", "ecg", "bio", "seeg", "ecog", "dbs")
UV_PER_V = 1e6
# Where signals were cut out or a new file begins; nothing may be read across.
BREAKS = ("boundary", "bad boundary", "edge boundary", "new segment/")


class Options(BaseModel, extra="forbid", frozen=True):
    """What to read of a folder of such files, and how."""

    pattern: str = Field("*", description="File names to read, e.g. `*_sleep.vhdr`")
    channels: tuple[str, ...] = Field(
        (), description="Read only these channels, named as in the file; empty: all"
    )
    stages: StageMap = Field(
        SLEEP_STAGES, description="Each label of the annotations and its class; null: unscored"
    )


def find(folder: Path, options: Options) -> list[Source]:
    """List the files of these formats at or below `folder`, each with its data file and markers.

    None raises `RecordingError`.
    """
    folder = Path(folder)
    found = [folder] if folder.is_file() else sorted(folder.rglob(options.pattern))
    paths = [path for path in found if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise RecordingError(folder, f"no file here ends in {', '.join(SUFFIXES)}")
    ids = name_recordings(folder, {path: path.stem for path in paths})
    return [Source(ids[path], str(path), tuple(map(str, parts_of(path)))) for path in paths]


def read(source: Source, options: Options) -> Recording:
    """Read one file: channels in native rates, voltages in uV, stages among its annotations."""
    return read_mne(
        source.path,
        recording_id=source.recording_id,
        subject_id=source.recording_id,
        channels=options.channels,
        stages=options.stages,
    )


def read_mne(
    path: str | Path,
    *,
    recording_id: str,
    subject_id: str,
    channels: Sequence[str] = (),
    stages: StageMap = SLEEP_STAGES,
) -> Recording:
    """Read one file; what MNE warns of stands in `problems`, what it cannot read is refused."""
    problems: list[str] = []
    raw = _open(Path(path), problems)
    wanted = _choose(path, raw, channels)
    read_channels = tuple(_read_channel(path, raw, name, problems) for name in wanted)
    marks = _marks(raw)
    duration_s = raw.n_times / float(raw.info["sfreq"])
    start = raw.info["meas_date"]
    annotations, fit_problems = fit_to_signal(
        map_annotations(marks, stages=stages, path=path),
        duration_s=duration_s,
        signal_start=start,
        path=path,
    )
    return Recording(
        recording_id=recording_id,
        subject_id=subject_id,
        channels=read_channels,
        start=start,
        annotations=annotations,
        runs=_split_at_breaks(marks, duration_s),
        problems=(*problems, *fit_problems),
        data_source=data_source_of(path),
    )


def _import_mne() -> ModuleType:
    try:
        import mne
    except ImportError as error:
        raise EpochalError(
            "BrainVision, EEGLAB and FIF files need MNE: pip install 'epochal[formats]'"
        ) from error
    return mne


def _open(path: Path, problems: list[str]) -> Any:
    mne = _import_mne()
    if not path.is_file():
        raise RecordingError(path, "no such file")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            raw = mne.io.read_raw(path, preload=False, verbose="error")
    except Exception as error:  # MNE's readers raise whatever their parsing meets
        raise RecordingError(path, f"MNE cannot read it ({_first_line(error)})") from error
    problems += dict.fromkeys(
        f"MNE: {_first_line(warning.message)}"
        for warning in caught
        if issubclass(warning.category, RuntimeWarning)
    )
    if raw.n_times == 0:
        raise RecordingError(path, "it holds no samples")
    return raw


def _first_line(error: object) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _choose(path: str | Path, raw: Any, names: Sequence[str]) -> list[str]:
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    signals = [name for name, kind in kinds.items() if kind != "stim"]
    missing = [name for name in names if name not in signals]
    if missing or not signals:
        raise RecordingError(
            path, f"no channel '{', '.join(missing)}'; it has: {', '.join(signals) or 'none'}"
        )
    return [name for name in signals if not names or name in names]


def _read_channel(path: str | Path, raw: Any, name: str, problems: list[str]) -> Channel:
    sfreq, kind = float(raw.info["sfreq"]), raw.get_channel_types(picks=[name])[0]
    try:
        data = raw.get_data(picks=[name], verbose="error")[0]
    except Exception as error:  # as for opening: the samples may be cut short or missing
        raise RecordingError(path, f"channel '{name}': {_first_line(error)}") from error
    data = mask_infinite(path, name, data, problems)
    if kind not in VOLTAGES:
        return Channel(name, "", sfreq, data.astype(np.float32))
    voltage = settle_voltage(
        path, name, UV_PER_V * data, sfreq=sfreq, declared="uV", problems=problems
    )
    return Channel(name, "uV", sfreq, voltage.astype(np.float32))


def _marks(raw: Any) -> list[Annotation]:
    """Return MNE's annotations in seconds from the first sample, BrainVision's comments bare."""
    shift_s = float(raw.first_time) if raw.annotations.orig_time is not None else 0.0
    return [
        Annotation(
            float(mark["onset"]) - shift_s,
            float(mark["duration"]),
            str(mark["description"]).removeprefix("Comment/"),
        )
        for mark in raw.annotations
    ]


def _split_at_breaks(
    marks: Sequence[Annotation], duration_s: float
) -> tuple[tuple[float, float], ...]:
    """Return the contiguous runs between the places where something was cut out."""
    cuts = sorted(
        {
            mark.onset_s
            for mark in marks
            if mark.text.lower().startswith(BREAKS) and 0 < mark.onset_s < duration_s
        }
    )
    edges = [0.0, *cuts, duration_s]
    return tuple(pairwise(edges))
