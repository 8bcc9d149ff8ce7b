"""Acceleration of a wrist or chest: gravity that turns, gestures, and the sensor's noise."""

from __future__ import annotations

import numpy as np
import scipy

from epochal.simulation.wearable_course import Course, lagged

GESTURE_G = 0.10
TURN_RAD = 0.25
SENSOR_G = 0.0025


def acceleration(
    course: Course,
    rest: np.ndarray,
    *,
    sfreq: float,
    rng: np.random.Generator,
    scale: float = 1.0,
) -> np.ndarray:
    """Return acceleration in g, `(3, n_seconds * sfreq)`.

    `rest` is gravity's direction at rest; a chest moves on a smaller `scale` than a wrist.
    """
    n_samples = round(course.n_seconds * sfreq)
    time_s = np.arange(n_samples) / sfreq
    middle_s = np.arange(course.n_seconds) + 0.5
    moving = np.interp(time_s, middle_s, lagged(course.moving, 0.5))
    direction = _direction(scale * course.moving, rest, rng)
    gravity = np.stack([np.interp(time_s, middle_s, axis) for axis in direction])
    gestures = np.stack(
        [shaped_noise(n_samples, sfreq, low_hz=0.3, high_hz=2.5, rng=rng) for _ in range(3)]
    )
    noise = rng.normal(0, SENSOR_G, (3, n_samples))
    return np.asarray(gravity + scale * GESTURE_G * moving * gestures + noise)


def shaped_noise(
    n_samples: int, sfreq: float, *, low_hz: float, high_hz: float, rng: np.random.Generator
) -> np.ndarray:
    """Return Gaussian noise between two frequencies, of unit spread."""
    sos = scipy.signal.butter(
        2, [low_hz, min(high_hz, 0.45 * sfreq)], "bandpass", fs=sfreq, output="sos"
    )
    noise = scipy.signal.sosfilt(sos, rng.normal(size=n_samples))
    return np.asarray(noise / max(float(noise.std()), 1e-12))


def _direction(moving: np.ndarray, rest: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return gravity's unit vector each second, `(3, n_seconds)`: moves turn it, for a while."""
    turns = TURN_RAD * moving * rng.normal(size=(3, len(moving)))
    turned = rest[:, None] + np.stack([40 * lagged(axis, 40.0) for axis in turns])
    return np.asarray(turned / np.linalg.norm(turned, axis=0))
