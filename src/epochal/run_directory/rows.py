"""The rows of a run: a CSV of features, an HDF5 file of columns and samples, their labels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from epochal.errors import EpochalError, RecordingError, did_you_mean
from epochal.features.roster import compute_features
from epochal.models.downsampling import shorten
from epochal.options.base import Options
from epochal.provenance import data_source_of
from epochal.readers.slow_oscillation import SFREQ
from epochal.readers.slow_oscillation_files import (
    METADATA_COLUMNS,
    N_SAMPLES,
    count_rows,
    read_columns,
    read_labels,
    read_rows,
)

N_GIVEN = len(METADATA_COLUMNS)
SAMPLES = [f"eeg_{number:04d}" for number in range(N_SAMPLES)]
ROWS_AT_ONCE = 4096
SCORED_AT_ONCE = 512  # by exported networks: what they hold of each row is large


class InputFile(Options):
    """A file that a run was trained on; its folder is nobody's business."""

    name: str
    sha256: str
    n_rows: int = Field(ge=0)


class H5Rows:
    """The rows of an HDF5 file, read as they are needed."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = Path(path), key
        self.n_rows = count_rows(path, key)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return consecutive rows, float32 `(n, 1261)`."""
        return read_rows(self.path, self.key, start, stop)

    def take(self, rows: np.ndarray, *, downsample: int = 1) -> np.ndarray:
        """Return the samples of some rows, in their order, `(n, 1, 1250 // downsample)`."""
        taken = np.empty((len(rows), 1, N_SAMPLES // downsample), dtype=np.float32)
        order = np.argsort(rows, kind="stable")
        ordered, first = rows[order], 0
        while first < len(rows):
            start = int(ordered[first])
            last = int(np.searchsorted(ordered, start + ROWS_AT_ONCE))
            chunk = self.read(start, int(ordered[last - 1]) + 1)
            some = chunk[ordered[first:last] - start, N_GIVEN:]
            taken[order[first:last], 0] = shorten(some, downsample)
            first = last
        return taken

    def features(self, start: int, stop: int) -> pd.DataFrame:
        """Return the 121 columns of consecutive rows: 11 as given, 110 of the samples' wavelets."""
        rows = self.read(start, stop)
        given = pd.DataFrame(rows[:, :N_GIVEN], columns=list(METADATA_COLUMNS))
        made = compute_features(rows[:, N_GIVEN:], SFREQ, ("wavelet_combo",))
        return given.join(pd.DataFrame(made).add_prefix("eeg_"))

    def all_features(self, chunk_size: int) -> pd.DataFrame:
        """Return the 121 columns of all rows, so many rows at a time."""
        starts = range(0, self.n_rows, chunk_size)
        parts = [self.features(start, min(start + chunk_size, self.n_rows)) for start in starts]
        return pd.concat(parts, ignore_index=True)

    def hashes(self) -> np.ndarray:
        """Return a number for each row that other rows do not have."""
        starts = range(0, self.n_rows, ROWS_AT_ONCE)
        parts = [
            hash_rows(self.read(start, min(start + ROWS_AT_ONCE, self.n_rows))) for start in starts
        ]
        return np.concatenate(parts)


@dataclass(frozen=True)
class Rows:
    """What there is of `n_rows` rows; `table` holds a CSV's features."""

    ids: np.ndarray
    table: pd.DataFrame | None = None
    h5: H5Rows | None = None
    data_source: str = "real"

    def __len__(self) -> int:
        return len(self.ids)

    def hashes(self) -> dict[str, np.ndarray]:
        """Return a number per row, by the kind of file that the row is in."""
        found = {}
        if self.table is not None:
            found["csv"] = hash_rows(self.table[sorted(self.table)].to_numpy())
        if self.h5 is not None:
            found["h5"] = self.h5.hashes()
        return found


def read_inputs(
    x_csv: Path | None, x_h5: Path | None, *, key: str, drop_columns: tuple[str, ...]
) -> Rows:
    """Open the files that are given; a CSV's rows are put in the order of the HDF5 file's.

    Files of other rows, or no rows, raise `RecordingError`.
    """
    h5 = None if x_h5 is None else H5Rows(x_h5, key)
    table, ids = None, np.arange(h5.n_rows if h5 else 0)
    if x_csv is not None:
        n_rows = count_rows(x_csv, key)
        features, given = read_columns(x_csv, 0, n_rows, drop_columns)
        if h5 is not None:
            features = _match(x_csv, features, given, h5)
        ids = given if h5 is None else ids
        table = features.astype(np.float32)
    path = x_csv or x_h5
    if path is not None and not len(ids):
        raise RecordingError(path, "it has no rows")
    sources = {data_source_of(path) for path in (x_csv, x_h5) if path is not None}
    source = "simulated" if "simulated" in sources else "real"
    return Rows(ids, table=table, h5=h5, data_source=source)


def read_row_labels(path: Path, ids: np.ndarray) -> np.ndarray:
    """Return the label of each id; an id without one, or labels of more rows, are refused."""
    labels = read_labels(path)
    missing = ids[~np.isin(ids, labels.index)]
    if len(missing):
        raise RecordingError(path, f"no label for id {missing[0]}")
    if len(labels) != len(ids):
        raise RecordingError(path, f"it has {len(labels)} labels for {len(ids)} rows")
    return labels.loc[ids].to_numpy()


def describe_file(path: Path, n_rows: int) -> InputFile:
    """Return what the manifest says of a file."""
    with Path(path).open("rb") as file:
        return InputFile(
            name=Path(path).name,
            sha256=hashlib.file_digest(file, "sha256").hexdigest(),
            n_rows=n_rows,
        )


def hash_rows(values: np.ndarray) -> np.ndarray:
    """Return 64 bits of each row's BLAKE2 hash, `(n_rows,)` uint64, of its values in float32."""
    single = np.ascontiguousarray(values, dtype=np.float32)
    digests = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in single)
    return np.frombuffer(digests, dtype=np.uint64)


def check_columns(table: pd.DataFrame, columns: list[str], path: Path | str) -> None:
    """Raise `EpochalError` naming the first column that a run was trained on and a table lacks."""
    missing = [name for name in columns if name not in table]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise EpochalError(
            f"{path}: no column '{missing[0]}'{more}, which the run was trained on"
            f"{did_you_mean(missing[0], map(str, table))}"
        )


def _match(path: Path, features: pd.DataFrame, ids: np.ndarray, h5: H5Rows) -> pd.DataFrame:
    if len(ids) != h5.n_rows or set(ids) != set(range(h5.n_rows)):
        reason = f"its {len(ids)} ids are not those of the {h5.n_rows} rows of {h5.path.name}"
        raise RecordingError(path, reason)
    return features.iloc[np.argsort(ids)].reset_index(drop=True)
