"""The samples that a stream was given and that wait for the other channels, or for an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from epochal.errors import EpochalError, did_you_mean
from epochal.serving.stream.chains import Arrays
from epochal.serving.stream.declaring import Declaration

MOST_AHEAD_S = 600.0  # one channel before another: more is a wrong rate, or a channel that is dead
MOST_AT_ONCE_S = 3600.0
_TOLERANCE = 1e-6  # samples


class Intake:
    """What waits, by declared channel; float32 in the canonical unit."""

    def __init__(self, declaration: Declaration) -> None:
        self._channels, self._factors = declaration.channels, declaration.factors()
        self._waiting: dict[str, list[np.ndarray]] = {name: [] for name in self._channels}
        self.received = dict.fromkeys(self._channels, 0)
        self._taken = dict.fromkeys(self._channels, 0)

    @property
    def end_s(self) -> float:
        """Up to when all channels were received, in seconds from the start."""
        return min(self._end_s(name) for name in self._channels)

    @property
    def latest_s(self) -> float:
        """Up to when any channel was received."""
        return max(self._end_s(name) for name in self._channels)

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Take a chunk, whole or, where anything is wrong with it, not at all (`EpochalError`)."""
        samples = {name: self._read(name, given) for name, given in chunk.items()}
        self._refuse_far_ahead({name: len(given) for name, given in samples.items()})
        for name, given in samples.items():
            self._waiting[name].append(given)
            self.received[name] += len(given)

    def take(self, until_s: float, *, to_nearest: bool = False) -> dict[str, np.ndarray]:
        """Return what waits before a time; whole samples, or to the nearest where a run ends."""
        return {name: self._take(name, until_s, to_nearest) for name in self._channels}

    def skip_to(self, at_s: float) -> None:
        """Drop what waits and go on at a later time."""
        for name, one in self._channels.items():
            self._waiting[name] = []
            place = max(0, round((at_s - one.start_s) * one.sfreq))
            self.received[name] = self._taken[name] = place

    def pack(self) -> Arrays:
        """Return what `unpack` needs."""
        found = {f"waiting/{n}": self._join(name) for n, name in enumerate(self._channels)}
        return {**found, "taken": np.array(list(self._taken.values()), dtype=np.int64)}

    def unpack(self, arrays: Arrays) -> None:
        """Take up where another intake was."""
        for number, name in enumerate(self._channels):
            waiting = np.asarray(arrays[f"waiting/{number}"], dtype=np.float32)
            self._waiting[name] = [waiting]
            self._taken[name] = int(arrays["taken"][number])
            self.received[name] = self._taken[name] + len(waiting)

    def _end_s(self, name: str) -> float:
        one = self._channels[name]
        return one.start_s + self.received[name] / one.sfreq

    def _read(self, name: str, given: Any) -> np.ndarray:
        if name not in self._channels:
            near = did_you_mean(name, self._channels)
            raise EpochalError(f"No channel '{name}' was declared{near}")
        try:
            samples = np.asarray(given, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise EpochalError(f"Channel '{name}': its samples are no numbers") from error
        if samples.ndim != 1:
            raise EpochalError(
                f"Channel '{name}': a chunk is one list of samples, not one of shape "
                f"{samples.shape}"
            )
        seconds = len(samples) / self._channels[name].sfreq
        if seconds > MOST_AT_ONCE_S:
            raise EpochalError(
                f"Channel '{name}': a chunk of {seconds:g} s; at most {MOST_AT_ONCE_S:g} s at once"
            )
        return samples * np.float32(self._factors[name]) if self._factors[name] != 1 else samples

    def _refuse_far_ahead(self, n_more: Mapping[str, int]) -> None:
        ends_s = {
            name: self._end_s(name) + n_more.get(name, 0) / one.sfreq
            for name, one in self._channels.items()
        }
        first, last = max(ends_s, key=ends_s.__getitem__), min(ends_s, key=ends_s.__getitem__)
        if ends_s[first] - ends_s[last] > MOST_AHEAD_S:
            raise EpochalError(
                f"Channel '{first}' would be at {ends_s[first]:g} s, '{last}' at {ends_s[last]:g} "
                f"s: more than {MOST_AHEAD_S:g} s apart; is a declared rate wrong "
                f"({self._channels[first].sfreq:g} Hz, {self._channels[last].sfreq:g} Hz)?"
            )

    def _take(self, name: str, until_s: float, to_nearest: bool) -> np.ndarray:
        one = self._channels[name]
        place = (until_s - one.start_s) * one.sfreq
        n_samples = round(place) if to_nearest else int(np.floor(place + _TOLERANCE))
        waiting = self._join(name)
        n_samples = min(max(n_samples - self._taken[name], 0), len(waiting))
        self._waiting[name] = [waiting[n_samples:]]
        self._taken[name] += n_samples
        return waiting[:n_samples]

    def _join(self, name: str) -> np.ndarray:
        return np.concatenate([np.empty(0, np.float32), *self._waiting[name]])
