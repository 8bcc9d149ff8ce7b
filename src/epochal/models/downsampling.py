"""Fewer samples per window, for networks that need not see every one."""

from __future__ import annotations

import numpy as np


def shorten(windows: np.ndarray, downsample: int) -> np.ndarray:
    """Return windows `(..., n_times // downsample)`: means of so many neighbours.

    A mean, not every n-th sample, so that what is faster than the new rate does not pass for
    something slow. Samples that do not fill a mean are left out at the window's start.
    """
    if downsample == 1:
        return windows
    n_kept = windows.shape[-1] // downsample
    kept = windows[..., windows.shape[-1] - n_kept * downsample :]
    with np.errstate(invalid="ignore"):  # the mean of +∞ and −∞ is NaN
        return kept.reshape(*windows.shape[:-1], n_kept, downsample).mean(axis=-1)
