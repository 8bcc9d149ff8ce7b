"""Filters over a few neighbouring epochs, without a model of the sequence: for comparison.

Sequences are `(n_epochs, n_classes)` of probabilities; epochs beyond the ends, and rows that are
not finite, do not count. A median of class numbers would say that between W and N2 lies N1: there
is none here.
"""

from __future__ import annotations

import numpy as np


def mode_filter(proba: np.ndarray, *, width: int = 3) -> np.ndarray:
    """Return the votes of each epoch's neighbourhood: its most frequent class is the most probable.

    Every epoch of the `width` votes for its most probable class; one more vote is split by their
    mean probability, and so settles ties. It looks ahead by half the width.
    """
    windows = _windows(proba, width)
    known = np.isfinite(windows).all(axis=1)  # (n_epochs, width)
    winner = np.nan_to_num(windows).argmax(axis=1)
    votes = np.eye(proba.shape[1])[winner] * known[..., None]
    return (votes.sum(axis=1) + _mean(windows)) / (known.sum(axis=1, keepdims=True) + 1)


def median_probability(proba: np.ndarray, *, width: int = 3) -> np.ndarray:
    """Return each class's median probability in the neighbourhood, scaled to sum 1.

    Where all medians are 0, the mean stands in. It looks ahead by half the width.
    """
    windows = _windows(proba, width)
    n_known = np.isfinite(windows).sum(axis=2, keepdims=True)
    ordered = np.sort(windows, axis=2)  # NaN comes last
    places = np.maximum(np.concatenate([n_known - 1, n_known], axis=2) // 2, 0)
    median = np.take_along_axis(ordered, places, axis=2).mean(axis=2)
    total = median.sum(axis=1, keepdims=True)
    return np.where(total > 0, median, _mean(windows)) / np.where(total > 0, total, 1.0)


def _windows(proba: np.ndarray, width: int) -> np.ndarray:
    """Return each epoch's neighbourhood `(n_epochs, n_classes, width)`, NaN beyond the ends."""
    side = width // 2
    padded = np.pad(proba.astype(float), ((side, side + 1), (0, 0)), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)[: len(proba)]


def _mean(windows: np.ndarray) -> np.ndarray:
    """Return the mean over what is known; an even share where nothing is."""
    n_known = np.isfinite(windows).all(axis=1).sum(axis=1)[:, None]
    total = np.nan_to_num(windows).sum(axis=2)
    return np.where(n_known > 0, total / np.maximum(n_known, 1), 1 / windows.shape[1])
