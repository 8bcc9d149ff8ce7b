"""Breathing, per window: as a chest belt shows it, or as it modulates the pulse wave."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.signal import find_peaks, welch

from epochal.features.beats import Beats, filter_band, find_pulses
from epochal.features.columns import log_floored, stack, undefined

BREATHING_HZ = (0.1, 0.7)  # 6 to 42 breaths a minute
FAST_HZ = 0.3
NEAR_HZ = 1 / 30  # two breaths a minute
GRID_HZ = 4.0
SEGMENT_S = 32.0
# Parts of the pulse wave's spectrum below the beat, and the beat that they are compared with.
SLOW_WAVE_HZ = {
    "wave_slow": (0.05, 0.15),
    "wave_breathing": (0.15, 0.35),
    "wave_fast": (0.35, 0.65),
}
BEAT_HZ = (0.65, 1.2)
MIN_BREATHS = 4
TINY = 1e-12


class Modulation(NamedTuple):
    """Breaths a minute, how clear they are, the power above 0.3 Hz (shares), the depth (log).

    Regular breathing has a small `breathing_spread` (of the spectrum, in breaths a minute) and a
    small `breathing_entropy` (1: no rate stands out). `breathing_swing` is the depth (log) to
    which the beat's pace follows the breath: respiratory sinus arrhythmia.
    """

    breathing_rate: float
    breathing_clarity: float
    breathing_fast: float
    breathing_depth: float
    breathing_spread: float
    breathing_entropy: float
    breathing_swing: float


class Breaths(NamedTuple):
    """Breaths a minute, relative spread of their lengths, depth (log), share spent inhaling."""

    breathing_rate: float
    breathing_rate_cv: float
    breathing_depth: float
    breathing_depth_cv: float
    inhaling_share: float


def pulse_respiration_features(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return breathing as seen in the height and pace of pulses, BVP `(n_epochs, n_samples)`.

    After Charlton et al. 2018, doi:10.1109/RBME.2017.2763681 (amplitude and frequency modulation,
    the geometric mean of their spectra). A heart rate below twice the breathing rate hides it.
    """
    length_s = windows.shape[-1] / sfreq
    found = [measure_modulation(beats, length_s) for beats in find_pulses(windows, sfreq)]
    return {**stack(Modulation, found), **_slow_wave(windows, sfreq)}


def belt_features(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return rate, depth and regularity of breaths of a chest belt `(n_epochs, n_samples)`.

    Undefined with fewer than four whole breaths in the window.
    """
    low, high = BREATHING_HZ
    wave = filter_band(windows, sfreq, low_hz=low / 2, high_hz=2 * high)
    return stack(Breaths, [measure_breaths(row, sfreq) for row in wave])


def measure_modulation(beats: Beats, length_s: float) -> Modulation:
    """Return the breathing of one window from its pulses.

    Both series are high-passed at 0.1 Hz, else the slow waves of blood pressure pass for breaths.
    """
    if not beats.enough:
        return undefined(Modulation)
    grid_s = np.arange(0, length_s, 1 / GRID_HZ)
    heights = np.interp(grid_s, beats.time_s, beats.height)
    paces = np.interp(grid_s, beats.time_s[1:][beats.valid], beats.trusted_s)
    freqs, first = _breathing_spectrum(heights)
    shares = np.sqrt(first * _breathing_spectrum(paces)[1])
    shares /= max(float(shares.sum()), TINY)
    rate_hz = _highest_peak(freqs, shares)
    depth = heights.std() / max(float(np.median(heights)), TINY)
    return Modulation(
        60 * rate_hz,
        shares[np.abs(freqs - rate_hz) <= NEAR_HZ].sum(),
        shares[freqs > FAST_HZ].sum(),
        np.log(depth + 1e-3),
        *_regularity(freqs, shares),
        np.log(paces.std() / paces.mean() + 1e-3),
    )


def measure_breaths(wave: np.ndarray, sfreq: float) -> Breaths:
    """Return the breaths of one window of a filtered belt, peak to peak."""
    spread = float(wave.std())
    apart = max(1, round(sfreq / BREATHING_HZ[1] / 2))
    peaks, _ = find_peaks(wave, prominence=max(0.5 * spread, TINY), distance=apart)
    if len(peaks) < MIN_BREATHS + 1:
        return undefined(Breaths)
    troughs = np.array([a + int(wave[a:b].argmin()) for a, b in pairwise(peaks)])
    lengths_s = np.diff(peaks) / sfreq
    depths = wave[peaks[1:]] - wave[troughs]
    return Breaths(
        60 / lengths_s.mean(),
        lengths_s.std() / lengths_s.mean(),
        np.log(max(float(depths.mean()), TINY)),
        depths.std() / max(float(depths.mean()), TINY),
        ((peaks[1:] - troughs) / sfreq / lengths_s).mean(),
    )


def _breathing_spectrum(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies of the breathing band and the shares of power there."""
    wave = filter_band(series, GRID_HZ, low_hz=BREATHING_HZ[0], high_hz=2 * BREATHING_HZ[1])
    n_fft = 1 << (4 * len(wave) - 1).bit_length()
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), n_fft)) ** 2
    freqs = np.fft.rfftfreq(n_fft, 1 / GRID_HZ)
    inside = (freqs >= BREATHING_HZ[0]) & (freqs <= BREATHING_HZ[1])
    return freqs[inside], power[inside] / max(float(power[inside].sum()), TINY)


def _highest_peak(freqs: np.ndarray, shares: np.ndarray) -> float:
    """Return the frequency of the highest peak; where there is none, of the highest share."""
    peaks, _ = find_peaks(shares)
    best = peaks[shares[peaks].argmax()] if len(peaks) else shares.argmax()
    return float(freqs[best])


def _regularity(freqs: np.ndarray, shares: np.ndarray) -> tuple[float, float]:
    """Return the spread in breaths a minute, and the entropy (0 to 1), of shares of power."""
    centre = (shares * freqs).sum()
    spread = np.sqrt((shares * (freqs - centre) ** 2).sum())
    entropy = -(shares * np.log(np.maximum(shares, TINY))).sum() / np.log(len(shares))
    return float(60 * spread), float(entropy)


def _slow_wave(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return the power of the pulse wave below the beat, relative to the beat's (logarithms)."""
    n_segment = min(windows.shape[-1], round(SEGMENT_S / 2 * sfreq))
    freqs, power = _welch(np.asarray(windows, np.float64), sfreq, n_segment)
    beat = _band_mean(freqs, power, BEAT_HZ)
    return {
        name: log_floored(_band_mean(freqs, power, band), TINY) - log_floored(beat, TINY)
        for name, band in SLOW_WAVE_HZ.items()
    }


def _welch(windows: np.ndarray, sfreq: float, n_segment: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Welch's spectra; none for no windows, which scipy would refuse."""
    if not len(windows):
        freqs = np.fft.rfftfreq(n_segment, 1 / sfreq)
        return freqs, np.empty((0, len(freqs)))
    return welch(windows, sfreq, nperseg=n_segment)


def _band_mean(freqs: np.ndarray, power: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    inside = (freqs >= band[0]) & (freqs < band[1])
    return np.asarray(power[:, inside].sum(axis=1) / max(1, int(inside.sum())))
