"""Where subjects differ from each other, and how far beyond that a window is off.

A window is described by five quantiles of each feature. Subjects differ along a few directions
(amplitude, depth of sleep, noise), and much along them is little cause for alarm: the distance is
that of Mahalanobis 1936 with a ridge, which fewer subjects than columns need.
"""

from __future__ import annotations

import numpy as np

from epochal.options.base import Options

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
RIDGE = 1.0  # of columns scaled to unit spread
_CLIP_FITTED, _CLIP = 4.0, 8.0  # one broken recording must not become a direction of its own
_N_DIRECTIONS = 30
_FLOOR = 1e-12
_MAD_TO_SD = 1.4826
_LEAST_SCALE = 1e-9


class Pattern(Options):
    """Centre, spread and main directions of the subjects' summaries, all `(5 * n_features,)`."""

    logs: list[bool]
    centre: list[float]
    scale: list[float]
    directions: list[list[float]]
    variances: list[float]

    def distances(self, quantiles: np.ndarray) -> np.ndarray:
        """Return the distance of each window's quantiles `(…, 5, n_features)`: `(…,)`."""
        columns = self.standardise(quantiles)
        directions = np.array(self.directions).reshape(-1, columns.shape[-1])
        variances = np.array(self.variances)
        along = columns @ directions.T
        explained = (along**2 * (variances / (variances + RIDGE))).sum(axis=-1)
        return np.asarray(np.sqrt(np.maximum((columns**2).sum(axis=-1) - explained, 0) / RIDGE))

    def standardise(self, quantiles: np.ndarray) -> np.ndarray:
        """Return columns of unit spread: `(…, 5 * n_features)`; what is unknown is the centre."""
        columns = _flatten(quantiles, np.array(self.logs))
        found = (columns - np.array(self.centre)) / np.array(self.scale)
        return np.nan_to_num(np.clip(found, -_CLIP, _CLIP), nan=0.0)


def summarise(values: np.ndarray) -> np.ndarray:
    """Return a window's quantiles, `(5, n_features)`; NaN where a feature is never known."""
    found = np.full((len(QUANTILES), values.shape[1]), np.nan)
    known = np.isfinite(values).any(axis=0)
    if known.any():
        finite = np.where(np.isfinite(values[:, known]), values[:, known], np.nan)
        found[:, known] = np.nanquantile(finite, QUANTILES, axis=0)
    return found


def choose_logs(edges: np.ndarray) -> np.ndarray:
    """Say of each feature whether its logarithm is more even than itself; `(n_features,)`.

    A gain multiplies amplitudes and powers: people differ in their logarithms.
    """
    low, middle, high = edges[[5, 50, 95]]
    positive = edges[0] > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        plain = np.abs((high - middle) - (middle - low)) / (high - low)
        logs = np.log(np.where(positive, np.stack([low, middle, high]), 1.0))
        skewed = np.abs(logs[2] - 2 * logs[1] + logs[0]) / (logs[2] - logs[0])
    return np.asarray(positive & (skewed < plain))


def fit_pattern(quantiles: np.ndarray, logs: np.ndarray) -> Pattern:
    """Return the pattern of some windows' quantiles: `(n_windows, 5, n_features)`."""
    columns = _flatten(quantiles, logs)
    known = np.isfinite(columns).any(axis=0)
    centre, scale = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
    centre[known] = np.nanmedian(columns[:, known], axis=0)
    spread = _MAD_TO_SD * np.nanmedian(np.abs(columns[:, known] - centre[known]), axis=0)
    scale[known] = np.where(spread > _LEAST_SCALE, spread, 1.0)
    scaled = np.nan_to_num(np.clip((columns - centre) / scale, -_CLIP_FITTED, _CLIP_FITTED))
    _, lengths, directions = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
    kept = min(_N_DIRECTIONS, len(quantiles) - 1)
    variances = lengths[:kept] ** 2 / max(len(quantiles) - 1, 1)
    return Pattern(
        logs=logs.tolist(),
        centre=centre.tolist(),
        scale=scale.tolist(),
        directions=directions[:kept].tolist(),
        variances=variances.tolist(),
    )


def _flatten(quantiles: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Return the quantiles, in logarithms where wanted, as columns: `(…, 5 * n_features)`."""
    with np.errstate(invalid="ignore"):
        raised = np.log(np.maximum(quantiles, _FLOOR))
    values = np.where(logs, raised, quantiles)
    return values.reshape(*values.shape[:-2], -1)
