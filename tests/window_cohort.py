"""A cohort whose windows tell their class by one rhythm, for tests of networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.models.training.epoch_rows import EpochRows, take_rows
from epochal.models.training.targets import make_row_targets
from epochal.models.window_network import WindowNetwork
from epochal.options.deep import NetworkModelOptions

CLASSES = ("W", "NREM", "REM")
RHYTHMS_HZ = np.array([3.0, 8.0, 13.0])
SFREQ = 50.0


def make_inputs(seed: int, *, n_epochs: int = 24, site: str = "") -> EpochInputs:
    """Return windows of 2 s and two channels: a rhythm in noise, and noise."""
    codes = codes_of(seed, n_epochs)
    generator = np.random.default_rng(seed)
    windows = 0.3 * generator.standard_normal((n_epochs, 2, 100)).astype(np.float32)
    time_s = np.arange(100) / SFREQ
    windows[:, 0] += np.sin(2 * np.pi * RHYTHMS_HZ[codes][:, None] * time_s)
    return EpochInputs(
        {"signal": windows},
        epoch=np.arange(n_epochs),
        run=np.zeros(n_epochs, dtype=int),
        known=np.ones(n_epochs, dtype=bool),
        sfreq=SFREQ,
        channels=("EEG", "EMG"),
        site=site,
    )


def codes_of(seed: int, n_epochs: int = 24) -> np.ndarray:
    """Return the classes of a recording's epochs, in bouts of four."""
    bouts = np.random.default_rng(1000 + seed).permutation(np.arange(n_epochs // 4) % 3)
    return np.repeat(bouts, 4)


def make_cohort(n_subjects: int = 4) -> tuple[dict[str, EpochInputs], pd.DataFrame]:
    """Return a store by recording, and its table: keys, subject, label, role, fold, a column."""
    store = {f"r{seed}": make_inputs(seed, site=f"lab{seed % 2}") for seed in range(n_subjects)}
    rows = [
        (f"r{seed}", epoch, f"s{seed}", "train", seed % 2, CLASSES[code], float(code == 2))
        for seed in range(n_subjects)
        for epoch, code in enumerate(codes_of(seed))
    ]
    names = ["recording_id", "epoch", "subject_id", "role", "fold", "label", "is_rem"]
    return store, pd.DataFrame(rows, columns=names)


def options(**given: Any) -> NetworkModelOptions:
    """Return the options of a small network that is trained in a second."""
    training = {"max_epochs": 6, "batch_size": 8, "learning_rate": 0.01, "validation_share": 0.25}
    training |= given.pop("training", {})
    return NetworkModelOptions(**({"kind": "cnn1d", "training": training} | given))


def make_network(folder: Any = None, *, seed: int = 0, **given: Any) -> WindowNetwork:
    """Return a network that is not fitted yet."""
    asked = options(**given)
    return WindowNetwork(
        asked.kind,
        asked,
        name="net",
        seed=seed,
        folder=None if folder is None else str(folder),
        part="fold_0",
        network_params=asked.params,
    )


def rows_of(store: Any, table: pd.DataFrame, columns: tuple[str, ...] = ()) -> EpochRows:
    """Return a table's rows as a network takes them."""
    return take_rows(store, table, list(columns))


def fit(network: WindowNetwork, store: Any, table: pd.DataFrame) -> WindowNetwork:
    """Fit a network on a whole table."""
    targets = make_row_targets(table, CLASSES, network.options)
    return network.fit(rows_of(store, table, network.options.columns), targets)


def accuracy(network: WindowNetwork, store: Any, table: pd.DataFrame) -> float:
    """Return how often a network is right about a table."""
    guess = network.predict(rows_of(store, table, network.options.columns))
    return float((np.array(CLASSES)[guess] == table["label"].to_numpy()).mean())


def give_votes(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with ten votes, eight for the label, in its first epochs, and one later."""
    early = (table["epoch"] < 6).to_numpy()
    votes = {}
    for name in CLASSES:
        is_it = (table["label"] == name).to_numpy()
        votes[f"vote_{name}"] = np.where(early, np.where(is_it, 8, 1), is_it)
    return table.assign(**votes)
