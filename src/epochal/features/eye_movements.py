"""Eye movements in an EOG: how many rapid ones, how dense, how large, and how much is slow.

Thresholds are in µV. A single EOG cannot tell an eye movement from a slow wave of frontal EEG that
it also records: the figure means REM density only in REM sleep.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epochal.features.block import Columns
from epochal.features.columns import stack

RISE_S = 0.2  # a saccade's deflection: the AASM's rapid movement peaks within 500 ms
RAPID_UV = 50.0
REFRACTORY_S = 0.4
SMOOTH_S = 0.05
PIECE_S = 2.0


class Movements(NamedTuple):
    """Rapid movements a minute, share of 2 s pieces that hold one, and mean size in log10 µV."""

    rapid_rate: float
    rapid_density: float
    rapid_size: float


def eye_movement_features(windows: np.ndarray, sfreq: float) -> Columns:
    """Return the rapid movements of windows `(n_epochs, n_samples)` in µV, and the slow share.

    Of two channels `(n_epochs, 2, n_samples)` the difference is taken: eyes move together, so that
    the two deflect against one another. A rapid movement is a change of 50 µV within 0.2 s, apart
    from the last one by 0.4 s. `slow_share` is the share of the variance that one-second means
    keep.
    """
    eog = windows[:, 0] - windows[:, 1] if windows.ndim == 3 else windows
    steps = _steps(eog, sfreq)
    found = [measure_movements(row, sfreq) for row in np.abs(steps)]
    return {**stack(Movements, found), "slow_share": _slow_share(eog, sfreq)}


def measure_movements(steps: np.ndarray, sfreq: float) -> Movements:
    """Return the rapid movements among the sizes of the steps at each sample of one window."""
    peaks = _find_peaks(steps, round(REFRACTORY_S * sfreq))
    length_s = len(steps) / sfreq
    n_pieces = max(1, round(length_s / PIECE_S))
    pieces = np.unique((peaks * n_pieces) // len(steps))
    size_uv = steps[peaks].mean() if len(peaks) else RAPID_UV
    return Movements(60 * len(peaks) / length_s, len(pieces) / n_pieces, np.log10(size_uv))


def _steps(eog: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the change over 0.2 s around each sample, of 50 ms means; 0 at the ends."""
    smooth = _moving_mean(eog.astype(np.float64), max(1, round(SMOOTH_S * sfreq)))
    lag = max(1, round(RISE_S * sfreq))
    steps = smooth[:, lag:] - smooth[:, :-lag]
    n_lost = eog.shape[1] - steps.shape[1]
    return np.pad(steps, ((0, 0), (n_lost // 2, n_lost - n_lost // 2)))


def _moving_mean(values: np.ndarray, n: int) -> np.ndarray:
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    return np.asarray((sums[:, n:] - sums[:, :-n]) / n)


def _find_peaks(steps: np.ndarray, n_apart: int) -> np.ndarray:
    """Return where steps are rapid, the largest of each group closer than the refractory time."""
    rapid = np.flatnonzero(steps > RAPID_UV)
    groups = np.split(rapid, np.flatnonzero(np.diff(rapid) > 1) + 1) if len(rapid) else []
    kept: list[int] = []
    for group in groups:
        peak = int(group[steps[group].argmax()])
        if not kept or peak - kept[-1] >= n_apart:
            kept.append(peak)
        elif steps[peak] > steps[kept[-1]]:
            kept[-1] = peak
    return np.array(kept, dtype=int)


def _slow_share(eog: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the variance of one-second means over that of the samples, NaN if they are flat."""
    slow = _moving_mean(eog.astype(np.float64), min(max(1, round(sfreq)), eog.shape[1]))
    whole = eog.astype(np.float64).var(axis=1)
    moving = np.ptp(eog, axis=1) > 0
    return np.divide(slow.var(axis=1), whole, out=np.full(len(eog), np.nan), where=moving)
