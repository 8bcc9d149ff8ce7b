"""Simulated slow-oscillation data in Dreem's layout: an HDF5 file of rows, labels, a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.provenance import mark_as_simulated
from epochal.readers.slow_oscillation import SFREQ
from epochal.readers.slow_oscillation_files import METADATA_COLUMNS, N_COLUMNS, N_SAMPLES
from epochal.simulation.parquet import write_csv, write_whole
from epochal.simulation.slow_oscillation_eeg import render_rows
from epochal.simulation.slow_oscillation_night import draw_night, metadata_rows

ORIGINAL_N_ROWS = 261_634
_BANDS_HZ = {"delta": (0.5, 4), "theta": (4, 8), "alpha": (8, 12), "sigma": (12, 16),
             "beta": (16, 30)}  # fmt: skip
_PARTS = {"train": 0, "test": 1}


class Options(BaseModel, extra="forbid", frozen=True):
    """How many rows, and which files."""

    seed: int = Field(0, ge=0, description="Same seed, same files")
    n_rows: int = Field(
        6000, ge=1, description="Rows of X_train.h5; the original has 261,634 (1.3 GB)"
    )
    n_test_rows: int = Field(1000, ge=0, description="Rows of X_test.h5, of other nights; 0: none")
    tabular: bool = Field(
        False, description="Write X_train_merged.csv and X_test_merged.csv as well: id and features"
    )


class Rows(NamedTuple):
    """Some rows of one night: the eleven columns and the EEG, and what followed."""

    features: np.ndarray  # (n, 1261) float32
    labels: np.ndarray


def jobs(folder: Path, options: Options) -> dict[str, Callable[[], None]]:
    """Return `{file: what writes it}`; each file is written whole or not at all."""
    pieces: dict[str, Callable[[], None]] = {}
    for part, n_rows in (("train", options.n_rows), ("test", options.n_test_rows)):
        if n_rows:
            pieces[f"X_{part}"] = partial(write_part, Path(folder), options, part, n_rows)
    return pieces


def finish(folder: Path, options: Options) -> None:
    """Write the mark that all is simulated."""
    del options
    mark_as_simulated(folder, "slow oscillations in sleep EEG and what follows them")


def write_part(folder: Path, options: Options, part: str, n_rows: int) -> None:
    """Write X_<part>.h5, its labels (train) and its table (if asked for), a night at a time."""
    labels: list[np.ndarray] = []
    table: list[pd.DataFrame] = []

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            dataset = file.create_dataset("features", (n_rows, N_COLUMNS), dtype=np.float32)
            first = 0
            for rows in draw_rows(options, part, n_rows):
                dataset[first : first + len(rows.labels)] = rows.features
                first += len(rows.labels)
                labels.append(rows.labels)
                if options.tabular:
                    table.append(describe_rows(rows.features))

    write_whole(folder / f"X_{part}.h5", write)
    ids = pd.Series(np.arange(n_rows), name="id")
    if part == "train":
        columns = {"id": ids, "label": np.concatenate(labels)}
        write_csv(folder / "y_train_2.csv", pd.DataFrame(columns))
    if table:
        merged = pd.concat(table, ignore_index=True)
        merged.insert(0, "id", ids)
        write_csv(folder / f"X_{part}_merged.csv", merged)


def draw_rows(options: Options, part: str, n_rows: int) -> Iterator[Rows]:
    """Yield night after night until there are `n_rows` rows; the last night is cut short."""
    left, number = n_rows, 0
    while left > 0:
        rng = np.random.default_rng([options.seed, _PARTS[part], number])
        rows = simulate_night(rng)
        left -= (n_here := min(left, len(rows.labels)))
        yield Rows(rows.features[:n_here], rows.labels[:n_here])
        del rows  # before the next night is made
        number += 1


def simulate_night(rng: np.random.Generator) -> Rows:
    """Return all rows of one night, in the order in which they happened."""
    night = draw_night(rng)
    features = np.empty((len(night.label), N_COLUMNS), dtype=np.float32)
    features[:, : len(METADATA_COLUMNS)] = metadata_rows(night)
    features[:, len(METADATA_COLUMNS) :] = render_rows(
        night, sfreq=SFREQ, n_samples=N_SAMPLES, rng=rng
    )
    return Rows(features, night.label)


def describe_rows(features: np.ndarray) -> pd.DataFrame:
    """Return the eleven columns and seven statistics of the EEG, as a table would hold them."""
    n_columns = len(METADATA_COLUMNS)
    eeg = features[:, n_columns:]
    table = pd.DataFrame(features[:, :n_columns], columns=list(METADATA_COLUMNS))
    power = np.abs(np.fft.rfft(eeg * np.hanning(eeg.shape[1]), axis=1)) ** 2
    frequency = np.fft.rfftfreq(eeg.shape[1], 1 / SFREQ)
    for name, (low_hz, high_hz) in _BANDS_HZ.items():
        inside = (frequency >= low_hz) & (frequency < high_hz)
        table[f"eeg_log_{name}"] = np.log(power[:, inside].mean(axis=1))
    table["eeg_sd"] = eeg.std(axis=1)
    table["eeg_last_second_sd"] = eeg[:, -int(SFREQ) :].std(axis=1)
    return table
