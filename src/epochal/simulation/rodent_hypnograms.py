"""Mouse hypnograms: semi-Markov chains by light and dark, and the scorer who reads them.

Every number here was fitted to expert hypnograms of mice: MSSV, OpenNeuro ds006366 v1.0.1 (CC0),
doi:10.18112/openneuro.ds006366.v1.0.1, 4 s epochs; labs 1, 2, 3 and 5, the animals whose number is
not divisible by 3 (the others are kept for checking). The chains know two kinds of wakefulness,
because arousals of up to 16 s within sleep and real wake bouts are different processes.
"""

from __future__ import annotations

import numpy as np

from epochal.simulation.semi_markov import SemiMarkov, bout_length, next_stage

STAGES = ("W", "NREM", "REM")
STAGE_OF = {"wake": "W", "arousal": "W", "NREM": "NREM", "REM": "REM"}
DAY_H = 24.0
DARK_H = 12.0  # zeitgeber time of lights-off; lights-on is 0
LATE_DARK_H = 17.0  # the activity peak of the early night is over

# Steps of probability 0.0002 or less were never seen in that phase, yet are possible: over all
# phases wake → REM occurs 51 times against 5,643 NREM → REM.
TRANSITIONS: dict[str, dict[str, dict[str, float]]] = {
    "light": {
        "wake": {"NREM": 0.9965, "REM": 0.0035},
        "arousal": {"NREM": 0.9966, "REM": 0.0034},
        "NREM": {"wake": 0.156, "arousal": 0.588, "REM": 0.256},
        "REM": {"wake": 0.286, "arousal": 0.614, "NREM": 0.100},
    },
    "dark": {
        "wake": {"NREM": 0.9998, "REM": 0.0002},
        "arousal": {"NREM": 0.9998, "REM": 0.0002},
        "NREM": {"wake": 0.303, "arousal": 0.590, "REM": 0.107},
        "REM": {"wake": 0.372, "arousal": 0.523, "NREM": 0.105},
    },
    "late dark": {
        "wake": {"NREM": 0.9985, "REM": 0.0015},
        "arousal": {"NREM": 0.9988, "REM": 0.0012},
        "NREM": {"wake": 0.222, "arousal": 0.603, "REM": 0.175},
        "REM": {"wake": 0.351, "arousal": 0.582, "NREM": 0.067},
    },
}
# Seconds, at semi_markov.QUANTILES; the last one is set so that the mean is the real one.
BOUT_S: dict[str, dict[str, tuple[float, ...]]] = {
    "light": {
        "wake": (18.0, 20.0, 24.0, 36.0, 112.0, 768.0, 1992.0, 2552.0),
        "arousal": (4.0, 4.0, 4.0, 5.0, 8.0, 12.0, 16.0, 18.0),
        "NREM": (4.0, 20.0, 40.0, 76.0, 132.0, 220.0, 348.0, 377.0),
        "REM": (4.0, 20.0, 28.0, 52.0, 96.0, 136.0, 176.0, 216.0),
    },
    "dark": {
        "wake": (18.0, 20.0, 28.0, 84.0, 484.0, 1269.0, 3973.0, 7683.0),
        "arousal": (4.0, 4.0, 4.0, 8.0, 12.0, 12.0, 16.0, 17.0),
        "NREM": (4.0, 12.0, 24.0, 56.0, 100.0, 176.0, 280.0, 294.0),
        "REM": (4.0, 16.0, 24.0, 44.0, 84.0, 112.0, 148.0, 155.0),
    },
    "late dark": {
        "wake": (18.0, 20.0, 24.0, 52.0, 312.0, 1146.0, 4382.0, 4841.0),
        "arousal": (4.0, 4.0, 4.0, 8.0, 8.0, 12.0, 16.0, 17.0),
        "NREM": (4.0, 16.0, 36.0, 72.0, 124.0, 202.0, 326.0, 342.0),
        "REM": (4.0, 16.0, 28.0, 52.0, 92.0, 128.0, 172.0, 181.0),
    },
}
CHAINS = {phase: SemiMarkov(TRANSITIONS[phase], BOUT_S[phase]) for phase in TRANSITIONS}
# Spread (sd of the log) of the mean bout length between real animals of one lab and phase, less
# what the chain's own randomness gives over a day.
ANIMAL_SPREAD = {"wake": 0.2, "NREM": 0.2, "REM": 0.12}

MISSED_BOUT = 0.3  # a scorer's chance to overlook a bout of a single epoch


def phase_at(zeitgeber_h: float) -> str:
    """Return `light`, `dark` or `late dark` at a zeitgeber time in hours (0 is lights-on)."""
    hour = zeitgeber_h % DAY_H
    if hour < DARK_H:
        return "light"
    return "dark" if hour < LATE_DARK_H else "late dark"


def animal_chains(rng: np.random.Generator) -> dict[str, SemiMarkov]:
    """Draw one animal's chains: its bouts are longer or shorter than the average's."""
    factors = {stage: float(np.exp(rng.normal(0.0, sd))) for stage, sd in ANIMAL_SPREAD.items()}
    return {phase: chain.lasting(factors) for phase, chain in CHAINS.items()}


def draw_states(*, length_s: int, start_zeitgeber_h: float, rng: np.random.Generator) -> np.ndarray:
    """Return what the animal does in each second `(length_s,)`: wake, arousal, NREM or REM."""
    chains = animal_chains(rng)
    states: list[str] = []
    state = "wake"
    while len(states) < length_s:
        chain = chains[phase_at(start_zeitgeber_h + len(states) / 3600.0)]
        states += [state] * bout_length(chain, state, rng)
        state = next_stage(chain, state, rng)
    return np.array(states[:length_s])


def majority_stages(states: np.ndarray, epoch_s: float) -> np.ndarray:
    """Return the stage `(n_epochs,)` that fills most of each whole epoch."""
    names = sorted(STAGE_OF)
    codes = np.array([STAGES.index(STAGE_OF[name]) for name in names])
    stages = codes[np.searchsorted(names, states)]
    epoch = ((np.arange(len(states)) + 0.5) // epoch_s).astype(int)
    n_epochs = int(len(states) / epoch_s)
    cells = (epoch * len(STAGES) + stages)[epoch < n_epochs]
    counts = np.bincount(cells, minlength=n_epochs * len(STAGES)).reshape(n_epochs, len(STAGES))
    return np.array(STAGES)[counts.argmax(axis=1)]


def score(stages: np.ndarray, *, disagreement: float, rng: np.random.Generator) -> np.ndarray:
    """Return the stages as one scorer writes them.

    Scorers agree on what a bout is and differ on where it ends, so a boundary moves by one epoch
    with probability `disagreement`, either way; single-epoch bouts are sometimes overlooked.
    """
    scored = stages.copy()
    for boundary in np.flatnonzero(stages[1:] != stages[:-1]) + 1:
        if rng.random() >= disagreement:
            continue
        if rng.random() < 0.5:
            scored[boundary] = stages[boundary - 1]
        else:
            scored[boundary - 1] = stages[boundary]
    return _overlook_single_epochs(scored, disagreement, rng)


def _overlook_single_epochs(
    stages: np.ndarray, disagreement: float, rng: np.random.Generator
) -> np.ndarray:
    chance = MISSED_BOUT if disagreement else 0.0
    alone = (stages[1:-1] != stages[:-2]) & (stages[1:-1] != stages[2:])
    missed = np.flatnonzero(alone & (rng.random(len(alone)) < chance)) + 1
    seen = stages.copy()
    seen[missed] = stages[missed - 1]
    return seen
