"""Rhythms and periodic discharges over the double banana: how regular, how sharp, on which side.

A rhythm (LRDA, GRDA) has nothing between its waves; periodic discharges (LPD, GPD) have, and their
slopes are steep: terms of the ACNS terminology 2021, doi:10.1097/WNP.0000000000000806.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks
from scipy.signal.windows import hann

from epochal.features.autocorrelation import find_repetition
from epochal.features.chains import LEFT, RIGHT, imbalance, mask_flat, require_double_banana

SMOOTHING_S = 0.06  # of the slopes' size: one discharge, one bump
_BLOCK = 16  # epochs at once
_APART_S = 0.15  # two bumps closer than that are one discharge
_STANDS_OUT = 4.0  # robust standard deviations by which a discharge exceeds what lies between
_NEAR_HZ = 0.35  # what counts as a rhythm's own frequency, which wanders
_QUIET = 0.2  # of the steepest slopes: below it nothing happens
_MAD_TO_SD = 1.4826
_FLOOR = 1e-9


def discharge_features(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return rhythmicity, periodicity and sharpness of the head and of its two sides.

    `windows` `(n_epochs, 18, n_samples)` in µV, the double banana, without what is faster than
    about 20 Hz: muscle and mains are steeper than any discharge. `more_` is the hemisphere with
    the steeper slopes, `less_` the other; `lateralisation` is 1 for left alone, −1 for right alone.
    All is measured on first differences, under which the background is nearly white.
    """
    windows = require_double_banana(windows)
    blocks = [
        _measure(np.diff(windows[first : first + _BLOCK], axis=2) * sfreq, windows, first, sfreq)
        for first in range(0, max(1, len(windows)), _BLOCK)
    ]
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return mask_flat(columns, windows)


def _measure(
    slopes: np.ndarray, windows: np.ndarray, first: int, sfreq: float
) -> dict[str, np.ndarray]:
    """Measure one block of epochs, of which the slopes are in µV a second."""
    waves = windows[first : first + _BLOCK]
    left, right = ((slopes[:, side] ** 2).mean(axis=(1, 2)) for side in (LEFT, RIGHT))
    sides = {
        "left": _group_features(slopes[:, LEFT], waves[:, LEFT], sfreq),
        "right": _group_features(slopes[:, RIGHT], waves[:, RIGHT], sfreq),
    }
    columns = _prefixed("head", _group_features(slopes, waves, sfreq))
    columns |= _prefixed("more", _choose(left >= right, sides["left"], sides["right"]))
    columns |= _prefixed("less", _choose(left < right, sides["left"], sides["right"]))
    return columns | _lateralisations(left, right, sides)


def _prefixed(prefix: str, columns: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": values for name, values in columns.items()}


def _choose(
    first: np.ndarray, one: dict[str, np.ndarray], other: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    return {name: np.where(first, one[name], other[name]) for name in one}


def _lateralisations(
    left: np.ndarray, right: np.ndarray, sides: dict[str, dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Compare the sides: in all that is steep, and in what of it repeats itself."""
    columns = {"lateralisation": imbalance(left, right)}
    for kind in ("rhythm", "discharge"):
        heights = [sides[side][f"{kind}_height"] for side in ("left", "right")]
        columns[f"{kind}_lateralisation"] = imbalance(left * heights[0], right * heights[1])
    return columns | {f"abs_{name}": np.abs(values) for name, values in columns.items()}


def _group_features(slopes: np.ndarray, waves: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return the features of some derivations taken together, `(n_epochs, n, n_samples)`."""
    rhythm = find_repetition(slopes, sfreq)
    size = slope_size(slopes, sfreq)
    discharges = find_repetition(size[:, None], sfreq)
    return {
        "rhythm_height": rhythm.height,
        "rhythm_hz": rhythm.frequency_hz,
        "discharge_height": discharges.height,
        "discharge_hz": discharges.frequency_hz,
        **_spectrum_at(slopes, rhythm.frequency_hz, sfreq),
        **_shape(slopes, waves),
        **_between(size),
        **_intervals(size, sfreq),
    }


def slope_size(slopes: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the smoothed mean size of the slopes, `(n_epochs, n_samples)`: a bump a discharge."""
    n_smooth = max(1, round(SMOOTHING_S * sfreq))
    mean = np.abs(slopes).mean(axis=1)
    return uniform_filter1d(uniform_filter1d(mean, n_smooth, axis=-1), n_smooth, axis=-1)


def _spectrum_at(
    slopes: np.ndarray, frequency_hz: np.ndarray, sfreq: float
) -> dict[str, np.ndarray]:
    """Return the share of the power at a rhythm's frequency, and of its next harmonics over it.

    A sine has no harmonics; a train of spikes has all.
    """
    n_samples = slopes.shape[-1]
    power = (np.abs(np.fft.rfft(slopes * hann(n_samples), axis=-1)) ** 2).sum(axis=1)
    at_hz = np.fft.rfftfreq(n_samples, 1 / sfreq)
    near = [
        (power * (np.abs(at_hz - order * frequency_hz[:, None]) < _NEAR_HZ)).sum(axis=1)
        for order in (1, 2, 3, 4)
    ]
    harmonics = near[1] + near[2] + near[3]
    return {
        "concentration": near[0] / (power.sum(axis=1) + _FLOOR),
        "log_harmonics": np.log((harmonics + _FLOOR) / (near[0] + _FLOOR)),
    }


def _shape(slopes: np.ndarray, waves: np.ndarray) -> dict[str, np.ndarray]:
    """Return how peaked the slopes are (a sine's kurtosis is 1.5), and their mean frequency."""
    steep, wave = (slopes**2).mean(axis=2), waves.var(axis=2)
    kurtosis = (slopes**4).mean(axis=2) / (steep**2 + _FLOOR)
    weight = steep / (steep.sum(axis=1, keepdims=True) + _FLOOR)
    mobility_hz = np.sqrt(steep.sum(axis=1) / (wave.sum(axis=1) + _FLOOR)) / (2 * np.pi)
    return {
        "log_kurtosis": np.log((weight * kurtosis).sum(axis=1) + _FLOOR),
        "mobility_hz": mobility_hz,
    }


def _between(size: np.ndarray) -> dict[str, np.ndarray]:
    """Return how far discharges exceed what lies between them, and for how long nothing happens."""
    if not len(size):
        return {"log_crest": np.empty(0), "quiet_share": np.empty(0)}
    middle, top = np.quantile(size, [0.5, 0.98], axis=1)
    return {
        "log_crest": np.log((top + _FLOOR) / (middle + _FLOOR)),
        "quiet_share": (size < _QUIET * top[:, None]).mean(axis=1),
    }


def _intervals(size: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return how many discharges there are a second, and how their intervals vary.

    `interval_cv` is their standard deviation over their mean: 0 for a clock, 1 for chance, and 1
    where there are fewer than four discharges.
    """
    found = np.array([_rate_and_variation(row, sfreq) for row in size]).reshape(-1, 2)
    return {"discharge_rate_hz": found[:, 0], "interval_cv": found[:, 1]}


def _rate_and_variation(size: np.ndarray, sfreq: float) -> tuple[float, float]:
    middle = np.median(size)
    spread = _MAD_TO_SD * np.median(np.abs(size - middle))
    limit = middle + _STANDS_OUT * spread + _FLOOR
    peaks, _ = find_peaks(size, height=limit, distance=max(1, round(_APART_S * sfreq)))
    rate_hz = len(peaks) * sfreq / len(size)
    intervals = np.diff(peaks)
    return rate_hz, float(intervals.std() / intervals.mean()) if len(peaks) >= 4 else 1.0
