"""Semi-Markov hypnograms: a stage lasts for a drawn bout, then a drawn other stage follows.

Generic over the stages, so humans, mice and anything else that dwells in states can be simulated.
Stage bouts are far from geometric (Lo et al. 2002, doi:10.1209/epl/i2002-00508-7), which is why a
plain Markov chain will not do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 1.0)

Bout = tuple[str, int]


@dataclass(frozen=True)
class SemiMarkov:
    """Where each stage leads, and how long its bouts last.

    `transitions[a][b]` is the probability that `b` follows a bout of `a` (never `a` itself);
    `bout_epochs[a]` are the quantiles of its bouts' lengths, in epochs, at `QUANTILES`.
    """

    transitions: Mapping[str, Mapping[str, float]]
    bout_epochs: Mapping[str, Sequence[float]]

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that the chain can be in."""
        return tuple(self.transitions)

    def favouring(self, weights: Mapping[str, float]) -> SemiMarkov:
        """Return the chain whose steps into a stage are `weights[stage]` times as likely."""
        rows = {
            stage: _normalised({to: p * weights.get(to, 1.0) for to, p in row.items()})
            for stage, row in self.transitions.items()
        }
        return replace(self, transitions=rows)

    def lasting(self, factors: Mapping[str, float]) -> SemiMarkov:
        """Return the chain whose bouts of a stage are `factors[stage]` times as long."""
        bouts = {
            stage: tuple(factors.get(stage, 1.0) * length for length in lengths)
            for stage, lengths in self.bout_epochs.items()
        }
        return replace(self, bout_epochs=bouts)


def next_stage(chain: SemiMarkov, stage: str, rng: np.random.Generator) -> str:
    """Draw the stage that follows a bout of `stage`."""
    row = chain.transitions[stage]
    return str(rng.choice(list(row), p=list(row.values())))


def bout_length(chain: SemiMarkov, stage: str, rng: np.random.Generator) -> int:
    """Draw a bout's length in epochs, at least one."""
    return max(1, round(float(np.interp(rng.random(), QUANTILES, chain.bout_epochs[stage]))))


def walk(chain: SemiMarkov, start: str, rng: np.random.Generator) -> Iterator[Bout]:
    """Yield bouts `(stage, n_epochs)` without end, the first one of stage `start`."""
    stage = start
    while True:
        yield stage, bout_length(chain, stage, rng)
        stage = next_stage(chain, stage, rng)


def hypnogram(
    chain: SemiMarkov, *, start: str, n_epochs: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the stages `(n_epochs,)` of one walk; the last bout is cut off."""
    stages: list[str] = []
    for stage, length in walk(chain, start, rng):
        stages += [stage] * length
        if len(stages) >= n_epochs:
            return np.array(stages[:n_epochs])
    raise AssertionError("a walk has no end")


def bouts(stages: Iterable[str]) -> list[Bout]:
    """Return the runs of equal stages, in order."""
    return [(str(stage), len(list(run))) for stage, run in groupby(stages)]


def fit(sequences: Iterable[Sequence[Bout]], stages: Sequence[str]) -> SemiMarkov:
    """Fit a chain to sequences of bouts; each sequence's last bout tells only its length.

    A stage that nothing ever follows steps to every other stage alike, and one never seen lasts
    one epoch: such rows are placeholders that a walk from the seen stages does not reach.
    """
    counts = {a: dict.fromkeys((b for b in stages if b != a), 0.0) for a in stages}
    lengths: dict[str, list[int]] = {stage: [] for stage in stages}
    for sequence in sequences:
        for stage, length in sequence:
            lengths[stage].append(length)
        for (before, _), (after, _) in pairwise(sequence):
            counts[before][after] += 1.0
    return SemiMarkov(
        {stage: _normalised(row) for stage, row in counts.items()},
        {stage: tuple(np.quantile(seen or [1], QUANTILES)) for stage, seen in lengths.items()},
    )


def _normalised(row: Mapping[str, float]) -> dict[str, float]:
    total = sum(row.values())
    return {to: p / total if total else 1.0 / len(row) for to, p in row.items()}
