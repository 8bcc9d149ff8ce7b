"""The slow-oscillation data's files, read by row: the HDF5 dataset, its stand-in, the labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd

from epochal.errors import RecordingError, did_you_mean
from epochal.readers.float32 import as_float32

# Columns 0 to 10; the challenge does not state their units.
METADATA_COLUMNS = (
    "previous_count",
    "previous_mean_amplitude",
    "previous_mean_duration",
    "current_amplitude",
    "current_duration",
    "sleep_stage",
    "time_since_sleep_onset",
    "time_in_deep",
    "time_in_light",
    "time_in_rem",
    "time_in_wake",
)
N_SAMPLES = 1250
N_COLUMNS = len(METADATA_COLUMNS) + N_SAMPLES
LABELS = ("0", "1", "2")


class Columns(NamedTuple):
    """Some rows of the CSV that stands in for the HDF5 file: the features, and the rows' ids."""

    features: pd.DataFrame
    ids: np.ndarray


def count_rows(path: str | Path, dataset_key: str) -> int:
    """Return how many rows the HDF5 dataset or the CSV has."""
    if Path(path).suffix == ".csv":
        return len(_read_csv(str(path), *_state(path), ("id",)))
    with _open(path) as file:
        return _dataset(path, file, dataset_key).shape[0]


def read_rows(path: str | Path, dataset_key: str, start: int, stop: int) -> np.ndarray:
    """Return rows `start` to `stop` of the dataset, float32 `(n_rows, 1261)`; nothing else is read.

    Raises `RecordingError` for a wrong key or shape, a damaged file, and rows beyond its end.
    """
    with _open(path) as file:
        dataset = _dataset(path, file, dataset_key)
        if stop > dataset.shape[0]:
            reason = f"rows {start} to {stop} were asked for; it has {dataset.shape[0]}"
            raise RecordingError(path, reason)
        return as_float32(dataset[start:stop])


def read_columns(path: str | Path, start: int, stop: int, drop: tuple[str, ...]) -> Columns:
    """Return rows `start` to `stop` of a CSV: its numeric columns but `drop`, and their ids.

    Without a column `id`, a row's number is its id. Raises `RecordingError` for a column that is
    not numeric, no column left, and rows beyond the end.
    """
    try:
        rows = pd.read_csv(path, skiprows=range(1, start + 1), nrows=stop - start)
    except (ValueError, OSError) as error:
        raise RecordingError(path, f"not a readable CSV file ({error})") from error
    if len(rows) < stop - start:
        raise RecordingError(path, f"rows {start} to {stop} were asked for; it has fewer")
    features = rows.drop(columns=[name for name in drop if name in rows])
    for name in features:
        if not pd.api.types.is_numeric_dtype(features[name]):
            raise RecordingError(path, f"column '{name}' holds something else than numbers")
    if features.empty:
        raise RecordingError(path, f"no feature column; it has: {', '.join(map(str, rows))}")
    ids = rows["id"].to_numpy() if "id" in rows else np.arange(start, stop)
    return Columns(features, ids)


def read_labels(path: str | Path) -> pd.Series:
    """Return the labels "0", "1" or "2" by id.

    Raises `RecordingError` for a missing column, an id that comes twice, and another label.
    """
    rows = _read_csv(str(path), *_state(path), ("id", "label"))
    for name in ("id", "label"):
        if name not in rows:
            raise RecordingError(path, f"no column '{name}'{did_you_mean(name, map(str, rows))}")
    if rows["id"].duplicated().any():
        twice = rows.loc[rows["id"].duplicated(), "id"].iloc[0]
        raise RecordingError(path, f"id {twice} comes twice")
    known = rows["label"].isin([int(label) for label in LABELS])
    if not known.all():
        row = rows[~known].iloc[0]
        raise RecordingError(path, f"id {row['id']}: label '{row['label']}' is none of 0, 1, 2")
    return rows.set_index("id")["label"].astype(int).astype(str)


def _state(path: str | Path) -> tuple[int, int]:
    if not Path(path).is_file():
        raise RecordingError(path, "no such file")
    stat = Path(path).stat()
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=4)
def _read_csv(path: str, mtime_ns: int, size: int, wanted: tuple[str, ...]) -> pd.DataFrame:
    """Read few columns of a CSV, once for all blocks of rows; the first column if none is there."""
    del mtime_ns, size  # only tell one state of the file from another
    try:
        header = pd.read_csv(path, nrows=0).columns
        columns = [name for name in wanted if name in header] or list(header[:1])
        return pd.read_csv(path, usecols=columns)
    except (ValueError, OSError) as error:
        raise RecordingError(path, f"not a readable CSV file ({error})") from error


@contextmanager
def _open(path: str | Path) -> Iterator[h5py.File]:
    """Open an HDF5 file; whatever h5py stumbles over in it is named."""
    if not Path(path).is_file():
        raise RecordingError(path, "no such file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise RecordingError(path, f"not a readable HDF5 file ({error})") from error


def _dataset(path: str | Path, file: h5py.File, key: str) -> h5py.Dataset:
    dataset = file.get(key)
    if not isinstance(dataset, h5py.Dataset):
        raise RecordingError(path, f"no dataset '{key}'{did_you_mean(key, file)}")
    if dataset.ndim != 2 or dataset.shape[1] != N_COLUMNS:
        hint = " (it is transposed)" if dataset.shape[:1] == (N_COLUMNS,) else ""
        reason = f"'{key}' has shape {dataset.shape}, not (N, {N_COLUMNS}){hint}"
        raise RecordingError(path, reason)
    if dataset.dtype.kind not in "fiu":
        raise RecordingError(path, f"'{key}' holds {dataset.dtype} values, not numbers")
    return dataset
