"""A block of windows of one signal, and what several feature sets need of it, each computed once.

The sets share differences, moments and spectra, so that they cost one pass each, and a block is
small enough to stay in the processor's cache. Everything keeps the windows' precision.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps

import numpy as np

from epochal.features.spectrum import Spectrum, multitaper, welch

Columns = dict[str, np.ndarray]


class Block:
    """Windows `(n_epochs, n_samples)`, float32 or float64, all finite, of one signal.

    A property ending in `_sum` or `_mean` is `(n_epochs,)`.
    """

    def __init__(self, windows: np.ndarray, sfreq: float) -> None:
        floating = windows if windows.dtype in (np.float32, np.float64) else np.float64(windows)
        self.windows = np.ascontiguousarray(floating)
        self.sfreq = sfreq

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def n_samples(self) -> int:
        """Samples in a window."""
        return int(self.windows.shape[1])

    @cached_property
    def flat(self) -> np.ndarray:
        """Say which windows hold one value only."""
        return np.asarray(np.vecdot(self.difference, self.difference) == 0)

    @cached_property
    def level(self) -> np.ndarray:
        """The mean of each window."""
        return total(self.windows) / self.windows.dtype.type(self.n_samples)

    @cached_property
    def centred(self) -> np.ndarray:
        """The windows less their means."""
        return self.windows - self.level[:, None]

    @cached_property
    def squared(self) -> np.ndarray:
        """The squares of the centred windows."""
        return self.centred * self.centred

    @cached_property
    def variance(self) -> np.ndarray:
        """The variance of each window (over n)."""
        return np.vecdot(self.centred, self.centred) / self.n_samples

    @cached_property
    def difference(self) -> np.ndarray:
        """The first differences."""
        return self.windows[:, 1:] - self.windows[:, :-1]

    @cached_property
    def mobility(self) -> np.ndarray:
        """Hjorth's mobility per sample, NaN for a flat window."""
        return self.shape(np.sqrt(divide(self.slope_variance, self.variance)))

    @cached_property
    def slope_variance(self) -> np.ndarray:
        """The variance of the first differences."""
        return _variance_of_differences(self.difference, of=self.windows)

    @cached_property
    def complexity(self) -> np.ndarray:
        """Hjorth's complexity, NaN for a window without a bend."""
        second = self.difference[:, 1:] - self.difference[:, :-1]
        bend = _variance_of_differences(second, of=self.difference)
        return np.sqrt(divide(bend, self.slope_variance)) / self.mobility

    @cached_property
    def rising(self) -> np.ndarray:
        """Say after which samples the signal does not fall, `(n_epochs, n_samples - 1)`."""
        return np.asarray(self.difference >= 0)

    @cached_property
    def n_turns(self) -> np.ndarray:
        """How often the first difference changes its sign (0 counts as positive)."""
        return count(self.rising[:, 1:] ^ self.rising[:, :-1])

    @cached_property
    def ordered(self) -> np.ndarray:
        """The samples of each window, sorted."""
        return np.sort(self.windows, axis=1)

    def quantile(self, share: float) -> np.ndarray:
        """Return a quantile of each window, interpolated as numpy does by default."""
        position = share * (self.n_samples - 1)
        below = min(int(position), self.n_samples - 2) if self.n_samples > 1 else 0
        weight = self.windows.dtype.type(position - below)
        low, high = self.ordered[:, below], self.ordered[:, min(below + 1, self.n_samples - 1)]
        return low + weight * (high - low)

    @cached_property
    def spectrum(self) -> Spectrum:
        """The power density by Welch's method."""
        return welch(self.centred, self.sfreq)

    @cached_property
    def multitaper(self) -> Spectrum:
        """The power density by Thomson's method."""
        return multitaper(self.centred, self.sfreq)

    def shape(self, values: np.ndarray) -> np.ndarray:
        """Return the values, NaN for flat windows: nothing has no shape."""
        return np.where(self.flat, np.nan, values)


def of_block(compute: Callable[[Block], Columns]) -> Callable[..., Columns]:
    """Let a feature set of a block be called with `(windows, sfreq)` like all others."""

    @wraps(compute)
    def columns(windows: np.ndarray | Block, sfreq: float = np.nan) -> Columns:
        return compute(windows if isinstance(windows, Block) else Block(windows, sfreq))

    columns.takes_block = True  # type: ignore[attr-defined]
    return columns


def divide(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Return the quotient, NaN where the divisor is 0."""
    return np.divide(values, by, out=np.full(np.shape(by), np.nan, by.dtype), where=by != 0)


def total(values: np.ndarray) -> np.ndarray:
    """Return the sum of each row, by BLAS: several times as fast as `sum`."""
    return np.asarray(values @ np.ones(values.shape[1], values.dtype))


def count(mask: np.ndarray) -> np.ndarray:
    """Return how many are true in each row of booleans."""
    packed = np.bitwise_count(np.packbits(mask, axis=1))
    return np.asarray(packed.sum(axis=1, dtype=np.uint32)).astype(np.float64)


def _variance_of_differences(differences: np.ndarray, *, of: np.ndarray) -> np.ndarray:
    """Return the variance of the differences of each row; their mean is that of the two ends."""
    n = differences.shape[1]
    mean = (of[:, -1] - of[:, 0]) / n
    return np.maximum(np.vecdot(differences, differences) / n - mean * mean, 0)
