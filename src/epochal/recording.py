"""A recording: one continuous, multichannel measurement of one subject, and its HDF5 file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from epochal.errors import RecordingError

if TYPE_CHECKING:
    import h5py

DataSource = Literal["real", "simulated"]
ANNOTATION_COLUMNS = ["onset_s", "duration_s", "label"]
FORMAT_VERSION = 1


class StoredSignal:
    """A channel's samples in an HDF5 file: read when asked for, whole or by slice."""

    def __init__(self, path: str, name: str, n_samples: int) -> None:
        self._path, self._name, self.shape = path, name, (n_samples,)
        self.dtype = np.dtype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, item: Any) -> np.ndarray:
        import h5py  # here, for scoring to start sooner

        with h5py.File(self._path, "r") as file:
            return file[self._name][item]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[()], dtype=dtype)


@dataclass(frozen=True)
class Channel:
    """One signal at its own rate.

    `data` is float32 `(n_samples,)` in `unit` (`uV`, `uS`, `g`, `degC`, …); its first sample lies
    `start_s` seconds after the recording's start (the files of an E4 start at different times).
    A stored recording's `data` stay in its file until `np.asarray(channel.data)` or a slice.
    """

    name: str
    unit: str
    sfreq: float
    data: np.ndarray | StoredSignal
    start_s: float = 0.0

    @property
    def end_s(self) -> float:
        """Seconds from the recording's start to the end of the last sample."""
        return self.start_s + len(self.data) / self.sfreq


def no_annotations() -> pd.DataFrame:
    """Return the annotations of a recording that nobody scored."""
    return pd.DataFrame(
        {"onset_s": pd.Series(dtype=float), "duration_s": pd.Series(dtype=float),
         "label": pd.Series(dtype=str)}
    )  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """What a reader returns: channels in native rates, units and names, and what is known of them.

    `annotations` has the columns `onset_s, duration_s, label`, labels as the study's readers map
    them. `runs` are the contiguous stretches `(start_s, end_s)`; nothing reads across a gap.
    `arrays` hold what comes already cut into epochs, epochs first (`windows`
    `(n_epochs, n_channels, n_samples)`, `spectrogram`, …); `table` holds given per-epoch columns.
    `problems` says in plain sentences what the reader repaired.
    """

    recording_id: str
    subject_id: str
    channels: tuple[Channel, ...] = ()
    start: datetime | None = None
    annotations: pd.DataFrame = field(default_factory=no_annotations)
    runs: tuple[tuple[float, float], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    data_source: DataSource = "real"
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    table: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Fill in the single run of a recording without gaps."""
        if not self.runs and self.channels:
            start = max(channel.start_s for channel in self.channels)
            end = min(channel.end_s for channel in self.channels)
            object.__setattr__(self, "runs", ((start, end),))

    @property
    def channel_names(self) -> list[str]:
        """The channels' names, in the file's order."""
        return [channel.name for channel in self.channels]

    @property
    def duration_s(self) -> float:
        """Seconds from the recording's start to the end of its last run."""
        return max((end for _, end in self.runs), default=0.0)

    def channel(self, name: str) -> Channel:
        """Return one channel; a missing one raises `RecordingError` with what there is."""
        for channel in self.channels:
            if channel.name == name:
                return channel
        reasons = [problem for problem in self.problems if f"'{name}'" in problem]
        told = "; ".join([f"it has: {', '.join(self.channel_names)}", *reasons])
        raise RecordingError(self.recording_id, f"no channel '{name}'; {told}")


def write_recording(path: str | Path, recording: Recording) -> None:
    """Write a recording as one HDF5 file: a dataset per channel, the rest as attributes."""
    import h5py  # here, for scoring to start sooner

    with h5py.File(path, "w") as file:
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["header"] = json.dumps(_header(recording))
        for index, channel in enumerate(recording.channels):
            samples = np.asarray(channel.data, dtype=np.float32)
            signal = file.create_dataset(f"channels/{index}", data=samples)
            signal.attrs.update(
                name=channel.name, unit=channel.unit, sfreq=channel.sfreq, start_s=channel.start_s
            )
        for name, array in recording.arrays.items():
            file.create_dataset(f"arrays/{name}", data=array)
        _write_frame(file, "annotations", recording.annotations)
        if recording.table is not None:
            _write_frame(file, "table", recording.table)


def read_recording(path: str | Path) -> Recording:
    """Read what `write_recording` wrote, leaving the signals in the file until they are used.

    Another file, or another format version, raises `RecordingError`.
    """
    import h5py  # here, for scoring to start sooner

    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format_version") != FORMAT_VERSION:
                raise RecordingError(
                    path, f"format version {file.attrs.get('format_version')}, not {FORMAT_VERSION}"
                )
            return _from_file(file, str(path))
    except OSError as error:
        raise RecordingError(path, f"not a readable HDF5 file ({error})") from error


def _header(recording: Recording) -> dict[str, Any]:
    return {
        "recording_id": recording.recording_id,
        "subject_id": recording.subject_id,
        "start": recording.start.isoformat() if recording.start else None,
        "runs": [list(run) for run in recording.runs],
        "metadata": dict(recording.metadata),
        "problems": list(recording.problems),
        "data_source": recording.data_source,
    }


def _from_file(file: h5py.File, path: str) -> Recording:
    header = json.loads(file.attrs["header"])
    signals = file.get("channels", {})
    return Recording(
        recording_id=header["recording_id"],
        subject_id=header["subject_id"],
        channels=tuple(_open_channel(signals[str(index)], path) for index in range(len(signals))),
        start=datetime.fromisoformat(header["start"]) if header["start"] else None,
        annotations=_read_frame(file["annotations"]),
        runs=tuple((float(start), float(end)) for start, end in header["runs"]),
        metadata=header["metadata"],
        problems=tuple(header["problems"]),
        data_source=header["data_source"],
        arrays={name: array[()] for name, array in file.get("arrays", {}).items()},
        table=_read_frame(file["table"]) if "table" in file else None,
    )


def _open_channel(signal: h5py.Dataset, path: str) -> Channel:
    attrs = signal.attrs
    return Channel(
        name=attrs["name"],
        unit=attrs["unit"],
        sfreq=float(attrs["sfreq"]),
        data=StoredSignal(path, signal.name, signal.shape[0]),
        start_s=float(attrs["start_s"]),
    )


def _write_frame(file: h5py.File, name: str, frame: pd.DataFrame) -> None:
    import h5py  # here, for scoring to start sooner

    group = file.create_group(name)
    group.attrs["columns"] = json.dumps(list(frame.columns))
    for column in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[column]):
            group.create_dataset(column, data=frame[column].to_numpy())
            continue
        missing = frame[column].isna()
        values = frame[column].astype(object).mask(missing, "").to_numpy()
        group.create_dataset(column, data=values, dtype=h5py.string_dtype())
        if missing.any():  # HDF5 text knows no null
            file.create_dataset(f"missing/{name}/{column}", data=missing.to_numpy())


def _read_frame(group: h5py.Group) -> pd.DataFrame:
    columns: Iterable[str] = json.loads(group.attrs["columns"])
    return pd.DataFrame({column: _read_column(group[column]) for column in columns})


def _read_column(values: h5py.Dataset) -> Any:
    import h5py  # here, for scoring to start sooner

    if not h5py.check_string_dtype(values.dtype):
        return values[()]
    text = values.asstr()[()]
    missing = values.file.get(f"missing{values.name}")
    return text if missing is None else np.where(missing[()], None, text)
