"""How the EEG of a window changes in its course: a seizure builds up, speeds up, slows down."""

from __future__ import annotations

import numpy as np

from epochal.features.autocorrelation import find_repetition
from epochal.features.chains import LEFT, RIGHT, imbalance, mask_flat, require_double_banana
from epochal.features.columns import log_floored

N_PARTS = 5  # of a window of 50 s: 10 s each, the middle one being what the experts voted about
_FLOOR_UV2 = 1e-4
_FLOOR = 1e-9


def chain_evolution(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return trend, range and the middle's difference of what is measured in fifths of a window.

    `windows` `(n_epochs, 18, n_samples)` in µV, the double banana. Measured are the logarithm of
    the power, that of the slopes' power, the mean frequency, the lateralisation, and the height and
    frequency of the rhythm. Trends are per fifth.
    """
    windows = require_double_banana(windows)
    n_part = windows.shape[2] // N_PARTS
    parts = [windows[..., n * n_part : (n + 1) * n_part] for n in range(N_PARTS)]
    measured = [_measure(part, sfreq) for part in parts]
    columns: dict[str, np.ndarray] = {}
    for name in measured[0]:
        course = np.stack([values[name] for values in measured], axis=1)  # (n_epochs, 5)
        columns |= {f"{name}_{kind}": values for kind, values in _describe(course).items()}
    return mask_flat(columns, windows)


def _measure(part: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    slopes = np.diff(part, axis=2) * sfreq
    steep, power = (slopes**2).mean(axis=2), part.var(axis=2)
    rhythm = find_repetition(slopes, sfreq)
    return {
        "log_power": log_floored(power.mean(axis=1), _FLOOR_UV2),
        "log_slope_power": log_floored(steep.mean(axis=1), _FLOOR_UV2),
        "mobility_hz": np.sqrt(steep.sum(axis=1) / (power.sum(axis=1) + _FLOOR)) / (2 * np.pi),
        "lateralisation": imbalance(steep[:, LEFT].sum(axis=1), steep[:, RIGHT].sum(axis=1)),
        "rhythm_height": rhythm.height,
        "rhythm_hz": rhythm.frequency_hz,
    }


def _describe(course: np.ndarray) -> dict[str, np.ndarray]:
    step = np.arange(N_PARTS) - (N_PARTS - 1) / 2
    middle = course[:, N_PARTS // 2]
    others = (course.sum(axis=1) - middle) / (N_PARTS - 1)
    return {
        "trend": course @ step / (step @ step),
        "range": course.max(axis=1) - course.min(axis=1),
        "middle": middle - others,
    }
