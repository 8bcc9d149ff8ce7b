"""Simulated hypnograms beside real ones that the chains were not fitted to."""

from pathlib import Path

import numpy as np
import pandas as pd

from fit_hypnograms import is_held_out, read_night  # isort: skip
from epochal.simulation import sleep
from epochal.simulation.semi_markov import bouts

MERGED = {"W": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "REM"}
STAGES = ["W", "N1", "N2", "N3", "REM"]
QUANTILES = (0.25, 0.5, 0.75, 0.9)
N_NIGHTS = 100


def real_nights(folder: Path, *, held_out: bool) -> list[np.ndarray]:
    paths = sorted(Path(folder).glob("*-Hypnogram.edf"))
    return [_merge(read_night(p)) for p in paths if is_held_out(p.name) == held_out]


def simulated_nights(*, age_min: int, age_max: int) -> list[np.ndarray]:
    """Return the scored sleep periods of simulated nights, without their signals."""
    options = sleep.Options(n_subjects=N_NIGHTS, hours=10.5, age_min=age_min, age_max=age_max)
    nights = []
    for subject in range(N_NIGHTS):
        scored = sleep.plan_night(options, subject, 1).night.scored
        asleep = np.flatnonzero(np.isin(scored, list("1234R")))
        nights.append(_merge(scored[asleep[0] : asleep[-1] + 1]))
    return nights


def _merge(stages: np.ndarray) -> np.ndarray:
    return np.array([MERGED.get(str(stage), "?") for stage in stages])


def summary(nights: list[np.ndarray]) -> pd.Series:
    """Return shares, bout lengths, and the figures of a night's structure, by name."""
    values = {"sleep period, h": np.mean([len(n) for n in nights]) / 120}
    for stage in STAGES:
        shares = [np.mean(night == stage) for night in nights]
        lengths = [n for night in nights for s, n in bouts(night) if s == stage]
        values[f"share of {stage}"] = float(np.mean(shares))
        values[f"share of {stage}, sd"] = float(np.std(shares))
        for q, value in zip(QUANTILES, np.quantile(lengths, QUANTILES), strict=True):
            values[f"bouts of {stage}, epochs, quantile {q}"] = float(value)
    values["transitions per hour"] = float(
        np.mean([np.mean(night[1:] != night[:-1]) * 120 for night in nights])
    )
    values["REM latency, min"] = float(np.median([_first(n, "REM") for n in nights]))
    values["N3 in the first half"] = _first_half(nights, "N3")
    values["REM in the first half"] = _first_half(nights, "REM")
    return pd.Series(values)


def _first(night: np.ndarray, stage: str) -> float:
    found = np.flatnonzero(night == stage)
    return found[0] / 2 if len(found) else np.nan


def _first_half(nights: list[np.ndarray], stage: str) -> float:
    inside = sum(np.sum(night[: len(night) // 2] == stage) for night in nights)
    return float(inside / sum(np.sum(night == stage) for night in nights))
