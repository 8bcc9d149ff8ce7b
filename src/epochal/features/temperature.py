"""Skin temperature per window."""

from __future__ import annotations

import numpy as np

from epochal.features.columns import slope


def temperature_features(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return mean (degC), slope (degC a minute) and spread around it, `(n_epochs, n_samples)`.

    The slope is that of the window itself. Beware of the mean in a protocol of fixed order: a
    wrist cools or warms over a session, so that its mean tells the time somewhat.
    """
    windows = np.asarray(windows, np.float64)
    change = slope(windows, sfreq)
    time_s = np.arange(windows.shape[-1]) / sfreq
    trend = change[:, None] * (time_s - time_s.mean())
    mean = windows.mean(axis=-1)
    return {
        "mean": mean,
        "slope": 60 * change,
        "sd": (windows - mean[:, None] - trend).std(axis=-1),
    }
