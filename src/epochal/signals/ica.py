"""Independent components of several channels, with nothing but numpy: serving needs them too.

FastICA, symmetric, with the tanh contrast: Hyvärinen 1999, doi:10.1109/72.761722.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MAX_ITERATIONS = 300
TOLERANCE = 1e-5
_LEAST_VARIANCE = 1e-7  # of the largest: less is rounding, of a channel made of the others


class Components(NamedTuple):
    """`unmixing @ channels` are the components, `mixing @ components` the channels again."""

    unmixing: np.ndarray  # (n_components, n_channels)
    mixing: np.ndarray  # (n_channels, n_components)
    converged: bool


def find_components(channels: np.ndarray, *, seed: int) -> Components:
    """Return the independent components of `(n_channels, n_samples)`, finite and centred.

    There are as many components as channels that the others do not already make up. The same
    seed gives the same components.
    """
    whitening, colouring = _whiten(channels)
    white = whitening @ channels
    start = np.random.default_rng(seed).standard_normal((len(whitening), len(whitening)))
    rotation = _decorrelate(start)
    for _ in range(MAX_ITERATIONS):
        before, rotation = rotation, _improve(rotation, white)
        turned = 1 - np.abs(np.einsum("ij,ij->i", before, rotation))
        if turned.max(initial=0.0) < TOLERANCE:
            return Components(rotation @ whitening, colouring @ rotation.T, converged=True)
    return Components(rotation @ whitening, colouring @ rotation.T, converged=False)


def _whiten(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices to and from uncorrelated rows of unit variance."""
    variance, directions = np.linalg.eigh(channels @ channels.T / channels.shape[1])
    kept = variance > _LEAST_VARIANCE * variance.max()
    scale, directions = np.sqrt(variance[kept]), directions[:, kept]
    return directions.T / scale[:, None], directions * scale


def _improve(rotation: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Turn every component once towards where it is least Gaussian."""
    course = np.tanh(rotation @ white)
    steepness = (1 - course**2).mean(axis=1)
    return _decorrelate(course @ white.T / white.shape[1] - steepness[:, None] * rotation)


def _decorrelate(rotation: np.ndarray) -> np.ndarray:
    """Return the nearest orthogonal matrix."""
    left, _, right = np.linalg.svd(rotation)
    return left @ right
