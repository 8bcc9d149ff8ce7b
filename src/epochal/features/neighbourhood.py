"""What the epochs around one hold, column by column; never across a gap.

All functions take `values` `(n_epochs, n_features)` of one run in order, and leave missing values
out of what they compute; where all are missing, so is the result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from epochal.options.features import ContextOptions

Neighbours = Callable[[np.ndarray], np.ndarray]


def neighbour_functions(options: ContextOptions) -> dict[str, Neighbours]:
    """Return what is computed of each run, by the suffix of its columns."""
    functions: dict[str, Neighbours] = {}
    for n_epochs in options.causal_epochs:
        for statistic in options.causal_statistics:
            suffix = f"__past{n_epochs}" + ("" if statistic == "mean" else f"_{statistic}")
            functions[suffix] = _Trailing(statistic, n_epochs)
    for n_epochs in options.centred_epochs:
        functions[f"__centred{n_epochs}"] = _Centred(np.ones(n_epochs))
    for n_epochs in options.triangular_epochs:
        functions[f"__centred{n_epochs}_triangular"] = _Centred(triangle(n_epochs))
    for lag in options.lags:
        functions[f"__past{lag}_value" if lag > 0 else f"__ahead{-lag}_value"] = _Lagged(lag)
    return functions


def add_neighbours(
    features: pd.DataFrame, run: pd.Series, functions: dict[str, Neighbours]
) -> list[pd.DataFrame]:
    """Return a table for each function, computed run by run."""
    values = features.to_numpy(np.float64)
    places = [np.flatnonzero(run.to_numpy() == one) for one in run.unique()]
    parts = []
    for suffix, compute in functions.items():
        found = np.empty_like(values)
        for rows in places:
            found[rows] = compute(values[rows])
        parts.append(pd.DataFrame(found, features.index, features.columns + suffix))
    return parts


def triangle(n_epochs: int) -> np.ndarray:
    """Return weights that fall off evenly from the middle, `(n_epochs,)`."""
    return 1.0 - np.abs(np.arange(n_epochs) - (n_epochs - 1) / 2) / ((n_epochs + 1) / 2)


class _Trailing:
    """The mean, standard deviation or maximum of this epoch and those just before."""

    def __init__(self, statistic: str, n_epochs: int) -> None:
        self.compute = {"mean": self._mean, "sd": self._sd, "max": self._max}[statistic]
        self.n_epochs = n_epochs
        self.origin = (n_epochs - 1) // 2  # the window ends with the epoch

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return self.compute(values)

    def _mean(self, values: np.ndarray) -> np.ndarray:
        return _weighted_mean(values, np.ones(self.n_epochs), mode="constant", origin=self.origin)

    def _sd(self, values: np.ndarray) -> np.ndarray:
        mean, n_rows = self._mean(values), len(values)
        squares, n_known = np.zeros_like(mean), np.zeros_like(mean)
        for lag in range(min(self.n_epochs, n_rows)):  # of these rows alone, as a stream has them
            away = values[: n_rows - lag] - mean[lag:]
            known = np.isfinite(away)
            squares[lag:] += np.where(known, away, 0.0) ** 2
            n_known[lag:] += known
        return np.sqrt(squares / np.where(n_known > 0, n_known, np.nan))

    def _max(self, values: np.ndarray) -> np.ndarray:
        from scipy.ndimage import maximum_filter1d  # here, for scoring to start sooner

        lowest = np.where(np.isfinite(values), values, -np.inf)
        found = maximum_filter1d(
            lowest, self.n_epochs, axis=0, mode="constant", cval=-np.inf, origin=self.origin
        )
        return np.where(np.isfinite(found), found, np.nan)


class _Centred:
    """A weighted mean around each epoch, mirrored at the ends: shorter means would betray them."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights

    def __call__(self, values: np.ndarray) -> np.ndarray:
        even = -(1 - len(self.weights) % 2)  # of an even number, the later half is longer
        return _weighted_mean(values, self.weights, mode="reflect", origin=even)


class _Lagged:
    """The value so many epochs ago (or ahead, below 0)."""

    def __init__(self, lag: int) -> None:
        self.lag = lag

    def __call__(self, values: np.ndarray) -> np.ndarray:
        source = np.arange(len(values)) - self.lag
        inside = (source >= 0) & (source < len(values))
        return np.where(inside[:, None], values[source * inside], np.nan)


def _weighted_mean(
    values: np.ndarray, weights: np.ndarray, *, mode: str, origin: int = 0
) -> np.ndarray:
    """Return the mean of the values around each that are known, NaN where none is."""
    known = np.isfinite(values)
    zeroed = np.where(known, values, 0.0)
    summed = _correlate(zeroed, weights=weights, mode=mode, origin=origin)
    total = _correlate(known.astype(float), weights=weights, mode=mode, origin=origin)
    return np.divide(summed, total, out=np.full_like(summed, np.nan), where=total > 1e-9)


def _correlate(values: np.ndarray, *, weights: np.ndarray, mode: str, origin: int) -> np.ndarray:
    """Return what `scipy.ndimage.correlate1d` does along the first axis, without its import."""
    if not len(values):
        return values
    before = len(weights) // 2 + origin
    around = [(before, len(weights) - 1 - before)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, around, mode="symmetric" if mode == "reflect" else "constant")  # type: ignore[call-overload]
    summed = np.zeros_like(values)
    for at, weight in enumerate(weights):
        summed += weight * padded[at : at + len(values)]
    return summed
