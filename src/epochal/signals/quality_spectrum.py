"""Mains hum, and power where none belongs, from one spectrum per window."""

from __future__ import annotations

import numpy as np

from epochal.options.quality import Limits
from epochal.signals import fourier

SEGMENT_S, MIN_SEGMENT = 2.0, 16  # seconds, samples
LOWEST_HZ = 0.5
LINE_HZ, AROUND_HZ = 1.0, 4.0  # half widths of the line, and of the floor around it
LOWEST_ALIAS_HZ = 25.0  # below, a folded mains line hides among rhythms


def measure_spectrum(
    windows: np.ndarray, sfreq: float, *, limits: Limits, mains_hz: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of power in the mains line, and that outside the kind's band, in [0, 1].

    `windows` `(n_epochs, n_samples)`. The line counts above the floor around it, so that muscle is
    none; above the Nyquist frequency it is looked for where it folds to. Where the band begins at
    0.5 Hz, what lies outside is scaled so that white noise has 1.
    """
    none = np.zeros(len(windows))
    lines = [_fold(mains, sfreq) for mains in mains_hz] if limits.line_share else []
    lines = [line for line in lines if line >= LOWEST_ALIAS_HZ]
    if not lines and limits.band_hz is None:
        return none, none
    frequencies, power = _power(windows, sfreq)
    if len(frequencies) < 2 or frequencies[1] > LINE_HZ:
        return none, none  # too short a window to tell a line from the rest
    total = power[:, frequencies >= LOWEST_HZ].sum(axis=1)
    total = np.where(total > 0, total, 1.0)
    line = sum((_excess(frequencies, power, at_hz) for at_hz in lines), none)
    return np.clip(line / total, 0, 1), _outside(frequencies, power, total, limits.band_hz)


def _fold(frequency_hz: float, sfreq: float) -> float:
    """Return where a frequency appears at a sampling rate."""
    return abs(frequency_hz - sfreq * round(frequency_hz / sfreq))


def _power(windows: np.ndarray, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and mean power over Hann segments of 2 s, `(n_epochs, n_frequencies)`."""
    n_segment = min(round(SEGMENT_S * sfreq), windows.shape[1])
    if n_segment < MIN_SEGMENT:
        return np.empty(0), np.empty((len(windows), 0))
    n_segments = windows.shape[1] // n_segment
    segments = windows[:, : n_segments * n_segment].reshape(len(windows), n_segments, n_segment)
    taper = np.hanning(n_segment).astype(windows.dtype, copy=False)
    spectrum = fourier.rfft((segments - segments.mean(axis=-1, keepdims=True)) * taper)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=1)
    return np.fft.rfftfreq(n_segment, 1 / sfreq), power


def _excess(frequencies: np.ndarray, power: np.ndarray, at_hz: float) -> np.ndarray:
    """Return the power of a line above that expected from its surroundings."""
    distance = np.abs(frequencies - at_hz)
    line, around = distance <= LINE_HZ, (distance > 1.5 * LINE_HZ) & (distance <= AROUND_HZ)
    if not line.any() or not around.any():
        return np.zeros(len(power))
    floor = np.median(power[:, around], axis=1) * line.sum()
    return np.maximum(power[:, line].sum(axis=1) - floor, 0.0)


def _outside(
    frequencies: np.ndarray,
    power: np.ndarray,
    total: np.ndarray,
    band_hz: tuple[float, float] | None,
) -> np.ndarray:
    judged = frequencies >= LOWEST_HZ
    if band_hz is None or not judged.any():
        return np.zeros(len(power))
    outside = judged & ((frequencies < band_hz[0]) | (frequencies > band_hz[1]))
    of_white = outside.sum() / judged.sum() if band_hz[0] <= LOWEST_HZ else 1.0
    return np.clip(power[:, outside].sum(axis=1) / total / (of_white or 1.0), 0, 1)
