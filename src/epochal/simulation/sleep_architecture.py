"""A human night: bedtime, cycles of NREM and REM sleep, and what a scorer writes down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, takewhile

import numpy as np

from epochal.simulation.semi_markov import QUANTILES, SemiMarkov, bouts, walk
from epochal.simulation.sleep_chains import CHAINS, PERIOD_MINUTES
from epochal.simulation.sleep_person import Person

EPOCH_S = 30
PER_MINUTE = 2  # epochs
FULL_NIGHT_H = (7.5, 0.9)  # mean and standard deviation of the sleep period, in hours
REM_BOUT_FACTOR = 1.3  # makes up for the bouts that a period's end and the scorer's lapses cut
AFTER_REM = {"W": 0.30, "1": 0.45, "2": 0.25}
MOVEMENT_SHARE = 0.0015  # of the epochs of sleep, in the hypnograms that the chains come from
SHIFTED_BOUNDARY = 0.15  # share of boundaries that a scorer puts an epoch early, or late
MISJUDGED = {"1": 0.10, "W": 0.08, "3": 0.08}  # share of a stage's short bouts given to a neighbour
SHORT_BOUT_EPOCHS = 4
LAPSE = 0.005  # share of epochs inside a bout that a scorer gives to a neighbouring stage
NEIGHBOURS = {"W": "1", "1": "2W", "2": "13R", "3": "24", "4": "3", "R": "12"}


@dataclass(frozen=True)
class Night:
    """The true stages and the scored ones, one R&K letter per epoch; `M` is movement time.

    `lights_off` is the epoch at which the person goes to bed, `asleep` that of the first sleep.
    """

    stages: np.ndarray
    scored: np.ndarray
    lights_off: int
    asleep: int


def draw_night(person: Person, n_epochs: int, rng: np.random.Generator) -> Night:
    """Draw a night of `n_epochs`, with wake before and after the sleep period."""
    before, sleep_epochs = _timetable(n_epochs, rng)
    sleep = draw_sleep(person, sleep_epochs, rng)
    stages = np.full(n_epochs, "W")
    stages[before : before + len(sleep)] = sleep
    latency = min(before, int(rng.gamma(2.0, 8.0 * PER_MINUTE)))
    return Night(stages, score(stages, rng), before - latency, before)


def _timetable(n_epochs: int, rng: np.random.Generator) -> tuple[int, int]:
    """Return the epochs of wake before sleep, and those of the sleep period."""
    hour = 60 * PER_MINUTE
    wanted = int(hour * np.clip(rng.normal(*FULL_NIGHT_H), 5.0, 9.5))
    sleep = min(wanted, max(1, n_epochs - int(min(0.75 * hour, 0.1 * n_epochs) * 2)))
    return int((n_epochs - sleep) * rng.uniform(0.4, 0.6)), sleep


def draw_sleep(person: Person, n_epochs: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the stages of a sleep period, cycle by cycle, from stage 1 to the last awakening."""
    chains = {name: personal(chain, person) for name, chain in CHAINS.items()}
    stages: list[str] = []
    start = "1"
    for name, length in takewhile(lambda _: len(stages) < n_epochs, _parts(rng)):
        part = _part(chains[name], "R" if name == "rem" else start, length, rng)
        stages += part
        start = part[-1] if name.endswith("a") else _after_rem(rng)
    return np.array(stages[:n_epochs])


def personal(chain: SemiMarkov, person: Person) -> SemiMarkov:
    """Return the chain as this person's nights follow it."""
    entering = {
        "3": np.exp(person.deep_drive),
        "4": np.exp(1.5 * person.deep_drive),
        "W": np.exp(person.wake_drive),
        "1": np.exp(person.light_drive),
    }
    lasting = {
        "R": REM_BOUT_FACTOR,
        "3": np.exp(0.4 * person.deep_drive),
        "4": np.exp(0.4 * person.deep_drive),
        "W": np.exp(0.4 * person.wake_drive),
        "1": np.exp(0.4 * person.light_drive),
    }
    return chain.favouring(entering).lasting(lasting)


def _parts(rng: np.random.Generator) -> Iterator[tuple[str, int]]:
    """Yield the parts of the night, `(name in CHAINS, n_epochs)`, without end."""
    for cycle in (min(number, 4) for number in count(1)):
        half = _period_epochs(f"nrem{cycle}", rng) // 2
        yield from ((f"nrem{cycle}a", half), (f"nrem{cycle}b", half))
        yield "rem", _period_epochs(f"rem{cycle}", rng)


def _period_epochs(name: str, rng: np.random.Generator) -> int:
    minutes = np.interp(rng.random(), QUANTILES, PERIOD_MINUTES[name])
    return max(2, round(float(minutes) * PER_MINUTE))


def _part(chain: SemiMarkov, start: str, n_epochs: int, rng: np.random.Generator) -> list[str]:
    stages: list[str] = []
    for stage, length in walk(chain, start, rng):
        stages += [stage] * length
        if len(stages) >= n_epochs:
            break
    return stages[:n_epochs]


def _after_rem(rng: np.random.Generator) -> str:
    return str(rng.choice(list(AFTER_REM), p=list(AFTER_REM.values())))


def score(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the stages as a scorer writes them: unsure at boundaries, with a few lapses."""
    scored = _misjudge(_shift_boundaries(stages, rng), rng)
    for epoch in np.flatnonzero(rng.random(len(stages)) < LAPSE * (stages != "W")):
        scored[epoch] = rng.choice(list(NEIGHBOURS[str(stages[epoch])]))
    scored[(rng.random(len(stages)) < MOVEMENT_SHARE) & (stages != "W")] = "M"
    return scored


def _misjudge(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    scored, end = stages.copy(), 0
    for stage, length in bouts(stages):
        end += length
        if length <= SHORT_BOUT_EPOCHS and rng.random() < MISJUDGED.get(stage, 0.0):
            scored[end - length : end] = rng.choice(list(NEIGHBOURS[stage]))
    return scored


def _shift_boundaries(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    scored = stages.copy()
    for epoch in np.flatnonzero(stages[1:] != stages[:-1]) + 1:
        draw = rng.random()
        if draw < SHIFTED_BOUNDARY:
            scored[epoch] = stages[epoch - 1]
        elif draw < 2 * SHIFTED_BOUNDARY:
            scored[epoch - 1] = stages[epoch]
    return scored
