"""Agreement of two scorings: κ, F1 and confusion, with intervals; Bland–Altman of statistics.

Everything is computed from confusion tables `(…, n_classes, n_classes)`, the reference in rows, so
that a resample is a sum of tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.intervals import bounds
from epochal.labels import encode
from epochal.metrics import confusion, kappa

Figure = Callable[[np.ndarray], np.ndarray | float]
N_BOOTSTRAP = 2000
Z_LIMITS = 1.96  # standard deviations from the bias to the limits of agreement


class Interval(NamedTuple):
    """A figure with the bounds of its 95 % interval, NaN where there is none."""

    value: float
    low: float
    high: float


def encode_scored(labels: Sequence[str | None] | pd.Series, classes: tuple[str, ...]) -> np.ndarray:
    """Return class numbers, −1 for null; a label that is no class raises `EpochalError`."""
    given = pd.Series(labels, dtype=object)
    codes = encode(given, classes)
    unknown = sorted(set(given[(codes < 0) & given.notna().to_numpy()].astype(str)))
    if unknown:
        raise EpochalError(f"'{unknown[0]}' is none of the classes {', '.join(classes)}")
    return codes


def tabulate_pair(reference: np.ndarray, guess: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the confusion table of two scorings' codes, over epochs that both scored."""
    if reference.shape != guess.shape:
        raise EpochalError(f"{len(guess)} epochs against {len(reference)}")
    both = (reference >= 0) & (guess >= 0)
    return confusion(reference[both], guess[both], n_classes)


def accuracy(table: np.ndarray) -> np.ndarray | float:
    """Return the share of epochs on the diagonal; NaN of an empty table."""
    return _divide(np.trace(table, axis1=-2, axis2=-1), table.sum(axis=(-2, -1)))


def f1(table: np.ndarray) -> np.ndarray:
    """Return F1 per class `(…, n_classes)`; NaN where neither scoring has the class."""
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    return np.asarray(_divide(2.0 * hits, table.sum(axis=-1) + table.sum(axis=-2)))


def macro_f1(table: np.ndarray) -> np.ndarray | float:
    """Return the mean F1 over the classes that either scoring has."""
    values = f1(table)
    known = np.isfinite(values)
    return _divide(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))


def kappa_per_class(table: np.ndarray) -> np.ndarray:
    """Return Cohen's κ of each class against all others `(…, n_classes)`.

    NaN where neither scoring has the class; 0 where only one has it.
    """
    hits = np.diagonal(table, axis1=-2, axis2=-1).astype(float)
    missed, claimed = table.sum(axis=-1) - hits, table.sum(axis=-2) - hits
    rest = table.sum(axis=(-2, -1))[..., None] - hits - missed - claimed
    pairs = np.stack([np.stack([hits, missed], -1), np.stack([claimed, rest], -1)], -2)
    with np.errstate(invalid="ignore"):
        values = np.asarray(kappa(pairs))
    return np.where(hits + missed + claimed > 0, values, np.nan)


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray | float:
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(below > 0, above / below, np.nan)
    return value if value.ndim else float(value)


def describe_agreement(table: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Return epochs, accuracy, κ, macro-F1, both per class, and the confusion, JSON-able.

    A table without epochs raises `EpochalError`.
    """
    if not table.sum():
        raise EpochalError("No epoch is scored by both")
    return {
        "n_epochs": int(table.sum()),
        "accuracy": float(accuracy(table)),
        "kappa": float(kappa(table)),
        "macro_f1": float(macro_f1(table)),
        "kappa_per_class": _by_class(kappa_per_class(table), classes),
        "f1_per_class": _by_class(f1(table), classes),
        "confusion": {
            name: dict(zip(classes, map(int, row), strict=True))
            for name, row in zip(classes, table, strict=True)
        },
    }


def _by_class(values: np.ndarray, classes: Sequence[str]) -> dict[str, float | None]:
    return {
        name: float(value) if np.isfinite(value) else None
        for name, value in zip(classes, values, strict=True)
    }


def resample(tables: np.ndarray, figure: Figure, *, seed: int = 0) -> Interval:
    """Return a figure of the summed tables with its bootstrap interval over units.

    `tables` is `(n_units, …)`: a table per recording, or per block of one night. `figure` takes
    `(…)` or `(n_bootstrap, …)`, and gives one number for each. With fewer than two units the
    bounds are NaN.
    """
    value = float(figure(tables.sum(axis=0)))
    if len(tables) < 2:
        return Interval(value, float("nan"), float("nan"))
    values = np.asarray(figure(np.tensordot(_draw(len(tables), seed), tables, axes=1)))
    return Interval(value, *_bounds(values, len(tables)))


def _draw(n_units: int, seed: int) -> np.ndarray:
    """Return how often each unit is drawn `(n_bootstrap, n_units)`."""
    shares = np.full(n_units, 1 / n_units)
    return np.random.default_rng(seed).multinomial(n_units, shares, N_BOOTSTRAP)


def _bounds(values: np.ndarray, n_units: int) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = bounds(known, n_units)
    return float(low), float(high)


def tabulate_blocks(
    reference: np.ndarray, guess: np.ndarray, n_classes: int, *, block_epochs: int
) -> np.ndarray:
    """Return a confusion table per block of neighbouring epochs, blocks without any left out.

    Epochs of a night are not independent; resampling blocks keeps what lies within them together.
    """
    starts = range(0, len(reference), block_epochs)
    tables = [
        tabulate_pair(reference[i : i + block_epochs], guess[i : i + block_epochs], n_classes)
        for i in starts
    ]
    kept = [table for table in tables if table.sum()]
    return np.array(kept) if kept else np.zeros((0, n_classes, n_classes))


def bland_altman(
    reference: Sequence[float],
    guess: Sequence[float],
    units: Sequence[object] | None = None,
    *,
    seed: int = 0,
) -> dict[str, float | int]:
    """Return bias (guess − reference) and limits of agreement, each with a bootstrap interval.

    The limits are bias ± 1.96 standard deviations of the differences (Bland & Altman 1986,
    doi:10.1016/S0140-6736(86)90837-8). `units` says which recording a pair is of: those of one
    are drawn together. Pairs with a missing value are left out and counted.
    """
    given = np.asarray(guess, dtype=float) - np.asarray(reference, dtype=float)
    known = np.isfinite(given)
    names = np.arange(len(given)) if units is None else np.asarray(units, dtype=object).astype(str)
    _, codes = np.unique(names[known], return_inverse=True)
    moments = _moments_by_unit(given[known], codes)
    found: dict[str, float | int] = {"n_pairs": int(known.sum()), "n_missing": int((~known).sum())}
    found["n_recordings"] = len(moments)
    for name, sd_steps in (("bias", 0.0), ("lower", -Z_LIMITS), ("upper", Z_LIMITS)):
        interval = resample(moments, _limit(sd_steps), seed=seed)
        found |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return found


def _moments_by_unit(differences: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the count, sum and sum of squares of each unit's differences `(n_units, 3)`."""
    moments = np.zeros((int(codes.max(initial=-1)) + 1, 3))
    np.add.at(moments, codes, np.stack([np.ones_like(differences), differences, differences**2], 1))
    return moments


def _limit(sd_steps: float) -> Figure:
    def figure(moments: np.ndarray) -> np.ndarray | float:
        n, total, squares = moments[..., 0], moments[..., 1], moments[..., 2]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(n > 0, total / n, np.nan)
            variance = np.where(n > 1, (squares - n * mean**2) / (n - 1), np.nan)
        value = mean + sd_steps * np.sqrt(np.maximum(variance, 0.0)) if sd_steps else mean
        return value if value.ndim else float(value)

    return figure


def compare_statistics(
    reference: Mapping[str, Mapping[str, float | None]],
    guess: Mapping[str, Mapping[str, float | None]],
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Return Bland–Altman's figures, a row per statistic, of recordings that both hold."""
    shared = sorted(set(reference) & set(guess))
    if not shared:
        raise EpochalError("No recording has the statistics of both")
    names = [name for name in guess[shared[0]] if name in reference[shared[0]]]
    rows = []
    for name in names:
        true, guessed = (
            [_number(side[key][name]) for key in shared] for side in (reference, guess)
        )
        if np.isfinite(np.array(guessed) - np.array(true)).any():
            rows.append({"statistic": name, **bland_altman(true, guessed, seed=seed)})
    return pd.DataFrame(rows)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
