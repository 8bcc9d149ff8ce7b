"""The inputs of networks: one HDF5 file a recording, whose windows are read when they are used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.errors import RecordingError

if TYPE_CHECKING:
    import h5py

INPUTS = ("signal", "spectrogram")


@dataclass(frozen=True)
class EpochInputs:
    """What networks see of a recording: `arrays` by name, epochs first.

    `epoch` are the epochs' numbers, in order, and `run` the contiguous stretch that each is of;
    `known` says where there is anything to see. `sfreq` and `channels` are the signal's, `site` the
    recording's, if it says so. `looks_ahead` says whether an epoch's inputs depend on later ones.
    """

    arrays: Mapping[str, np.ndarray]
    epoch: np.ndarray
    run: np.ndarray
    known: np.ndarray
    sfreq: float = 0.0
    channels: tuple[str, ...] = ()
    site: str = ""
    looks_ahead: bool = False

    def __len__(self) -> int:
        return len(self.epoch)

    def take(self, rows: np.ndarray) -> EpochInputs:
        """Return the inputs of some epochs."""
        own = {name: getattr(self, name)[rows] for name in ("epoch", "run", "known")}
        return replace(self, arrays={n: array[rows] for n, array in self.arrays.items()}, **own)

    def stretches(self) -> list[tuple[int, int]]:
        """Return the places `(first, end)` of each run's epochs that follow one another."""
        breaks = (np.diff(self.run) != 0) | (np.diff(self.epoch) != 1)
        edges = [0, *(np.flatnonzero(breaks) + 1), len(self)]
        return [(int(first), int(end)) for first, end in pairwise(edges) if end > first]


def write_inputs(path: str | Path, inputs: EpochInputs) -> None:
    """Write inputs as HDF5, each array in one piece."""
    import h5py  # here, for scoring to start sooner

    with h5py.File(path, "w") as file:
        file.attrs.update(sfreq=inputs.sfreq, channels=list(inputs.channels), site=inputs.site)
        file.attrs["looks_ahead"] = inputs.looks_ahead
        for name in ("epoch", "run", "known"):
            file.create_dataset(name, data=getattr(inputs, name))
        for name, array in inputs.arrays.items():
            file.create_dataset(f"arrays/{name}", data=array)


def read_inputs(path: str | Path) -> EpochInputs:
    """Read what `write_inputs` wrote; the arrays stay in the file until a slice is taken.

    What is no such file raises `RecordingError`.
    """
    import h5py  # here, for scoring to start sooner

    try:
        with h5py.File(path, "r") as file:
            arrays = {name: _map(array, path) for name, array in file["arrays"].items()}
            return EpochInputs(
                arrays=arrays,
                epoch=file["epoch"][()],
                run=file["run"][()],
                known=file["known"][()],
                sfreq=float(file.attrs["sfreq"]),
                channels=tuple(map(str, file.attrs["channels"])),
                site=str(file.attrs["site"]),
                looks_ahead=bool(file.attrs["looks_ahead"]),
            )
    except (OSError, KeyError) as error:
        raise RecordingError(path, f"not the inputs of a network ({error})") from error


@dataclass(frozen=True)
class InputStore(Mapping[str, EpochInputs]):
    """The inputs of a cohort by recording: it holds paths, and opens a file when it is asked for.

    `key` says what they were made from.
    """

    paths: Mapping[str, str]
    key: str = ""
    _opened: dict[str, EpochInputs] = field(default_factory=dict, compare=False, repr=False)

    def __getitem__(self, recording_id: str) -> EpochInputs:
        if recording_id not in self.paths:
            raise RecordingError(
                recording_id,
                "no windows were prepared for networks (feature_engineering.network_inputs)",
            )
        if recording_id not in self._opened:
            self._opened[recording_id] = read_inputs(self.paths[recording_id])
        return self._opened[recording_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open files behind."""
        return {**vars(self), "_opened": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)


def gather_inputs(pieces: Mapping[str, Callable[[], Path]]) -> InputStore:
    """Return the store of a cohort's files; pieces that know their key give it one."""
    paths = {name: str(load()) for name, load in pieces.items()}
    keys = [str(getattr(load, "key", "")) for load in pieces.values()]
    return InputStore(paths, hashlib.sha256("".join(keys).encode()).hexdigest())


def _map(array: h5py.Dataset, path: str | Path) -> np.ndarray:
    """Map an array into memory: the system reads the pages that are used, and may drop them."""
    offset = array.id.get_offset()
    if offset is None:  # nothing was ever written: no epochs
        return array[()]
    return np.memmap(path, dtype=array.dtype, mode="r", offset=offset, shape=array.shape)
