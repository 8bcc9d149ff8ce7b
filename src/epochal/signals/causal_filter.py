"""Filters that look back only: a stream, chunk by chunk, and the same numbers for a whole run."""

from __future__ import annotations

import numpy as np
from scipy import signal

from epochal.signals.filter_design import Filter


class CausalFilter:
    """A filter of one channel with memory: what it returns does not depend on how it is fed.

    It starts as if the first sample had been there for ever, so that an offset rings no bell. A
    missing sample passes as missing, and the filter holds the last one known meanwhile.
    """

    def __init__(self, design: Filter) -> None:
        self._sections = design.sections()
        self._state: np.ndarray | None = None
        self._last = np.nan

    @property
    def memory(self) -> np.ndarray:
        """All that it remembers, `(n,)`: empty before the first known sample."""
        if self._state is None:
            return np.empty(0)
        return np.concatenate([[self._last], self._state.ravel()])

    @memory.setter
    def memory(self, kept: np.ndarray) -> None:
        if len(kept):
            shape = (len(self._sections), 2)
            self._last, self._state = float(kept[0]), np.array(kept[1:], float).reshape(shape)

    def process(self, samples: np.ndarray) -> np.ndarray:
        """Return the next samples filtered, float32 `(n_samples,)`."""
        samples = np.asarray(samples, dtype=np.float64)
        missing = ~np.isfinite(samples)
        filtered = np.full(len(samples), np.nan, dtype=np.float32)
        first = self._begin(samples, missing)
        if first < len(samples):
            held = _hold(samples[first:], missing[first:], self._last)
            self._last = held[-1]
            output, self._state = signal.sosfilt(self._sections, held, zi=self._state)
            filtered[first:] = output
        filtered[missing] = np.nan
        return filtered

    def _begin(self, samples: np.ndarray, missing: np.ndarray) -> int:
        """Settle on the first sample that is known; return where filtering begins."""
        if self._state is not None:
            return 0
        known = np.flatnonzero(~missing)
        if not len(known):
            return len(samples)
        self._last = float(samples[known[0]])
        self._state = signal.sosfilt_zi(self._sections) * self._last
        return int(known[0])


def _hold(samples: np.ndarray, missing: np.ndarray, last: float) -> np.ndarray:
    """Put the last known sample where one is missing."""
    if not missing.any():
        return samples
    held = np.concatenate([[last], samples])
    source = np.where(np.concatenate([[False], missing]), 0, np.arange(len(held)))
    return held[np.maximum.accumulate(source)][1:]
