"""One module per raw format; each offers `find(folder, options)` and `read(source, options)`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from epochal.checksums import checksum
from epochal.errors import EpochalError, RecordingError, did_you_mean
from epochal.readers.parts import data_file_of
from epochal.recording import Recording


class Source(NamedTuple):
    """The raw files of one recording: the signal's `path`, and the files that go with it."""

    recording_id: str
    path: str
    companions: tuple[str, ...] = ()


class Reader(NamedTuple):
    """What a format's module offers: its options, a search and a read.

    `find` lists the recordings below a folder without opening the signals; `read` reads one, and
    raises `RecordingError` naming the file and what is wrong with it.
    """

    Options: type[BaseModel]
    find: Callable[[Path, Any], list[Source]]
    read: Callable[[Source, Any], Recording]


READERS = {
    "sleep_edfx": "epochal.readers.sleep_edfx",
    "edf": "epochal.readers.edf",
    "e4": "epochal.readers.e4",
    "wesad": "epochal.readers.wesad",
    "rodent": "epochal.readers.rodent",
    "bids": "epochal.readers.bids",
    "file_table": "epochal.readers.file_table",
    "mne": "epochal.readers.mne_files",
    "hms": "epochal.readers.hms",
    "irr": "epochal.readers.irr",
    "slow_oscillation": "epochal.readers.slow_oscillation",
    "feature_table": "epochal.readers.feature_table",
}


# a file's extension -> the reader of a single file of it, whatever data set it belongs to
BY_EXTENSION = {
    **dict.fromkeys((".edf", ".rec", ".bdf"), "edf"),
    **dict.fromkeys((".vhdr", ".set", ".fif", ".gdf", ".cnt"), "mne"),
    ".zip": "e4",
    ".pkl": "wesad",
    ".mat": "rodent",
    ".h5": "slow_oscillation",
}


def reader_of(path: Path) -> str:
    """Return the name of the reader for one file, or for an E4 folder."""
    if path.is_dir():
        return "e4"
    if path.suffix.lower() not in BY_EXTENSION:
        known = ", ".join(sorted(BY_EXTENSION))
        raise RecordingError(
            path, f"no reader for '{path.suffix}'; there are {known} and E4 folders"
        )
    return BY_EXTENSION[path.suffix.lower()]


def signal_checksum(path: Path) -> str:
    """Return what a recording is known by, labels and notes beside its signals aside: a SHA-256.

    It is of the file that holds the samples, which may be another than BrainVision's or EEGLAB's
    header; of an E4 folder, or its zip, of the signal files in it.
    """
    if path.is_dir() or path.suffix.lower() == ".zip":
        from epochal.readers.e4_files import E4Files

        return E4Files(path).checksum()
    return checksum([data_file_of(path)])


def reader(name: str) -> Reader:
    """Return the reader of a format by its name in `READERS`."""
    if name not in READERS:
        raise EpochalError(f"No reader '{name}'{did_you_mean(name, READERS)}")
    module = import_module(READERS[name])
    return Reader(module.Options, module.find, module.read)
