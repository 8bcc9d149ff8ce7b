"""The last samples of a signal: as many as are still to be read, whatever has passed."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np

_LONGEST_PERIOD_S = 600


class Tail:
    """The samples from `first` to `end` of a signal, counted from its start; float32.

    `first` is always a whole multiple of `period` samples (see `find_period`).
    """

    def __init__(self, period: int = 1) -> None:
        self.period = period
        self.first = self.end = 0
        self._parts: list[np.ndarray] = []

    def append(self, samples: np.ndarray) -> None:
        """Add the next samples."""
        if len(samples):
            self._parts.append(np.asarray(samples, dtype=np.float32))
            self.end += len(samples)

    def samples(self) -> np.ndarray:
        """Return what is held, `(end - first,)`."""
        if len(self._parts) != 1:
            joined = [np.empty(0, np.float32), *self._parts]
            self._parts = [np.concatenate(joined)]
        return self._parts[0]

    def forget_before(self, position: int) -> None:
        """Drop samples before a position, by whole periods."""
        first = max(self.first, min(position, self.end) // self.period * self.period)
        self._parts = [self.samples()[first - self.first :].copy()]
        self.first = first

    def skip_to(self, position: int) -> None:
        """Go on at a later position (or drop what is beyond it); all before it is missing."""
        if position <= self.end:
            self._parts = [self.samples()[: max(0, position - self.first)]]
            self.end = self.first + len(self._parts[0])
            return
        self.first = position // self.period * self.period
        self._parts = [np.full(position - self.first, np.nan, dtype=np.float32)]
        self.end = position

    def pack(self) -> dict[str, np.ndarray]:
        """Return what `unpack` needs."""
        return {"first": np.array(self.first), "samples": self.samples()}

    def unpack(self, arrays: dict[str, np.ndarray]) -> None:
        """Take up where another tail was."""
        self.first = int(arrays["first"])
        self._parts = [np.asarray(arrays["samples"], dtype=np.float32)]
        self.end = self.first + len(self._parts[0])


def find_period(sfreqs: list[float]) -> int:
    """Return a number of seconds in which every rate has an even number of samples.

    Where a tail begins at a multiple of it, an epoch that begins halfway between two samples is
    rounded to the same one as in the whole recording. Rates that have no such period within ten
    minutes hardly ever lie halfway: then 2.
    """
    fractions = [Fraction(sfreq).limit_denominator(1000) for sfreq in sfreqs]
    period = 2 * lcm(*(one.denominator for one in fractions))
    return period if period <= _LONGEST_PERIOD_S else 2
