"""Electrodermal activity and skin temperature."""

from __future__ import annotations

import numpy as np
import scipy

from epochal.simulation.wearable_course import Course, Person, drifting, lagged

RISE_S, RECOVERY_S = 0.75, 3.5  # of a response: after Lim et al. 1997
RESPONSE_SHARE = 0.09  # of a response's size in the level
RESPONSE_LOG_SD = 0.9
NOISE_US = 0.0015
E4_STEP_US = 0.001281  # the steps in which an E4's EDA.csv comes


def electrodermal_activity(
    person: Person, course: Course, *, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return EDA in uS, `(n_seconds * sfreq,)`: a level that drifts, and responses upon it."""
    n_samples = round(course.n_seconds * sfreq)
    time_s, middle_s = np.arange(n_samples) / sfreq, np.arange(course.n_seconds) + 0.5
    level = person.skin_us * np.exp(np.interp(time_s, middle_s, course.tonic))
    responses = np.zeros(n_samples)
    onsets = draw_responses(course, rng) * sfreq
    sizes = RESPONSE_SHARE * np.exp(rng.normal(0, RESPONSE_LOG_SD, len(onsets)))
    np.add.at(responses, onsets.astype(int).clip(0, n_samples - 1), sizes)
    shape = response_shape(sfreq)
    fast = scipy.signal.oaconvolve(responses, shape)[:n_samples] * level
    jolts = np.interp(
        time_s, middle_s, lagged(course.moving * rng.normal(size=course.n_seconds), 2)
    )
    noise = NOISE_US * rng.normal(size=n_samples)
    return np.maximum(level + fast + 0.02 * person.skin_us * jolts + noise, 0.0)


def draw_responses(course: Course, rng: np.random.Generator) -> np.ndarray:
    """Return the times in seconds of skin-conductance responses."""
    counts = rng.poisson(course.responses_per_min / 60)
    seconds = np.repeat(np.arange(course.n_seconds), counts)
    return np.asarray(seconds + rng.random(len(seconds)))


def response_shape(sfreq: float) -> np.ndarray:
    """Return a response of height 1: a quick rise and a slow recovery."""
    time_s = np.arange(round(8 * RECOVERY_S * sfreq)) / sfreq
    shape = np.exp(-time_s / RECOVERY_S) - np.exp(-time_s / RISE_S)
    return np.asarray(shape / shape.max())


def skin_temperature(
    person: Person, course: Course, *, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return temperature in degC, `(n_seconds * sfreq,)`: it drifts, and falls when roused."""
    falling = -0.25 * lagged(course.tonic, 120)
    drift = drifting(course.n_seconds, 0.6, 900, rng) + drifting(course.n_seconds, 0.015, 60, rng)
    time_s = np.arange(round(course.n_seconds * sfreq)) / sfreq
    settling = -0.6 * np.exp(-time_s / 400)
    middle_s = np.arange(course.n_seconds) + 0.5
    return np.asarray(person.skin_c + settling + np.interp(time_s, middle_s, falling + drift))
