"""Small files of rows with a known answer, and runs trained on them, each made once."""

from __future__ import annotations

import os
import shutil
from functools import cache, partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from click.testing import CliRunner, Result

from epochal.cli import cli
from epochal.readers.slow_oscillation_files import METADATA_COLUMNS, N_SAMPLES
from projects import make_once

N_ROWS, N_TEST_ROWS = 180, 30
TINY = {
    "hgb": "--hgb-fe",
    "lstm": "--with-lstm --lstm-downsample 25 --lstm-epochs 8 --lstm-units 16 --lstm-batch-size 4",
    "cnn": "--with-cnn --cnn-downsample 5 --cnn-epochs 4 --cnn-batch-size 8",
}


def folder() -> Path:
    """Return a folder that goes when the tests are over; all their workers share it."""
    return Path(os.environ["SHARED_BY_WORKERS"])


def draw_rows(n_rows: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows `(n, 1261)` of waves of 1, 3 or 6 Hz by class, each louder and higher up."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(n_rows) % 4 % 3)  # class 0 is twice as frequent
    time_s = np.arange(N_SAMPLES) / 125
    phase = random.uniform(0, 2 * np.pi, (n_rows, 1))
    frequency_hz = np.array([1.0, 3.0, 6.0])[labels][:, None]
    waves = np.sin(2 * np.pi * frequency_hz * time_s + phase) * 20 * 2.0 ** labels[:, None]
    samples = waves + 60 * labels[:, None] + random.normal(0, 5, waves.shape)
    given = random.normal(size=(n_rows, len(METADATA_COLUMNS)))
    return np.hstack([given, samples]).astype(np.float32), labels


def write_rows(path: Path, rows: np.ndarray, *, key: str = "features") -> Path:
    with h5py.File(path, "w") as file:
        file[key] = rows
    return path


def describe(rows: np.ndarray) -> pd.DataFrame:
    """Return a table of few columns that tell the classes."""
    table = pd.DataFrame(rows[:, :3], columns=["a", "b", "c"])
    table["sd"] = rows[:, 11:].std(axis=1)
    table["steep"] = np.abs(np.diff(rows[:, 11:])).mean(axis=1)
    table.insert(0, "id", np.arange(len(rows)))
    return table


@cache
def data() -> Path:
    """Return a folder with X_train.h5, X_test.h5, their tables and labels."""
    return make_once(folder() / "rows", _write_data)


def _write_data(made: Path) -> None:
    made.mkdir()
    for part, n_rows in (("train", N_ROWS), ("test", N_TEST_ROWS)):
        rows, labels = draw_rows(n_rows, seed=len(part))
        write_rows(made / f"X_{part}.h5", rows)
        describe(rows).to_csv(made / f"X_{part}_merged.csv", index=False)
        labels_of = pd.DataFrame({"id": np.arange(n_rows), "label": labels})
        labels_of.to_csv(made / f"y_{part}_2.csv", index=False)
    (made / "SIMULATED.txt").write_text("made up for tests\n")


def call(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(cli, [command, *map(str, arguments)])


def inputs(part: str = "train", *, csv: bool = False, h5: bool = True, labels: bool = True):
    """Return the flags that name a part's files."""
    given: list[object] = []
    given += ["--x-csv", data() / f"X_{part}_merged.csv"] if csv else []
    given += ["--x-h5", data() / f"X_{part}.h5"] if h5 else []
    return given + (["--y-csv", data() / f"y_{part}_2.csv"] if labels else [])


def flags_of(*targets: str) -> list[object]:
    """Return the flags of some base models, small ones."""
    chosen = [] if "hgb" in targets else ["--no-with-hgb"]
    return [*chosen, *(word for target in targets for word in TINY[target].split()), "--splits", 2]


@cache
def trained(*targets: str) -> Path:
    """Return a run of some base models: leave it as it is, or take a `copy_of` it."""
    return make_once(folder() / "-".join(("run", *targets)), partial(_train, targets))


def _train(targets: tuple[str, ...], run: Path) -> None:
    if targets == ("csv",):
        done = call("train", *inputs(csv=True, h5=False), "--splits", 2, "--run-dir", run)
    else:
        done = call("train", *inputs(), *flags_of(*targets), "--run-dir", run)
    assert done.exit_code == 0, done.output


def copy_of(run: Path, target: Path) -> Path:
    shutil.copytree(run, target)
    return target
