"""The way of a signal from its samples to what features are computed of, chunk by chunk.

Each step gives, whatever the chunks, what `filter_channel`, `take_envelope` and `resample_channel`
give of the whole recording with `filters: causal`.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from epochal.recording import Channel
from epochal.serving.stream.tails import Tail
from epochal.signals.causal_filter import CausalFilter
from epochal.signals.filter_design import Filter
from epochal.signals.filtering import EMG_LOW_HZ
from epochal.signals.resampling import count_steps

Arrays = dict[str, np.ndarray]


class Step:
    """One step of a chain: it knows where in the signal it is, and where the run begins and ends.

    What lies outside a run passes as it is.
    """

    def __init__(self, sfreq: float, start_s: float) -> None:
        self.sfreq, self.start_s = sfreq, start_s
        self.position, self.first, self.last = 0, 0, -1  # last -1: the run is still going on

    def begin_run(self, at_s: float) -> None:
        """Let a run begin, so many seconds after the recording's start."""
        self.first, self.last = self._index(at_s), -1

    def end_run(self, at_s: float) -> None:
        """Let the run end; what comes is outside until the next one begins."""
        self.last = self._index(at_s)

    def skip_to(self, position: int) -> int:
        """Leave samples out; return where the output goes on."""
        self.position = position
        return position

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Return what the next samples become."""
        begin, end = (
            min(max(edge - self.position, 0), len(samples))
            for edge in (self.first, len(samples) + self.position if self.last < 0 else self.last)
        )
        end = max(begin, end)
        self.position += len(samples)
        parts = [self._outside(samples[:begin])] if begin else []
        parts += [self._inside(samples[begin:end])] if end > begin else []
        parts += [self._outside(samples[end:])] if end < len(samples) else []
        return np.concatenate(parts) if parts else samples[:0]

    def pack(self) -> Arrays:
        """Return what `unpack` needs."""
        return {"place": np.array([self.position, self.first, self.last])}

    def unpack(self, arrays: Arrays) -> None:
        """Take up where another step was."""
        self.position, self.first, self.last = map(int, arrays["place"])

    def _index(self, at_s: float) -> int:
        return max(0, round((at_s - self.start_s) * self.sfreq))

    def _inside(self, samples: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _outside(self, samples: np.ndarray) -> np.ndarray:
        return samples


class FilterStep(Step):
    """A filter that begins anew with each run."""

    def __init__(self, design: Filter, start_s: float) -> None:
        super().__init__(design.sfreq, start_s)
        self._design = design
        self._filter = CausalFilter(design)

    def begin_run(self, at_s: float) -> None:
        """Forget the run before."""
        super().begin_run(at_s)
        self._filter = CausalFilter(self._design)

    def pack(self) -> Arrays:
        """Add the filter's memory."""
        return {**super().pack(), "filter": self._filter.memory}

    def unpack(self, arrays: Arrays) -> None:
        """Set the filter's memory."""
        super().unpack(arrays)
        self._filter.memory = arrays["filter"]

    def _inside(self, samples: np.ndarray) -> np.ndarray:
        return self._filter.process(samples)


class RectifyStep(Step):
    """The mean magnitude of so many samples, counted from the channel's start, runs or not."""

    def __init__(self, sfreq: float, start_s: float) -> None:
        super().__init__(sfreq, start_s)
        self._n = round(sfreq)
        self._rest = np.empty(0, dtype=np.float32)

    def skip_to(self, position: int) -> int:
        """Begin the next mean with what is missing of it."""
        self._rest = np.full(position % self._n, np.nan, dtype=np.float32)
        return super().skip_to(position) // self._n

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Return the means that are complete."""
        self.position += len(samples)
        data = np.concatenate([self._rest, np.abs(samples)])
        n_whole = len(data) // self._n * self._n
        self._rest = data[n_whole:]
        return data[:n_whole].reshape(-1, self._n).mean(axis=1)

    def pack(self) -> Arrays:
        """Add the samples that wait for more."""
        return {**super().pack(), "rest": self._rest}

    def unpack(self, arrays: Arrays) -> None:
        """Set the samples that wait for more."""
        super().unpack(arrays)
        self._rest = np.asarray(arrays["rest"], dtype=np.float32)


class DecimateStep(Step):
    """Every n-th sample of a run; nothing of what lies outside."""

    def __init__(self, sfreq: float, start_s: float, *, every: int) -> None:
        super().__init__(sfreq, start_s)
        self.every = every

    @property
    def place(self) -> int:
        """Where the run begins at the lower rate."""
        return round(Fraction(self.first, self.every))

    def skip_to(self, position: int) -> int:
        """Leave samples out; the run that follows says where the output goes on."""
        return super().skip_to(position) // self.every

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Return every n-th sample, counted from the run's first."""
        before = self.position
        ahead = np.arange(before, before + len(samples)) - self.first
        inside = (ahead >= 0) & (self.last < 0 or ahead < self.last - self.first)
        self.position += len(samples)
        return samples[inside & (ahead % self.every == 0)]


class Chain:
    """A signal's steps, and the tail of what comes out of them."""

    def __init__(
        self,
        channel: Channel,
        *,
        envelope: bool = False,
        band_hz: tuple[float | None, float | None] | None = None,
        notch_hz: float | None = None,
        sfreq: float | None = None,
    ) -> None:
        self.source, self.unit, self.start_s = channel.name, channel.unit, channel.start_s
        self.sfreq = self.source_sfreq = channel.sfreq
        self.steps: list[Step] = []
        if envelope and round(self.sfreq) > 1:
            self._filter(Filter(self.sfreq, EMG_LOW_HZ))
            self.steps.append(RectifyStep(self.sfreq, self.start_s))
            self.sfreq /= round(self.sfreq)
        low_hz, high_hz = band_hz or (None, None)
        self._filter(Filter(self.sfreq, low_hz or None, high_hz or None, notch_hz))
        if sfreq is not None and sfreq != self.sfreq:
            every = count_steps(channel.name, self.sfreq, sfreq)
            self.steps.append(DecimateStep(self.sfreq, self.start_s, every=every))
            self.sfreq = sfreq
        self.tail = Tail()

    def begin_run(self, at_s: float) -> None:
        """Let a run begin, so many seconds after the recording's start."""
        for step in self.steps:
            step.begin_run(at_s)
        if self.steps and isinstance(self.steps[-1], DecimateStep):
            self.tail.skip_to(self.steps[-1].place)

    def end_run(self, at_s: float) -> None:
        """Let the run end."""
        for step in self.steps:
            step.end_run(at_s)

    def feed(self, samples: np.ndarray) -> None:
        """Take the next samples of the source."""
        for step in self.steps:
            samples = step.feed(samples)
        self.tail.append(samples)

    def skip_to(self, at_s: float) -> None:
        """Go on at a later time."""
        position = max(0, round((at_s - self.start_s) * self.source_sfreq))
        for step in self.steps:
            position = step.skip_to(position)
        self.tail.skip_to(position)

    def covers(self, onset_s: float, length_s: float) -> bool:
        """Say whether all samples of a window are there, placed as `cut_epochs` does."""
        first = round((onset_s - self.start_s) * self.sfreq)
        return first + round(length_s * self.sfreq) <= self.tail.end

    def forget_before(self, at_s: float) -> None:
        """Drop what lies before a time."""
        self.tail.forget_before(int((at_s - self.start_s) * self.sfreq) - 1)

    def channel(self, name: str) -> Channel:
        """Return what is held as a channel."""
        start_s = self.start_s + self.tail.first / self.sfreq
        return Channel(name, self.unit, self.sfreq, self.tail.samples(), start_s)

    def pack(self) -> Arrays:
        """Return what `unpack` needs."""
        found = {f"tail/{name}": array for name, array in self.tail.pack().items()}
        for number, step in enumerate(self.steps):
            found |= {f"{number}/{name}": array for name, array in step.pack().items()}
        return found

    def unpack(self, arrays: Arrays) -> None:
        """Take up where another chain was."""
        self.tail.unpack(under(arrays, "tail"))
        for number, step in enumerate(self.steps):
            step.unpack(under(arrays, str(number)))

    def _filter(self, design: Filter) -> None:
        if not design.passes_all:
            self.steps.append(FilterStep(design, self.start_s))


def under(arrays: Arrays, prefix: str) -> Arrays:
    """Return the arrays whose names begin with `<prefix>/`, without it."""
    start = f"{prefix}/"
    return {n.removeprefix(start): array for n, array in arrays.items() if n.startswith(start)}
