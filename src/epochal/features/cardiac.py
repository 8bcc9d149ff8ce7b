"""Heart rate, its variability, and the shape of the pulse, per window of a BVP or an ECG.

Beats come from the native rate. What is computed from a pulse wave is pulse-rate variability
(`prv_`), not heart-rate variability (`hrv_`): pulses also vary in how long they travel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epochal.features.beats import Beats, filter_band, find_pulses, find_r_peaks
from epochal.features.columns import stack, undefined
from epochal.features.pulse_shape import shape_columns
from epochal.features.variability import Variability, measure_variability

SEGMENT_S = 8.0
PULSE_HZ = (0.7, 3.0)  # 42 to 180 beats a minute


class Rate(NamedTuple):
    """Beats a minute: from the mean and median interval, its spread, the 10 and 90 % quantiles."""

    rate_mean: float
    rate_median: float
    rate_sd: float
    rate_low: float
    rate_high: float


def pulse_features(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return rate, pulse-rate variability, pulse shape and quality of BVP `(n_epochs, n_samples)`.

    A window with fewer than ten believable intervals has NaN but in `valid_share` and `quality`.
    """
    beats = find_pulses(windows, sfreq)
    return {
        **_beat_columns(beats, length_s=windows.shape[-1] / sfreq, prefix="prv_"),
        **shape_columns(windows, beats, sfreq),
        **spectral_rate(windows, sfreq),
    }


def ecg_features(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return rate, heart-rate variability and `valid_share` of ECG `(n_epochs, n_samples)`."""
    beats = find_r_peaks(windows, sfreq)
    return _beat_columns(beats, length_s=windows.shape[-1] / sfreq, prefix="hrv_")


def heart_rate_features(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return mean and spread of a heart rate that the device computed, `(n_epochs, n_samples)`."""
    windows = np.asarray(windows, np.float64)
    return {"mean": windows.mean(axis=-1), "sd": windows.std(axis=-1)}


def spectral_rate(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return the pulse's frequency by its spectrum, which outlives missed beats.

    `spectral_rate`: the peaks of 8 s segments, in beats a minute, weighted by how much of the
    segment's power sits at its peak; `spectral_centroid_hz`: the mean spectrum's centre.
    """
    freqs, power = _segment_power(windows, sfreq)
    total = np.maximum(power.sum(axis=-1), np.finfo(float).tiny)
    weight = (power.max(axis=-1) / total) ** 4 + np.finfo(float).tiny
    peak = 60 * freqs[power.argmax(axis=-1)]
    mean = (power / total[..., None]).mean(axis=1)
    known = power.sum(axis=(1, 2)) > 0
    centre = (mean * freqs).sum(axis=-1) / np.maximum(mean.sum(axis=-1), np.finfo(float).tiny)
    return {
        "spectral_rate": np.where(known, (peak * weight).sum(axis=1) / weight.sum(axis=1), np.nan),
        "spectral_centroid_hz": np.where(known, centre, np.nan),
    }


def measure_rate(beats: Beats) -> Rate:
    """Return the rate of one window, undefined without enough believable intervals."""
    if not beats.enough:
        return undefined(Rate)
    rates = 60.0 / beats.trusted_s
    return Rate(
        60.0 / beats.trusted_s.mean(),
        np.median(rates),
        rates.std(),
        *np.percentile(rates, [10, 90]),
    )


def _beat_columns(beats: list[Beats], *, length_s: float, prefix: str) -> dict[str, np.ndarray]:
    shares = [found.valid.mean() if len(found.valid) else 0.0 for found in beats]
    return {
        **stack(Rate, [measure_rate(found) for found in beats]),
        **stack(
            Variability, [measure_variability(found, length_s) for found in beats], prefix=prefix
        ),
        "valid_share": np.array(shares, dtype=np.float64),
    }


def _segment_power(windows: np.ndarray, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and the power of segments, `(n_epochs, n_segments, n_frequencies)`."""
    wave = filter_band(windows, sfreq, low_hz=0.5, high_hz=4.0)
    n_samples = min(round(SEGMENT_S * sfreq), wave.shape[-1])
    n_segments = wave.shape[-1] // n_samples
    segments = wave[:, : n_segments * n_samples].reshape(len(wave), n_segments, n_samples)
    n_fft = 1 << (4 * n_samples - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(segments * np.hanning(n_samples), n_fft)) ** 2
    freqs = np.fft.rfftfreq(n_fft, 1 / sfreq)
    inside = (freqs >= PULSE_HZ[0]) & (freqs <= PULSE_HZ[1])
    return freqs[inside], spectrum[..., inside]
