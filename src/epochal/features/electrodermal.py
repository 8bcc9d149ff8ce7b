"""Electrodermal activity: level, slow and fast parts, and skin-conductance responses per window.

The slope is that of the window itself; nothing here compares a window with the session.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import find_peaks, peak_widths

from epochal.features.beats import filter_band
from epochal.features.columns import log_floored, slope, stack

PHASIC_HZ = (0.05, 1.0)
MIN_RESPONSE_US = 0.02  # the least rise of a response: 0.01 to 0.05 uS in Boucsein et al. 2012
MIN_APART_S = 1.0
LONGEST_RISE_S = 10.0
LEAST_LEVEL_US, LEAST_CHANGE_US = 0.01, 1e-3  # an E4 resolves about 0.001 uS
AMPLITUDE_OFFSET_US = 0.01  # keeps the logarithm of no response finite


class Responses(NamedTuple):
    """Responses a minute, their mean rise and the sum of rises a minute (logarithms of uS).

    `scr_rise_s`: from a tenth of the rise to the peak; `scr_recovery_s`: from the peak until half
    is lost. Means over the responses, so NaN where there is none.
    """

    scr_rate: float
    scr_amplitude: float
    scr_sum: float
    scr_rise_s: float
    scr_recovery_s: float


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
    """Count the skin-conductance responses of one window's phasic part, size and time them.

    A size is the rise from the trough before to the peak, the trough being sought after the peak
    before and for at most 10 s: Boucsein et al. 2012, doi:10.1111/j.1469-8986.2012.01384.x.
    """
    apart = max(1, round(MIN_APART_S * sfreq))
    peaks, _ = find_peaks(phasic, prominence=MIN_RESPONSE_US, distance=apart)
    rises = [
        phasic[start : peak + 1] for start, peak in zip(_since(peaks, sfreq), peaks, strict=True)
    ]
    rises = [rise[rise.argmin() :] for rise in rises]
    sizes_us, minutes = np.array([rise[-1] - rise[0] for rise in rises]), len(phasic) / sfreq / 60
    mean_us = sizes_us.mean() if len(peaks) else 0.0
    return Responses(
        len(peaks) / minutes,
        np.log(AMPLITUDE_OFFSET_US + mean_us),
        np.log(AMPLITUDE_OFFSET_US + sizes_us.sum() / minutes),
        float(np.mean([_rise_s(rise, sfreq) for rise in rises])) if rises else np.nan,
        _mean_recovery_s(phasic, peaks, sfreq),
    )


def _since(peaks: np.ndarray, sfreq: float) -> np.ndarray:
    """Where to look for the trough before each peak."""
    earliest = np.maximum(peaks - round(LONGEST_RISE_S * sfreq), 0)
    return np.maximum(earliest, np.r_[0, peaks[:-1]]) if len(peaks) else earliest


def _rise_s(rise: np.ndarray, sfreq: float) -> float:
    """Return the seconds from a tenth of a rise, trough to peak, to its peak."""
    low = np.flatnonzero(rise <= rise[0] + 0.1 * (rise[-1] - rise[0]))[-1]
    return float((len(rise) - 1 - low) / sfreq)


def _mean_recovery_s(phasic: np.ndarray, peaks: np.ndarray, sfreq: float) -> float:
    """Return the mean seconds from a peak until half its prominence is lost, NaN for no peak."""
    if not len(peaks):
        return np.nan
    *_, half = peak_widths(phasic, peaks, rel_height=0.5)
    return float(np.mean(half - peaks) / sfreq)
