"""Time-domain features of a window: its statistics, Hjorth's parameters, its level."""

from __future__ import annotations

import numpy as np

_FLOOR = 1e-12


def statistics(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return standard deviation, interquartile range, skewness, kurtosis, zero crossings a second.

    `windows` `(n_epochs, n_samples)`; kurtosis is Fisher's (0 for a normal distribution).
    """
    centred = windows - windows.mean(axis=1, keepdims=True)
    sd = centred.std(axis=1)
    standard = centred / (sd + _FLOOR)[:, None]
    low, high = np.quantile(windows, [0.25, 0.75], axis=1) if len(windows) else np.empty((2, 0))
    crossings = (np.diff(np.signbit(centred), axis=1)).sum(axis=1)
    return {
        "sd": sd,
        "iqr": high - low,
        "skewness": (standard**3).mean(axis=1),
        "kurtosis": (standard**4).mean(axis=1) - 3.0,
        "zero_crossings_hz": crossings * sfreq / windows.shape[1],
    }


def hjorth(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return Hjorth's mobility and complexity of windows `(n_epochs, n_samples)`.

    Hjorth 1970, doi:10.1016/0013-4694(70)90143-4; mobility in Hz·2π, by first differences.
    """
    first = np.diff(windows, axis=1) * sfreq
    second = np.diff(first, axis=1) * sfreq
    activity, slope, bend = (np.var(array, axis=1) + _FLOOR for array in (windows, first, second))
    mobility = np.sqrt(slope / activity)
    return {
        "hjorth_mobility": mobility,
        "hjorth_complexity": np.sqrt(bend / slope) / mobility,
    }


def level(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return mean, minimum and maximum: all that a slow envelope (a 1 Hz EMG) allows."""
    del sfreq  # the same at every rate; feature functions share one signature
    return {
        "mean": windows.mean(axis=1),
        "min": windows.min(axis=1),
        "max": windows.max(axis=1),
    }
