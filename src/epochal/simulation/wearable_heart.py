"""Heart beats with respiratory and slower variability, and what they look like in BVP and ECG."""

from __future__ import annotations

import numpy as np
import scipy

from epochal.simulation.wearable_course import Course, Person, lagged
from epochal.simulation.wearable_motion import shaped_noise

GRID_HZ = 8.0
SLOW_HZ = (0.04, 0.15)
# Gaussian waves of a pulse: seconds after the beat, width (s), height; systolic and dicrotic.
PULSE_WAVES = ((0.22, 0.075, 1.0), (0.46, 0.10, 0.30))
# P, Q, R, S, T: seconds from the R peak, width (s), mV; after McSharry et al. 2003,
# doi:10.1109/TBME.2003.808805.
ECG_WAVES = (
    (-0.17, 0.025, 0.12), (-0.030, 0.010, -0.10), (0.0, 0.011, 1.1), (0.032, 0.010, -0.22),
    (0.26, 0.050, 0.28),
)  # fmt: skip
ARTEFACT = 0.9  # of a movement in the pulse wave, in heights of a pulse
BVP_STEP = 0.01


def draw_breathing(course: Course, rng: np.random.Generator) -> np.ndarray:
    """Return the breathing's phase in radians at 8 Hz, `(n_seconds * 8,)`."""
    hz = np.repeat(course.breathing_hz, round(GRID_HZ))
    wander = lagged(rng.normal(0, 1, len(hz)), 40.0) * 1.2
    return np.asarray(2 * np.pi * np.cumsum(hz * np.exp(0.3 * wander)) / GRID_HZ)


def draw_beats(course: Course, breathing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the times of beats in seconds: where the rate's integral passes a whole number."""
    n_grid = len(breathing)
    slow = _slow_oscillation(n_grid, rng)
    modulation = np.repeat(course.variability, round(GRID_HZ)) * (0.8 * np.sin(breathing) + slow)
    rate_hz = np.repeat(course.heart_bpm / 60, round(GRID_HZ)) * (1 + modulation)
    phase = np.concatenate([[0.0], np.cumsum(np.clip(rate_hz, 0.5, 3.3)) / GRID_HZ])
    times_s = np.interp(np.arange(1, int(phase[-1]) + 1), phase, np.arange(n_grid + 1) / GRID_HZ)
    return np.asarray(times_s + rng.normal(0, 0.004, len(times_s)))


def pulse_wave(
    person: Person,
    course: Course,
    beats_s: np.ndarray,
    breathing: np.ndarray,
    *,
    sfreq: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the BVP `(n_seconds * sfreq,)`: pulses that breathe, and artefacts of movement."""
    time_s = np.arange(round(course.n_seconds * sfreq)) / sfreq
    wave = _waves_after(time_s, beats_s, PULSE_WAVES)
    breathed = 1 + 0.12 * np.sin(np.interp(time_s, _grid_s(breathing), breathing))
    height = person.pulse_height * np.exp(
        _at(course, lagged(rng.normal(0, 2.2, course.n_seconds), 60), time_s)
    )
    moving = _at(course, lagged(course.moving, 1.0), time_s)
    noise = shaped_noise(len(time_s), sfreq, low_hz=0.3, high_hz=2.0, rng=rng)
    wave = height * wave * breathed / (1 + moving) + ARTEFACT * person.pulse_height * moving * noise
    wave = wave + 0.05 * person.pulse_height * rng.normal(size=len(wave))
    sos = scipy.signal.butter(1, 0.4, "highpass", fs=sfreq, output="sos")
    return np.asarray(scipy.signal.sosfiltfilt(sos, wave))


def ecg_wave(
    course: Course, beats_s: np.ndarray, *, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the ECG `(n_seconds * sfreq,)` in mV, with a wandering baseline and muscle noise."""
    time_s = np.arange(round(course.n_seconds * sfreq)) / sfreq
    wave = _waves_after(time_s, beats_s, ECG_WAVES) + _waves_before(time_s, beats_s, ECG_WAVES)
    moving = _at(course, lagged(course.moving, 1.0), time_s)
    wander = shaped_noise(len(time_s), sfreq, low_hz=0.1, high_hz=0.8, rng=rng)
    return np.asarray(
        wave
        + (0.04 + 0.10 * moving) * wander
        + (0.015 + 0.02 * moving) * rng.normal(size=len(wave))
    )


def device_rate(beats_s: np.ndarray, n_seconds: int) -> np.ndarray:
    """Return the heart rate that the E4 computes: each second from 10 s on, over the last 10 s."""
    ends_s = np.arange(10, n_seconds)
    last = np.searchsorted(beats_s, ends_s) - 1
    first = np.clip(np.searchsorted(beats_s, ends_s - 10), 0, last - 1)
    return np.asarray(60 * (last - first) / (beats_s[last] - beats_s[first]))


def device_intervals(course: Course, beats_s: np.ndarray) -> np.ndarray:
    """Return the intervals that the E4 reports, `(n, 2)` of time and length: without movement."""
    intervals = np.diff(beats_s)
    second = np.minimum(beats_s[1:].astype(int), course.n_seconds - 1)
    still = lagged(course.moving, 3.0)[second] < 0.05
    return np.column_stack([beats_s[1:], intervals])[still]


def _slow_oscillation(n_grid: int, rng: np.random.Generator) -> np.ndarray:
    """Return a wave of unit spread around 0.1 Hz."""
    sos = scipy.signal.butter(2, SLOW_HZ, "bandpass", fs=GRID_HZ, output="sos")
    wave = scipy.signal.sosfiltfilt(sos, rng.normal(size=n_grid))
    return np.asarray(wave / wave.std())


def _waves_after(
    time_s: np.ndarray, beats_s: np.ndarray, waves: tuple[tuple[float, float, float], ...]
) -> np.ndarray:
    """Sum Gaussian waves at fixed delays after (or at) the last beat and the one before it."""
    last = np.searchsorted(beats_s, time_s, side="right") - 1
    total = np.zeros(len(time_s))
    for back in (0, 1):
        since_s = time_s - beats_s[np.maximum(last - back, 0)]
        known = last >= back
        for delay_s, width_s, height in waves:
            total += known * height * np.exp(-0.5 * ((since_s - delay_s) / width_s) ** 2)
    return total


def _waves_before(
    time_s: np.ndarray, beats_s: np.ndarray, waves: tuple[tuple[float, float, float], ...]
) -> np.ndarray:
    """Sum the same waves around the next beat: what rises before it."""
    following = np.searchsorted(beats_s, time_s, side="right")
    until_s = time_s - beats_s[np.minimum(following, len(beats_s) - 1)]
    known = following < len(beats_s)
    return np.asarray(
        sum(
            known * height * np.exp(-0.5 * ((until_s - delay_s) / width_s) ** 2)
            for delay_s, width_s, height in waves
        )
    )


def _grid_s(breathing: np.ndarray) -> np.ndarray:
    return np.arange(len(breathing)) / GRID_HZ


def _at(course: Course, values: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Return values that are given once a second at other times."""
    return np.interp(time_s, np.arange(course.n_seconds) + 0.5, values)
