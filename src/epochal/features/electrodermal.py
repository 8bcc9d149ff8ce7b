"""Electrodermal activity: level, slow and fast parts, and skin-conductance responses per window.

The slope is that of the window itself; nothing here compares a window with the session.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import find_peaks

from epochal.features.beats import filter_band
from epochal.features.columns import log_floored, slope, stack

PHASIC_HZ = (0.05, 1.0)
MIN_RESPONSE_US = 0.02  # the least rise of a response: 0.01 to 0.05 uS in Boucsein et al. 2012
MIN_APART_S = 1.0
LEAST_LEVEL_US, LEAST_CHANGE_US = 0.01, 1e-3  # an E4 resolves about 0.001 uS
AMPLITUDE_OFFSET_US = 0.01  # keeps the logarithm of no response finite


class Responses(NamedTuple):
    """Responses a minute, their mean rise and the sum of rises a minute (logarithms of uS)."""

    scr_rate: float
    scr_amplitude: float
    scr_sum: float


def electrodermal_features(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return level, slope, range, phasic activity and responses of EDA `(n_epochs, n_samples)`.

    Input in uS; `slope` in uS/s, `slope_relative` in 1/s; `level`, `range`, `phasic_sd`, `activity`
    and the sizes of responses are natural logarithms, as conductances are skewed.
    """
    tonic, phasic = split(windows, sfreq)
    low, high = np.percentile(tonic + phasic, [5, 95], axis=-1)
    level, change = tonic.mean(axis=-1), slope(tonic, sfreq)
    speed = np.abs(np.diff(phasic, axis=-1)).mean(axis=-1) * sfreq
    return {
        "level": log_floored(level, LEAST_LEVEL_US),
        "slope": change,
        "slope_relative": change / np.maximum(level, 5 * LEAST_LEVEL_US),
        "range": log_floored(high - low, LEAST_CHANGE_US),
        "phasic_sd": log_floored(phasic.std(axis=-1), LEAST_CHANGE_US / 10),
        "activity": log_floored(speed, LEAST_CHANGE_US / 10),
        **stack(Responses, [find_responses(row, sfreq) for row in phasic]),
    }


def split(windows: np.ndarray, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the tonic and the phasic (0.05 to 1 Hz) part; they sum to the windows."""
    windows = np.asarray(windows, np.float64)
    phasic = filter_band(windows, sfreq, low_hz=PHASIC_HZ[0], high_hz=PHASIC_HZ[1])
    return windows - phasic, phasic


def find_responses(phasic: np.ndarray, sfreq: float) -> Responses:
    """Count the skin-conductance responses of one window's phasic part, and size them.

    A size is the peak's prominence there: slow responses come out smaller than in the raw signal.
    """
    apart = max(1, round(MIN_APART_S * sfreq))
    peaks, found = find_peaks(phasic, prominence=MIN_RESPONSE_US, distance=apart)
    rises_us, minutes = found["prominences"], len(phasic) / sfreq / 60
    mean_us = rises_us.mean() if len(peaks) else 0.0
    return Responses(
        len(peaks) / minutes,
        np.log(AMPLITUDE_OFFSET_US + mean_us),
        np.log(AMPLITUDE_OFFSET_US + rises_us.sum() / minutes),
    )
