"""Clipped samples: those that pile up on a window's extreme, as no free wave does."""

from __future__ import annotations

import numpy as np

MIN_CLIPPED = 3  # samples on one extreme
MIN_STEPS = 20  # of the recorder between the extremes: fewer, and values coincide by rounding
NEAR, NEAR_STEPS = 0.02, 3.5  # of the span, of the steps: what lies so near below an extreme…
USUAL_SPANS = 4.0  # interquartile ranges: an ECG's span is its QRS, its baseline 2 % of it
PILE = 1.2  # …is outnumbered this many times by what sits on it
RAIL_TOLERANCE = 0.03


def share_clipped(windows: np.ndarray, *, rails: tuple[float, ...] = ()) -> np.ndarray:
    """Return which share of each window `(n_epochs, n_samples)` is clipped, at either extreme.

    A sine dwells near its peak too, and a coarse recorder rounds many samples onto its extremes:
    only a pile counts, and only where the span has twenty of the recorder's steps. With `rails`,
    an extreme must also lie within 3 % of ± one of them.
    """
    low, high = windows.min(axis=1), windows.max(axis=1)
    top, bottom = windows == high[:, None], windows == low[:, None]
    n_top, n_bottom = np.count_nonzero(top, axis=1), np.count_nonzero(bottom, axis=1)
    rows = np.flatnonzero((np.maximum(n_top, n_bottom) >= MIN_CLIPPED) & (high > low))
    share = np.zeros(len(windows))
    if len(rows):
        step = _smallest_change(windows[rows])
        span = high[rows] - low[rows]
        near = np.maximum(NEAR * np.minimum(span, _usual_span(windows[rows])), NEAR_STEPS * step)
        high_piles = _piled(windows[rows], n_top[rows], high[rows] - near)
        low_piles = _piled(-windows[rows], n_bottom[rows], -low[rows] - near)
        if rails:
            high_piles &= _at_rail(high[rows], rails)
            low_piles &= _at_rail(low[rows], rails)
        fine = span >= MIN_STEPS * step
        clipped = n_top[rows] * high_piles + n_bottom[rows] * low_piles
        share[rows] = fine * clipped / windows.shape[1]
    return share


def _piled(windows: np.ndarray, n_extreme: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Say where more samples sit on the upper extreme than between it and `near`."""
    n_near = np.count_nonzero(windows >= near[:, None], axis=1) - n_extreme
    return (n_extreme >= MIN_CLIPPED) & (n_extreme >= PILE * n_near)


def _usual_span(windows: np.ndarray) -> np.ndarray:
    """Return the span that a window usually keeps to; infinite where half of it is flat."""
    low, high = np.quantile(windows, [0.25, 0.75], axis=1)
    return np.where(high > low, USUAL_SPANS * (high - low), np.inf)


def _at_rail(extreme: np.ndarray, rails: tuple[float, ...]) -> np.ndarray:
    distance = np.abs(np.abs(extreme)[:, None] / np.array(rails) - 1)
    return np.asarray(distance.min(axis=1) <= RAIL_TOLERANCE)


def _smallest_change(windows: np.ndarray) -> np.ndarray:
    """Return the smallest change between samples that a window shows: the recorder's step."""
    change = np.abs(np.diff(windows, axis=1))
    return np.where(change > 0, change, np.inf).min(axis=1)
