"""Faults of realistic sizes, planted into clean windows of a kind of channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Sizes(NamedTuple):
    """Ranges of what is planted.

    `flat`: share of the window. `saturated`: share of samples at the rails. `line`: mains rms as a
    multiple of the window's own. `burst`, `pop`: amplitude as a multiple of what the window usually
    spans in a second (pulse wave: in two), no less than `burst_least`, `pop_least` in its unit.
    EDA: the share of the level that is lost.
    """

    flat: tuple[float, float]
    burst: tuple[float, float] | None = None
    burst_least: float = 0.0
    pop: tuple[float, float] | None = None
    pop_least: float = 0.0
    line: tuple[float, float] | None = None
    saturated: tuple[float, float] | None = (0.08, 0.4)


SIZES = {
    "eeg": Sizes((0.2, 1.0), (2, 6), 200, (1.5, 6), 100, (0.5, 2.0)),
    "eog": Sizes((0.2, 1.0), (3, 8), 400, (1.5, 6), 150, (0.5, 2.0)),
    "emg": Sizes((0.2, 1.0), (2, 8), 300, (2, 6), 200, (0.8, 2.0)),
    "rodent_eeg": Sizes((0.2, 1.0), (2, 5), 250, (2, 6), 300, (0.5, 2.0)),
    "rodent_emg": Sizes((0.2, 1.0), (2, 8), 500, (2, 6), 500, (0.8, 2.0)),
    "ecg": Sizes((0.3, 1.0), (3, 8), 1000, (1, 4), 500, (0.7, 2.0)),
    "bvp": Sizes((0.3, 1.0), (5, 20)),
    "eda": Sizes((0.6, 1.0), (0.3, 0.9), pop=(0.4, 0.9), saturated=None),
    "temperature": Sizes((1.0, 1.0), pop=(0, 0), pop_least=1.0, saturated=None),
    "acceleration": Sizes((1.0, 1.0)),
}
Plant = Callable[[np.ndarray, float, str, np.random.Generator], np.ndarray]


def faults_of(kind: str) -> dict[str, Plant]:
    """Return what can be planted into a kind of channel."""
    sizes = SIZES[kind]
    judged = {
        "missing": lose,
        "flat": unplug if kind != "temperature" else None,
        "saturated": saturate if sizes.saturated else None,
        "motion_burst": move if sizes.burst else None,
        "line_noise": hum if sizes.line else None,
        "pop": pop if sizes.pop else None,
    }
    return {fault: plant for fault, plant in judged.items() if plant}


def lose(window: np.ndarray, sfreq: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    return _put(window, np.nan, rng.integers(1, max(2, round(5 * sfreq))), rng)


def unplug(window: np.ndarray, sfreq: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    share = rng.uniform(*SIZES[kind].flat)
    level = window[rng.integers(len(window))] if rng.random() < 0.5 else 0.0
    return _put(window, level, round(share * len(window)), rng)


def saturate(window: np.ndarray, sfreq: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Clip at both rails, at one, or sit on one for a while."""
    share, how = rng.uniform(*SIZES[kind].saturated), rng.choice(["both", "one", "stuck"])
    if kind == "acceleration":
        return _put(window, rng.choice([-2.0, 127 / 64]), round(share * len(window)), rng)
    if how == "stuck":
        rail = window.mean() + rng.choice([-1, 1]) * 2 * np.ptp(window)
        return _put(window, rail, round(share * len(window)), rng)
    low, high = np.quantile(window, [share / 2, 1 - share / 2])
    one = np.minimum(window, np.quantile(window, 1 - share))
    return np.clip(window, low, high) if how == "both" else one


def move(window: np.ndarray, sfreq: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Add a swaying burst of 1 to 8 s; conductance drops now and then instead."""
    sizes, moved = SIZES[kind], window.astype(float)
    if kind == "eda":
        for _ in range(rng.integers(2, 6)):
            n_lost = rng.integers(2, 3 * round(sfreq))
            first = rng.integers(0, len(window) - n_lost)
            moved[first : first + n_lost] *= 1 - rng.uniform(*sizes.burst)
        return moved
    n_burst = min(round(rng.uniform(1, 8) * sfreq), len(window) // 2)
    first = rng.integers(0, len(window) - n_burst)
    amplitude = max(rng.uniform(*sizes.burst) * usual_span(window, sfreq, kind), sizes.burst_least)
    steps_hz = np.full(n_burst, rng.uniform(0.8, 5.0)) + rng.normal(0, 0.3, n_burst)
    sway = np.sin(2 * np.pi * np.cumsum(steps_hz) / sfreq + rng.uniform(0, 2 * np.pi))
    moved[first : first + n_burst] += amplitude * np.hanning(n_burst + 2)[1:-1] * sway
    return moved


def hum(window: np.ndarray, sfreq: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Add mains at 50 or 60 Hz, a tenth of a hertz off at most, as the sampling folds it."""
    hz = rng.choice([50.0, 60.0]) + rng.uniform(-0.1, 0.1)
    times = rng.uniform(*SIZES[kind].line)
    phase = 2 * np.pi * hz * np.arange(len(window)) / sfreq + rng.uniform(0, 2 * np.pi)
    return window + np.sqrt(2) * times * window.std() * np.sin(phase)


def pop(window: np.ndarray, sfreq: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Add a step that decays in 0.1 to 1 s; conductance and temperature stay where they fell."""
    sizes, sign = SIZES[kind], rng.choice([-1.0, 1.0])
    times = rng.uniform(*sizes.pop)
    size = max(times * usual_span(window, sfreq, kind), sizes.pop_least)
    margin = max(4, round(0.1 * sfreq))
    first = rng.integers(margin, len(window) - margin)
    popped, time_s = window.astype(float), np.arange(len(window) - first) / sfreq
    if kind == "eda":
        popped[first:] *= 1 - times if sign < 0 else 1 / (1 - times)
    elif kind == "temperature":
        popped[first:] += sign * size
    else:
        popped[first:] += sign * size * np.exp(-time_s / rng.uniform(0.1, 1.0))
    return popped


def _put(window: np.ndarray, value: float, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    spoilt = window.astype(float)
    n_samples = min(int(n_samples), len(window))
    first = rng.integers(0, len(window) - n_samples + 1)
    spoilt[first : first + n_samples] = value
    return spoilt


def usual_span(window: np.ndarray, sfreq: float, kind: str) -> float:
    """Return the median span of a window's seconds; of two seconds where there are beats."""
    n_piece = round((2 if kind in ("bvp", "ecg") else 1) * sfreq)
    pieces = window[: len(window) // n_piece * n_piece].reshape(-1, n_piece)
    return float(np.median(np.ptp(pieces, axis=1)))
