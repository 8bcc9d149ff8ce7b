"""Which reader a file or folder is for, by its name and then by what is in it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from epochal.errors import RecordingError
from epochal.readers import Source, reader, reader_of
from epochal.readers.e4_files import SIGNALS
from epochal.readers.naming import safe_name

TABLES = (".csv", ".tsv", ".parquet")
# A folder is of the first kind that has any of these in it.
_IN_FOLDER: dict[str, tuple[str, ...]] = {
    "file_table": ("recordings.csv", "recordings.tsv", "recordings.parquet"),
    "bids": ("sub-*/eeg/*_eeg.*", "sub-*/ses-*/eeg/*_eeg.*"),
    "hms": ("train_eegs", "test_eegs"),
    "slow_oscillation": ("X_train.h5", "X_train_merged.csv"),
    "wesad": ("S[0-9]*.pkl", "S[0-9]*/S[0-9]*.pkl"),
    "e4": tuple(f"{below}{name}.csv" for name in SIGNALS for below in ("", "*/", "*/*/")),
    "sleep_edfx": ("**/*-PSG.edf",),
    "rodent": ("**/*_labels.csv", "**/*_labels.mat", "**/*_events.tsv"),
    "edf": ("**/*.edf", "**/*.EDF", "**/*.bdf", "**/*.rec"),
}


def detect_reader(path: Path) -> str:
    """Return the name of the reader that a file or a folder is for.

    Raises `RecordingError` for what no reader knows, and for a file that is one part of a
    recording of several files.
    """
    if path.is_dir():
        return _of_folder(path)
    if path.parent.name == "eeg" and path.stem.endswith("_eeg"):
        return "bids"
    by_ending: dict[str, Callable[[Path], str]] = {
        **dict.fromkeys(TABLES, _of_table),
        ".mat": _of_mat,
        ".edf": _of_edf,
    }
    return by_ending.get(path.suffix.lower(), reader_of)(path)


def list_sources(path: Path, name: str) -> tuple[list[Source], Any]:
    """List the recordings of a file or folder with the files that go with each, and the options.

    A file's labels and side files are found beside it as in a folder of its kind. The options are
    the reader's defaults, but that HMS's test part has no labels.
    """
    of_test = name == "hms" and "test" in (path.stem, path.parent.name.removesuffix("_eegs"))
    options = reader(name).Options(**({"part": "test"} if of_test else {}))
    return _list(path, name, options), options


def _list(path: Path, name: str, options: Any) -> list[Source]:
    find = reader(name).find
    if path.is_dir() or name in ("e4", "rodent", "irr", "slow_oscillation", "file_table"):
        return find(path, options)
    alone = [Source(safe_name(path.stem), str(path))]
    if name not in ("sleep_edfx", "wesad", "hms", "bids"):
        return alone
    found = find(_root_of(path, name), options)
    if name == "hms" and path.suffix == ".csv":
        return found
    return [source for source in found if Path(source.path) == path] or alone


def _root_of(path: Path, name: str) -> Path:
    """Return the folder in which a reader finds a file with all that goes with it."""
    if name == "bids":
        subject = next((above for above in path.parents if above.name[:4] == "sub-"), path.parent)
        return subject.parent
    return path.parents[1] if name == "hms" and path.suffix == ".parquet" else path.parent


def is_stored(path: Path) -> bool:
    """Say whether an HDF5 file is a recording as ingestion stores it."""
    import h5py  # here, for scoring to start sooner

    try:
        with h5py.File(path, "r") as file:
            return "format_version" in file.attrs
    except OSError:
        return False


def columns_of(path: Path) -> list[str]:
    """Return the names of a table's columns; what is no table raises `RecordingError`."""
    try:
        if path.suffix.lower() == ".parquet":
            from pyarrow.parquet import read_schema

            return [str(name) for name in read_schema(path).names]
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
            return next(csv.reader(file, delimiter=delimiter), [])
    except (OSError, ValueError, csv.Error) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecordingError(path, f"not a readable table ({reason})") from error


def _of_folder(folder: Path) -> str:
    for name, patterns in _IN_FOLDER.items():
        if any(next(folder.glob(pattern), None) for pattern in patterns):
            return name
    mat = next(folder.rglob("*.mat"), None)
    if mat is not None:
        return _of_mat(mat)
    if next(folder.rglob("*.zip"), None):
        return "e4"
    here = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
    raise RecordingError(folder, f"no recording that any reader knows; it has: {here}")


def _of_table(path: Path) -> str:
    if path.stem in (*SIGNALS, "IBI", "tags"):
        raise RecordingError(path, "one file of an E4 recording: name its folder")
    columns = set(columns_of(path))
    if {"recording", "path"} <= columns:
        return "file_table"
    if "eeg_id" in columns or {"Fp1", "Fz", "EKG"} <= columns:
        return "hms"
    return "feature_table"


def _of_mat(path: Path) -> str:
    from epochal.readers.mat import read_mat

    return "irr" if {"seg", "seg_10sec"} & set(read_mat(path)) else "rodent"


def _of_edf(path: Path) -> str:
    if re.match(r"(SC4|ST7)\d{3}.*-PSG\.edf$", path.name):
        return "sleep_edfx"
    if re.match(r"(SC4|ST7)\d{3}.*-Hypnogram\.edf$", path.name):
        raise RecordingError(path, "a hypnogram: name the *-PSG.edf that it belongs to")
    return "rodent" if _has_side_file(path.with_suffix(".json")) else "edf"


def _has_side_file(side: Path) -> bool:
    """Say whether a JSON beside a recording is of the animal, not what `epochal score` wrote."""
    return side.is_file() and "training_data_source" not in side.read_text(encoding="utf-8")
