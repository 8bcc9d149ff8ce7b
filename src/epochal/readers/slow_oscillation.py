"""Slow oscillations (Dreem's challenge data): rows of 11 columns and 10 s of EEG, in one HDF5 file.

The file says nothing of subjects or times: a recording is a block of consecutive rows, and stands
for its own subject. A CSV of features (`X_train_merged.csv`) may stand in for the HDF5 file.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.errors import RecordingError
from epochal.provenance import data_source_of
from epochal.readers import Source
from epochal.readers.slow_oscillation_files import (
    METADATA_COLUMNS,
    count_rows,
    read_columns,
    read_labels,
    read_rows,
)
from epochal.recording import Recording

SFREQ = 125.0
EPOCH_S = 10.0
_BLOCK = re.compile(r"rows-(\d+)-(\d+)$")


class Options(BaseModel, extra="forbid", frozen=True):
    """How to read the slow-oscillation data."""

    h5: str = Field("X_train.h5", description="The HDF5 file of rows; preferred where it is there")
    dataset_key: str = Field("features", description="The HDF5 file's dataset, (N, 1261)")
    csv: str = Field("X_train_merged.csv", description="The table that stands in for the HDF5 file")
    drop_columns: tuple[str, ...] = Field(
        ("id", "label"), description="Columns of the CSV that are no features"
    )
    labels: str | None = Field(
        "y_train_2.csv",
        description="CSV `id,label`. Where the default is absent, rows are read without labels; "
        "a file named here must be there. null: no labels",
    )
    rows_per_recording: int = Field(10_000, ge=1, description="Rows of one recording")


def find(folder: Path, options: Options) -> list[Source]:
    """List the blocks of rows of the HDF5 file, or of the CSV that stands in for it.

    Raises `RecordingError` when neither is there, the dataset's key or shape is wrong, or labels
    asked for by name are absent.
    """
    path = _features_path(Path(folder), options)
    n_rows = count_rows(path, options.dataset_key)
    if n_rows == 0:
        raise RecordingError(path, "it has no rows")
    labels = _labels_path(path, options)
    starts = range(0, n_rows, options.rows_per_recording)
    stops = [min(start + options.rows_per_recording, n_rows) for start in starts]
    return [
        Source(f"rows-{start:07d}-{stop:07d}", str(path), tuple(map(str, labels)))
        for start, stop in zip(starts, stops, strict=True)
    ]


def read(source: Source, options: Options) -> Recording:
    """Read one block of rows, and no more of the file than that.

    `table` has `onset_s, length_s, label` ("0" none, "1" low, "2" high amplitude in the next
    second) and the file's columns; onsets are places in line, not times. From HDF5,
    `arrays["windows"]` is the EEG, float32 `(n_rows, 1, 1250)`. Raises `RecordingError` for a row
    that is not there, labels of other rows, and a label that is none of 0, 1, 2.
    """
    start, stop = _block(source)
    if Path(source.path).suffix == ".csv":
        table, ids, arrays = *read_columns(source.path, start, stop, options.drop_columns), {}
    else:
        rows = read_rows(source.path, options.dataset_key, start, stop)
        table = pd.DataFrame(rows[:, : len(METADATA_COLUMNS)], columns=list(METADATA_COLUMNS))
        ids = np.arange(start, stop)
        arrays = {"windows": rows[:, None, len(METADATA_COLUMNS) :]}
    table.insert(0, "onset_s", np.arange(stop - start) * EPOCH_S)
    table.insert(1, "length_s", EPOCH_S)
    n_rows = count_rows(source.path, options.dataset_key)
    table.insert(2, "label", _labels(source, ids, n_rows=n_rows))
    return Recording(
        recording_id=source.recording_id,
        subject_id=source.recording_id,
        metadata={"subjects_known": False, "first_row": start, "sfreq": SFREQ},
        problems=_problems(table, arrays),
        data_source=data_source_of(source.path),
        arrays=arrays,
        table=table,
    )


def _features_path(folder: Path, options: Options) -> Path:
    if folder.is_file():
        return folder
    for name in (options.h5, options.csv):
        if (folder / name).is_file():
            return folder / name
    here = ", ".join(sorted(path.name for path in folder.glob("*"))[:10]) or "nothing"
    raise RecordingError(folder, f"neither {options.h5} nor {options.csv} is here; it has: {here}")


def _labels_path(features: Path, options: Options) -> list[Path]:
    """Return the labels that go with a file of features: the default ones with that of training."""
    if options.labels is None:
        return []
    path, asked_for = features.parent / options.labels, "labels" in options.model_fields_set
    if path.is_file() and (asked_for or features.name in (options.h5, options.csv)):
        return [path]
    if asked_for:
        raise RecordingError(path, "no such file of labels")
    return []


def _block(source: Source) -> tuple[int, int]:
    match = _BLOCK.search(source.recording_id)
    if not match:
        reason = f"recording id '{source.recording_id}' is not rows-<first>-<end>"
        raise RecordingError(source.path, reason)
    return int(match.group(1)), int(match.group(2))


def _labels(source: Source, ids: np.ndarray, *, n_rows: int) -> pd.Series:
    """Return the label of each id; all null without a file of labels."""
    if not source.companions:
        return pd.Series([None] * len(ids), dtype=object)
    path = source.companions[0]
    labels = read_labels(path)
    if len(labels) != n_rows:
        raise RecordingError(
            path, f"it has {len(labels)} labels; {Path(source.path).name} has {n_rows} rows"
        )
    missing = ids[~np.isin(ids, labels.index)]
    if len(missing):
        raise RecordingError(path, f"no label for id {missing[0]}")
    return labels.loc[ids].reset_index(drop=True)


def _problems(table: pd.DataFrame, arrays: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Say how many rows hold values that are not finite; they are kept as they are."""
    numbers = table.select_dtypes("number").to_numpy(dtype=float)
    bad = ~np.isfinite(numbers).all(axis=1)
    if "windows" in arrays:
        bad |= ~np.isfinite(arrays["windows"]).all(axis=(1, 2))
    return (f"{int(bad.sum())} rows hold values that are not finite.",) if bad.any() else ()
