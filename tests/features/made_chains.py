"""Double-banana windows of known courses at single electrodes, and of a few known patterns."""

import numpy as np
from scipy.signal import butter, sosfiltfilt

from epochal.readers.hms import CHANNELS
from epochal.signals.montage import Montage, apply_to_windows

SFREQ = 200.0
LEFT_SIDE = ("Fp1", "F3", "C3", "F7", "T3")
RIGHT_SIDE = ("Fp2", "F4", "C4", "F8", "T4")
# How far a pattern reaches: strongest in front, so that neighbours differ.
SPREAD = dict(zip(LEFT_SIDE + RIGHT_SIDE, (0.5, 1.0, 0.6, 0.7, 0.4) * 2, strict=True))


def double_banana(eeg):
    """Return `(n_epochs, 18, n_samples)` of `(n_epochs, 20, n_samples)` in the data set's order."""
    return apply_to_windows(eeg, CHANNELS, Montage(bipolar="double banana", keep="none"))[0]


def make_windows(course, electrodes, *, noise_uv=1.0, seed=0):
    """Return one window in which electrodes follow a course `(n_samples,)`, over noise to 20 Hz."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((1, len(CHANNELS), len(course)))
    low_pass = butter(4, 20, fs=SFREQ, output="sos")
    eeg = noise_uv * sosfiltfilt(low_pass, noise) * np.sqrt(SFREQ / 40)
    for name in electrodes:
        eeg[0, CHANNELS.index(name)] += SPREAD[name] * course
    return double_banana(eeg)


def times_s(length_s):
    return np.arange(round(length_s * SFREQ)) / SFREQ


def make_sine(frequency_hz, *, length_s=10.0, amplitude_uv=50.0):
    return amplitude_uv * np.sin(2 * np.pi * frequency_hz * times_s(length_s))


def make_discharges(frequency_hz, *, length_s=10.0, amplitude_uv=100.0, jitter=0.0, seed=0):
    """Return spikes of 50 ms with a slow wave after each, at regular or wandering intervals."""
    rng = np.random.default_rng(seed)
    n = round(length_s * frequency_hz) + 1
    at_s = (np.arange(n) + 0.5 + jitter * rng.uniform(-0.5, 0.5, n)) / frequency_hz
    after_s = times_s(length_s)[:, None] - at_s
    spike = np.exp(-0.5 * (after_s / 0.02) ** 2)
    wave = 0.3 * np.exp(-0.5 * ((after_s - 0.2) / 0.06) ** 2)
    return amplitude_uv * (spike - wave).sum(axis=1)


def one(columns):
    """Return the columns of a single epoch as `{name: number}`."""
    return {name: float(values[0]) for name, values in columns.items()}
