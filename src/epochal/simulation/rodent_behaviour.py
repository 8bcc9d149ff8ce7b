"""What a mouse does within a stage: active, quiet or grooming in waking, light or deep in NREM."""

from __future__ import annotations

from itertools import groupby

import numpy as np

BEHAVIOURS = (
    "active", "quiet", "grooming", "arousal", "light NREM", "deep NREM", "towards REM", "REM"
)  # fmt: skip
DROWSY_S = 15.0  # the quiet time before falling asleep, on average
LIGHT_S = 18.0  # the time from falling asleep to deep NREM, on average
TOWARDS_REM_S = 10.0  # spindles and theta rise and slow waves wane before REM
# Spells within real waking: share and mean length in seconds.
SPELLS = {"active": (0.48, 40.0), "quiet": (0.3, 20.0), "grooming": (0.22, 15.0)}
NREM_SPELLS = {"deep NREM": (0.7, 30.0), "light NREM": (0.3, 12.0)}


def draw_behaviour(states: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the index in `BEHAVIOURS` of each second `(n_seconds,)`, from the state of each."""
    bouts = [(state, len(list(run))) for state, run in groupby(states.tolist())]
    following = [state for state, _ in bouts[1:]] + [None]
    parts = [
        _within(state, length, after, rng)
        for (state, length), after in zip(bouts, following, strict=True)
    ]
    return np.concatenate(parts)


def _within(state: str, length: int, after: str | None, rng: np.random.Generator) -> np.ndarray:
    if state == "wake":
        return _waking(length, rng)
    if state == "NREM":
        return _nrem(length, after, rng)
    return np.full(length, BEHAVIOURS.index(state))


def _waking(length: int, rng: np.random.Generator) -> np.ndarray:
    seconds = _spells(SPELLS, length, rng)
    drowsy = min(length // 2, round(rng.exponential(DROWSY_S)))
    seconds[length - drowsy :] = BEHAVIOURS.index("quiet")
    return seconds


def _nrem(length: int, after: str | None, rng: np.random.Generator) -> np.ndarray:
    seconds = _spells(NREM_SPELLS, length, rng)
    seconds[: round(rng.exponential(LIGHT_S))] = BEHAVIOURS.index("light NREM")
    if after == "REM":
        seconds[max(0, length - round(rng.exponential(TOWARDS_REM_S))) :] = BEHAVIOURS.index(
            "towards REM"
        )
    return seconds


def _spells(
    spells: dict[str, tuple[float, float]], length: int, rng: np.random.Generator
) -> np.ndarray:
    names = list(spells)
    # A spell is picked by its share of the time over its length.
    weights = np.array([share / mean_s for share, mean_s in spells.values()])
    seconds: list[int] = []
    while len(seconds) < length:
        name = names[rng.choice(len(names), p=weights / weights.sum())]
        seconds += [BEHAVIOURS.index(name)] * (1 + round(rng.exponential(spells[name][1])))
    return np.array(seconds[:length])
