"""One night as Dreem's challenge sees it: stages, slow oscillations, and what follows each.

A slow oscillation of high or low amplitude starts within a second of the last one, or none does;
which, depends weakly on the depth of sleep, on the last amplitude and on what the EEG did before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The challenge does not state its codes; these are the usual ones of a hypnogram.
WAKE, N1, LIGHT, DEEP, REM = 0, 1, 2, 3, 4
STAGE_S = 30
_THRESHOLD_UV = 75.0  # of detection, peak to peak
HIGH_UV = 120.0  # from here on an amplitude is "high"
# Log odds of low and high against none, before depth and amplitude: set so that the classes' shares
# are those of the original, 114,032 : 78,620 : 68,982.
_BASE = np.array((-0.37, -0.88))
_BY_DEPTH = np.array((0.4, 1.0))
_BY_AMPLITUDE = np.array((-0.15, 0.6))
_BY_PRECURSOR = np.array((0.55, 0.7))
_REFRACTORY_S = 1.0


@dataclass(frozen=True)
class Night:
    """Stages of 30 s each from sleep onset on, and the slow oscillations in them.

    Per oscillation: `start_s`, `duration_s`, `amplitude_uv` (peak to peak), `label` (what follows
    within the next second) and `precursor`, which raises the fast activity at its end.
    """

    stages: np.ndarray
    start_s: np.ndarray
    duration_s: np.ndarray
    amplitude_uv: np.ndarray
    label: np.ndarray
    precursor: np.ndarray
    depth: np.ndarray

    @property
    def end_s(self) -> np.ndarray:
        """When each oscillation ends."""
        return self.start_s + self.duration_s


def draw_night(rng: np.random.Generator) -> Night:
    """Draw a night of about eight hours and 2,000 to 4,000 oscillations."""
    stages = draw_stages(rng)
    depth = _draw_depth(stages, rng)
    trait = rng.normal(0, 0.35)  # of this sleeper: oscillations large or small
    events: list[tuple[float, float, float, int, float, float]] = []
    now_s = 20.0
    while (epoch := int(now_s // STAGE_S)) < len(stages) - 1:
        if stages[epoch] not in (LIGHT, DEEP):
            now_s = (epoch + 1) * STAGE_S
            continue
        level, precursor = float(depth[epoch]), float(rng.standard_normal())
        previous = events[-1] if events else None
        amplitude_uv = _draw_amplitude(level + trait, previous and previous[3], rng)
        duration_s = float(min(max(rng.lognormal(np.log(0.9), 0.2), 0.5), 1.6))
        label = _draw_label(level, amplitude_uv, precursor, rng)
        events.append((now_s, duration_s, amplitude_uv, label, precursor, level))
        now_s += duration_s + _draw_gap(level, label, rng)
    columns = np.array(events).T
    return Night(stages, columns[0], columns[1], columns[2], columns[3].astype(int), *columns[4:])


def metadata_rows(night: Night) -> np.ndarray:
    """Return the eleven columns of each oscillation, `(n, 11)`, times in seconds."""
    count = np.arange(len(night.start_s))
    known = np.maximum(count, 1)
    mean_amplitude = np.concatenate([[0.0], np.cumsum(night.amplitude_uv)[:-1]]) / known
    mean_duration = np.concatenate([[0.0], np.cumsum(night.duration_s)[:-1]]) / known
    epoch = np.minimum(night.end_s // STAGE_S, len(night.stages) - 1).astype(int)
    in_stage = [
        _time_in(night, stages, epoch) for stages in ((DEEP,), (N1, LIGHT), (REM,), (WAKE,))
    ]
    return np.column_stack(
        [count, mean_amplitude, mean_duration, night.amplitude_uv, night.duration_s,
         night.stages[epoch], night.end_s, *in_stage]
    )  # fmt: skip


def draw_stages(rng: np.random.Generator) -> np.ndarray:
    """Return a night of four to six cycles: deep sleep early, REM late, short awakenings."""
    stages: list[int] = [N1] * int(rng.integers(2, 8))
    for cycle in range(int(rng.integers(4, 7))):
        deep = max(0.0, rng.normal(45 - 13 * cycle, 10))
        rem = max(2.0, rng.normal(12 + 9 * cycle, 8))
        for stage, mean in ((LIGHT, 50), (DEEP, deep), (LIGHT, 45), (REM, rem)):
            length = int(rng.gamma(8, mean / 8)) if mean else 0
            stages += [stage] * length
        if rng.random() < 0.5:
            stages += [WAKE] * int(rng.integers(1, 8)) + [N1] * int(rng.integers(1, 4))
    return np.array(stages)


def _draw_depth(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how deep sleep is in each 30 s: by stage, falling over the night, wandering."""
    wander = np.zeros(len(stages))
    for index in range(1, len(stages)):
        wander[index] = 0.9 * wander[index - 1] + 0.25 * rng.standard_normal()
    by_stage = np.where(stages == DEEP, 0.9, -0.5)
    return by_stage + wander - 0.4 * np.arange(len(stages)) / len(stages)


def _draw_amplitude(level: float, announced: int | None, rng: np.random.Generator) -> float:
    """Draw an amplitude that is low or high if the oscillation before announced so."""
    while True:
        amplitude_uv = _THRESHOLD_UV + rng.gamma(2.0, 22.0 * np.exp(0.25 * level))
        if not announced or (amplitude_uv >= HIGH_UV) == (announced == 2):
            return float(amplitude_uv)


def _draw_label(
    level: float, amplitude_uv: float, precursor: float, rng: np.random.Generator
) -> int:
    amplitude = min(max((amplitude_uv - HIGH_UV) / 30, -1.5), 3.0)
    log_odds = _BASE + _BY_DEPTH * level + _BY_AMPLITUDE * amplitude + _BY_PRECURSOR * precursor
    odds = np.cumsum([1.0, *np.exp(log_odds)])
    return int(np.searchsorted(odds, rng.random() * odds[-1]))


def _draw_gap(level: float, label: int, rng: np.random.Generator) -> float:
    """Draw the seconds to the next oscillation: within one if the label says so, else more."""
    if label:
        return float(rng.uniform(0, 0.9))
    return float(_REFRACTORY_S + rng.exponential(8.0 * np.exp(-0.9 * level)))


def _time_in(night: Night, wanted: tuple[int, ...], epoch: np.ndarray) -> np.ndarray:
    """Return the seconds spent in the wanted stages up to the end of each oscillation."""
    inside = np.isin(night.stages, wanted)
    before = np.concatenate([[0], np.cumsum(inside)])[epoch] * STAGE_S
    return before + inside[epoch] * (night.end_s - epoch * STAGE_S)
