"""A human night: bedtime, cycles of NREM and REM sleep, and what a scorer writes down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from epochal.simulation.semi_markov import QUANTILES, SemiMarkov, bouts, walk
from epochal.simulation.sleep_chains import CHAINS, PERIOD_MINUTES
from epochal.simulation.sleep_person import Person

EPOCH_S = 30
PER_MINUTE = 2  # epochs
FULL_NIGHT_H = (7.5, 0.9)  # mean and standard deviation of the sleep period, in hours
REM_BOUT_FACTOR = 1.2  # makes up for the bouts that a period's end cuts
AFTER_REM = {"W": 0.30, "1": 0.45, "2": 0.25}
MOVEMENT_SHARE = 0.0015  # of the epochs of sleep, in the hypnograms that the chains come from
# How a scorer's stages and what the sleeper did differ. The chains were fitted to scored nights, so
# it is the sleeper who departs from them: about as often as scorers do from each other.
SHIFTED_BOUNDARY = 0.12  # share of boundaries that lie an epoch earlier, and later
MISJUDGED = {"1": 0.18, "2": 0.04, "W": 0.05, "3": 0.06, "R": 0.03}  # share of the short bouts
SHORT_BOUT_EPOCHS = 6
LAPSE = 0.011  # share of epochs of sleep inside a bout
NEIGHBOURS = {"W": "1", "1": "W2", "2": "13", "3": "24", "4": "3", "R": "12"}


@dataclass(frozen=True)
class Night:
    """What the sleeper did and what was scored, one R&K letter per epoch; `M` is movement time.

    `lights_off` is the epoch at which the person goes to bed, `asleep` that of the first
    sleep that is scored.
    """

    stages: np.ndarray
    scored: np.ndarray
    lights_off: int
    asleep: int


def draw_night(person: Person, n_epochs: int, rng: np.random.Generator) -> Night:
    """Draw a night of `n_epochs`, with wake before and after the sleep period."""
    before, sleep_epochs = _timetable(n_epochs, rng)
    sleep = draw_sleep(person, sleep_epochs, rng)
    scored = np.full(n_epochs, "W")
    scored[before : before + len(sleep)] = sleep
    latency = min(before, int(rng.gamma(2.0, 8.0 * PER_MINUTE)))
    stages = disagree(scored, rng)
    return Night(stages, _with_movements(scored, rng), before - latency, before)


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
    for name, length in _parts(rng):
        if len(stages) >= n_epochs:
            break
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


def disagree(scored: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what the sleeper did where a scorer wrote `scored`.

    Scorers are unsure at boundaries and of short bouts, most of all in stage 1, and have lapses.
    """
    stages = _misjudge(_shift_boundaries(scored, rng), rng)
    for epoch in np.flatnonzero(rng.random(len(stages)) < LAPSE * (scored != "W")):
        stages[epoch] = rng.choice(list(NEIGHBOURS[str(scored[epoch])]))
    return stages


def _misjudge(scored: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    stages, end = scored.copy(), 0
    for stage, length in bouts(scored):
        end += length
        if length <= SHORT_BOUT_EPOCHS and rng.random() < MISJUDGED.get(stage, 0.0):
            stages[end - length : end] = rng.choice(list(NEIGHBOURS[stage]))
    return stages


def _shift_boundaries(scored: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    stages = scored.copy()
    for epoch in np.flatnonzero(scored[1:] != scored[:-1]) + 1:
        draw = rng.random()
        if draw < SHIFTED_BOUNDARY:
            stages[epoch] = scored[epoch - 1]
        elif draw < 2 * SHIFTED_BOUNDARY:
            stages[epoch - 1] = scored[epoch]
    return stages


def _with_movements(scored: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where((rng.random(len(scored)) < MOVEMENT_SHARE) & (scored != "W"), "M", scored)
