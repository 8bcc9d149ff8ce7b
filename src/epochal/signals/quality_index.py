"""The signal-quality index of a window: 1 for what a person would trust, 0 for what not."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np

from epochal.options.quality import Kind
from epochal.signals.quality_measures import Measures

IndexFunction = Callable[[np.ndarray, float], np.ndarray]

# By name, as they use the features' beats, and features are made of epochs, which are flagged here.
BEATS = "epochal.signals.quality_beats"
BEAT_INDICES = {"bvp": "index_pulses", "ecg": "index_ecg"}


def index_windows(
    windows: np.ndarray, sfreq: float, *, kind: Kind, measures: Measures
) -> np.ndarray:
    """Return the index of finite windows `(n_epochs, n_samples)`, in [0, 1].

    The share of a window's pieces that are believable, less what is clipped, mains, or power where
    none belongs. An ECG or a pulse wave is multiplied by the likeness of its beats. A missing
    window has 0.
    """
    spoilt = (measures.clipped_share, measures.line_share, measures.outside_share)
    index = measures.good_share * np.prod([1 - share for share in spoilt], axis=0)
    if kind in BEAT_INDICES:
        index = index * _index_beats(windows, sfreq, kind)
    return np.where(measures.missing, 0.0, np.clip(index, 0, 1))


def _index_beats(windows: np.ndarray, sfreq: float, kind: Kind) -> np.ndarray:
    beats = import_module(BEATS)
    if not beats.has_beats(sfreq, windows.shape[1]):
        return np.ones(len(windows))
    function: IndexFunction = getattr(beats, BEAT_INDICES[kind])
    return function(windows, sfreq)
