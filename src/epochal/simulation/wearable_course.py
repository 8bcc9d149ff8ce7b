"""What a body does from second to second in the course of a protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from epochal.simulation.wearable_tasks import EFFECTS, Effect, Stretch

# How far one stretch differs from another of the same task, whatever the task: real relaxations
# differ by 5 beats a minute, 1.5 responses a minute, and a factor of two in movement.
HEART_SD, RESPONSES_SD, MOVING_LOG_SD = 2.5, 1.6, 0.6
HEART_DRIFT_SD, HEART_DRIFT_S = 3.5, 150.0
RESTLESS_LOG_SD, RESTLESS_S = 0.5, 60.0  # how movement comes and goes within a stretch
TONIC_DRIFT_SD, TONIC_DRIFT_S = 0.35, 500.0
HEART_LAG_S, SKIN_LAG_S = 20.0, 150.0


@dataclass(frozen=True)
class Person:
    """What a subject brings: rates at rest, sizes, and how strongly stress acts on them.

    Spread over subjects as measured in the first relaxation of the 27 subjects of Stress-Predict.
    """

    age: int
    sex: str
    heart_bpm: float
    heart_variability: float
    breathing_hz: float
    pulse_height: float
    responses_per_min: float
    skin_us: float
    skin_c: float
    reactivity: float
    wrist: np.ndarray


@dataclass(frozen=True)
class Course:
    """One value a second, `(n_seconds,)` each, and the stretches that they follow."""

    stretches: tuple[Stretch, ...]
    heart_bpm: np.ndarray
    variability: np.ndarray
    breathing_hz: np.ndarray
    responses_per_min: np.ndarray
    tonic: np.ndarray
    moving: np.ndarray

    @property
    def n_seconds(self) -> int:
        """How long it lasts."""
        return len(self.heart_bpm)


def draw_person(rng: np.random.Generator) -> Person:
    """Draw a subject."""
    tilt, turn = rng.normal(0.7, 0.25), rng.normal(0.0, 0.2)
    return Person(
        age=int(np.clip(rng.normal(30, 9), 20, 60)),
        sex="F" if rng.random() < 0.5 else "M",
        heart_bpm=float(np.clip(rng.normal(74, 9), 52, 105)),
        heart_variability=float(np.exp(rng.normal(np.log(0.045), 0.3))),
        breathing_hz=float(np.clip(rng.normal(0.25, 0.04), 0.15, 0.36)),
        pulse_height=float(np.exp(rng.normal(4.0, 0.5))),
        responses_per_min=float(rng.gamma(1.2, 2.2)),
        skin_us=float(np.clip(np.exp(rng.normal(-1.1, 1.0)), 0.08, 12.0)),
        skin_c=float(np.clip(rng.normal(31, 2.0), 26, 36)),
        reactivity=float(np.clip(rng.normal(1.05, 0.4), 0.1, 2.2)),
        wrist=np.array([-np.sin(tilt) * np.cos(turn), np.sin(turn), np.cos(tilt) * np.cos(turn)]),
    )


def draw_course(
    person: Person, stretches: Sequence[Stretch], *, effect: float, rng: np.random.Generator
) -> Course:
    """Draw what a subject's body does; `effect` scales what tasks change (0: nothing)."""
    effects = [
        _personal(EFFECTS[stretch.task], person.reactivity, effect, rng) for stretch in stretches
    ]
    lengths = [stretch.duration_s for stretch in stretches]

    def course(values: Sequence[float], lag_s: float) -> np.ndarray:
        return lagged(np.repeat(np.asarray(values, float), lengths), lag_s)

    n_seconds = sum(lengths)
    heart = course([one.heart for one in effects], HEART_LAG_S)
    drift = drifting(n_seconds, HEART_DRIFT_SD, HEART_DRIFT_S, rng)
    responses = course([one.responses for one in effects], SKIN_LAG_S / 3)
    tonic = course([one.tonic for one in effects], SKIN_LAG_S)
    return Course(
        stretches=tuple(stretches),
        heart_bpm=np.clip(person.heart_bpm + heart + drift, 45, 170),
        variability=person.heart_variability * course([one.variability for one in effects], 20),
        breathing_hz=person.breathing_hz * course([one.breathing for one in effects], 10),
        responses_per_min=np.clip(person.responses_per_min + responses, 0.1, 20),
        tonic=tonic + drifting(n_seconds, TONIC_DRIFT_SD, TONIC_DRIFT_S, rng),
        moving=draw_moves(
            np.repeat([one.moving_s / 60 for one in effects], lengths),
            np.repeat([one.moving_size for one in effects], lengths),
            rng,
        ),
    )


def lagged(values: np.ndarray, lag_s: float) -> np.ndarray:
    """Return what follows the values with a first-order lag, settled from the start."""
    keep = np.exp(-1.0 / lag_s)
    followed = scipy.signal.lfilter([1 - keep], [1, -keep], values - values[0])
    return np.asarray(followed + values[0])


def drifting(
    n_seconds: int, sd: float, time_constant_s: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a stationary drift (Ornstein–Uhlenbeck process) of a spread and a time constant."""
    keep = np.exp(-1.0 / time_constant_s)
    steps = rng.normal(0, sd * np.sqrt(1 - keep**2), n_seconds)
    steps[:1] = rng.normal(0, sd)
    return np.asarray(scipy.signal.lfilter([1], [1, -keep], steps))


def draw_moves(share: np.ndarray, size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how large the movement is in each second, 0 when still.

    Moves last 4 s on average and begin so often that they take up the wanted share of time.
    """
    mean_s = 4.0
    restless = np.exp(drifting(len(share), RESTLESS_LOG_SD, RESTLESS_S, rng))
    share, size = np.clip(share * restless, 0.01, 0.95), size * restless
    begin = share / (1 - share) / mean_s
    chance, moving, moves = rng.random(len(share)), 0.0, np.zeros(len(share))
    sizes = np.exp(rng.normal(-0.3, 0.7, len(share)))
    for second, now in enumerate(chance):
        if moving:
            moving = 0.0 if now < 1 / mean_s else moving
        elif now < begin[second]:
            moving = sizes[second] * size[second]
        moves[second] = moving
    return moves


def _personal(effect: Effect, reactivity: float, scale: float, rng: np.random.Generator) -> Effect:
    """Return what a task does to one person in one stretch.

    The body's answer follows the person's reactivity; how a task is done (movement, breathing)
    does not.
    """
    rest, strength = EFFECTS["relax"], reactivity * scale
    moving_s = rest.moving_s + min(1.0, scale) * (effect.moving_s - rest.moving_s)
    moving_size = effect.moving_size ** min(1.0, scale)
    return Effect(
        heart=strength * rng.normal(effect.heart, effect.heart_sd) + rng.normal(0, HEART_SD),
        responses=strength * rng.normal(effect.responses, effect.responses_sd)
        + rng.normal(0, RESPONSES_SD),
        tonic=strength * effect.tonic,
        breathing=effect.breathing ** min(1.0, scale) * np.exp(rng.normal(0, 0.05)),
        variability=effect.variability ** min(1.0, strength) * np.exp(rng.normal(0, 0.15)),
        moving_s=min(54.0, moving_s * np.exp(rng.normal(0, MOVING_LOG_SD))),
        moving_size=moving_size * np.exp(rng.normal(0, MOVING_LOG_SD)),
    )
