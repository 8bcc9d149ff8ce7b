"""The EEG of a simulated night of slow oscillations, cut so that each row ends with its own."""

from __future__ import annotations

import numpy as np
import scipy

from epochal.simulation.slow_oscillation_night import DEEP, LIGHT, STAGE_S, Night

# Standard deviation of the background without oscillations, in µV, and of sigma, by depth of sleep.
_BACKGROUND_UV, _BY_DEPTH = 11.0, 0.2
_SIGMA_UV = 3.0
_CORNER_HZ = 0.7
_SPINDLES_PER_MIN = {LIGHT: 4.0, DEEP: 1.5}
_PRECURSOR = 0.45  # log gain of sigma at an oscillation's end, per unit of its precursor


def render_rows(
    night: Night, *, sfreq: float, n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the EEG before the end of each oscillation, float32 `(n, n_samples)`, in µV."""
    eeg = _background(night, sfreq=sfreq, rng=rng)
    for start_s, duration_s, amplitude_uv in zip(
        night.start_s, night.duration_s, night.amplitude_uv, strict=True
    ):
        wave = slow_wave(round(duration_s * sfreq), rng.uniform(0.35, 0.5))
        start = round(start_s * sfreq)
        eeg[start : start + len(wave)] += amplitude_uv * wave
    first = np.round(night.end_s * sfreq).astype(int) - n_samples
    return np.lib.stride_tricks.sliding_window_view(eeg, n_samples)[first]


def slow_wave(n_samples: int, negative_share: float) -> np.ndarray:
    """Return one oscillation, 1 peak to peak: a negative half-wave, then a flatter positive one."""
    n_negative = max(2, round(negative_share * n_samples))
    n_positive = max(2, n_samples - n_negative)
    negative = -0.6 * np.sin(np.pi * np.arange(n_negative) / n_negative)
    positive = 0.4 * np.sin(np.pi * np.arange(n_positive) / n_positive)
    return np.concatenate([negative, positive]).astype(np.float32)


def _background(night: Night, *, sfreq: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise that falls as f^-2 and swells with depth, and sigma in spindles; float32."""
    n_samples = round(len(night.stages) * STAGE_S * sfreq)
    eeg = _noise(n_samples, sfreq=sfreq, rng=rng)
    seconds = np.arange(len(night.stages) * STAGE_S)
    level = np.interp(seconds, night.end_s, night.depth)
    swelling = np.exp(_BY_DEPTH * level).astype(np.float32)
    eeg *= np.float32(_BACKGROUND_UV) * np.repeat(swelling, round(sfreq))[:n_samples]
    sos = scipy.signal.butter(2, (11.5, 15.0), "bandpass", fs=sfreq, output="sos")
    sigma = scipy.signal.sosfilt(
        sos.astype(np.float32), rng.standard_normal(n_samples, dtype=np.float32)
    )
    sigma *= np.float32(_SIGMA_UV) / sigma.std()
    sigma *= _sigma_gain(night, n_samples, sfreq=sfreq, rng=rng)
    return eeg + sigma


def _noise(n_samples: int, *, sfreq: float, rng: np.random.Generator) -> np.ndarray:
    """Return first-order low-pass noise of unit variance: flat below 0.7 Hz, then f^-2."""
    decay = np.float32(np.exp(-2 * np.pi * _CORNER_HZ / sfreq))
    white = rng.standard_normal(n_samples, dtype=np.float32)
    noise = scipy.signal.lfilter(np.ones(1, np.float32), np.array([1, -decay], np.float32), white)
    noise /= noise.std()
    return noise


def _sigma_gain(
    night: Night, n_samples: int, *, sfreq: float, rng: np.random.Generator
) -> np.ndarray:
    """Return 1, more in spindles, and more or less at the end of each oscillation."""
    gain = np.ones(n_samples, dtype=np.float32)
    for stage, per_min in _SPINDLES_PER_MIN.items():
        epochs = np.flatnonzero(night.stages == stage)
        for epoch in rng.choice(epochs, rng.poisson(per_min * len(epochs) * STAGE_S / 60)):
            start = round((epoch + rng.random()) * STAGE_S * sfreq)
            bump = np.hanning(round(rng.uniform(0.6, 1.6) * sfreq))
            gain[start : start + len(bump)] += 3 * bump[: max(0, n_samples - start)]
    half = round(0.5 * sfreq)
    for end_s, precursor in zip(night.end_s, night.precursor, strict=True):
        end = round(end_s * sfreq)
        gain[max(0, end - half) : end] *= np.exp(_PRECURSOR * precursor)
    return gain
