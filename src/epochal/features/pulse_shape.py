"""How large the pulses of a window are, what form they have, and how alike they look."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epochal.features.beats import Beats, filter_band
from epochal.features.columns import stack, undefined

BEFORE_S, AFTER_S = 0.30, 0.45  # what a template holds around its peak
TAIL_S = 0.25  # after the peak: where the dicrotic wave sits
MIN_PULSES = 5
SMALLEST = 1e-6


class Amplitude(NamedTuple):
    """Median rise of a pulse (logarithm), its relative quartile range, and how long it rises."""

    amplitude: float
    amplitude_cv: float
    rise_s: float


class Form(NamedTuple):
    """The median pulse: width at half height, height 0.25 s after its peak (share of the peak)."""

    width_s: float
    tail: float


def shape_columns(windows: np.ndarray, beats: list[Beats], sfreq: float) -> dict[str, np.ndarray]:
    """Return amplitude, form and `quality` of the pulses found in windows `(n_epochs, n_samples)`.

    `quality` is the mean correlation of the pulses with their median, 0 where there are too few.
    """
    wave = filter_band(windows, sfreq, low_hz=0.5, high_hz=8.0)
    cut = [cut_pulses(row, found, sfreq) for row, found in zip(wave, beats, strict=True)]
    return {
        **stack(Amplitude, [measure_amplitude(found) for found in beats]),
        **stack(Form, [measure_form(pulses, sfreq) for pulses in cut]),
        "quality": np.array([likeness(pulses) for pulses in cut], dtype=np.float64),
    }


def measure_amplitude(beats: Beats) -> Amplitude:
    """Return the size of one window's pulses."""
    if not beats.enough:
        return undefined(Amplitude)
    low, middle, high = np.maximum(np.percentile(beats.height, [25, 50, 75]), SMALLEST)
    return Amplitude(np.log(middle), (high - low) / middle, np.median(beats.rise_s))


def cut_pulses(wave: np.ndarray, beats: Beats, sfreq: float) -> np.ndarray:
    """Return the pulses around their peaks, `(n_pulses, n_samples)`; none if too few."""
    before, after = round(BEFORE_S * sfreq), round(AFTER_S * sfreq)
    peaks = np.round(beats.time_s * sfreq).astype(int)
    peaks = peaks[(peaks >= before) & (peaks + after < len(wave))]
    if not beats.enough or len(peaks) < MIN_PULSES:
        return np.empty((0, before + after))
    return np.asarray(wave[peaks[:, None] + np.arange(-before, after)])


def measure_form(pulses: np.ndarray, sfreq: float) -> Form:
    """Return the form of the median pulse; undefined where it does not rise."""
    if not len(pulses):
        return undefined(Form)
    peak, template = round(BEFORE_S * sfreq), np.median(pulses, axis=0)
    height = template - template[: peak + 1].min()
    if height[peak] <= SMALLEST:
        return undefined(Form)
    share = height / height[peak]
    return Form(float((share > 0.5).sum() / sfreq), share[peak + round(TAIL_S * sfreq)])


def likeness(pulses: np.ndarray) -> float:
    """Return the mean correlation of pulses with their median, 0 for none."""
    if not len(pulses):
        return 0.0
    centred = pulses - pulses.mean(axis=1, keepdims=True)
    template = np.median(centred, axis=0) - np.median(centred, axis=0).mean()
    norms = np.linalg.norm(centred, axis=1) * np.linalg.norm(template)
    return float(np.mean(centred @ template / np.maximum(norms, SMALLEST)))
