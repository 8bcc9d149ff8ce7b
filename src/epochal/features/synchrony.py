"""How much the derivations of the double banana move together, and on which side."""

from __future__ import annotations

import numpy as np

from epochal.features.chains import LEFT, RIGHT, imbalance, mask_flat, require_double_banana

_FLOOR = 1e-12


def chain_synchrony(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return correlations within and between the hemispheres, and the shape of the main pattern.

    `windows` `(n_epochs, 18, n_samples)`, the double banana. `main_share` is the first principal
    component's share of the variance, `main_spread` over how many of 18 derivations it extends
    (participation ratio), `main_lateralisation` 1 where it is left alone and −1 right alone.
    """
    del sfreq  # the same at every rate; feature functions share one signature
    windows = require_double_banana(windows)
    centred = windows - windows.mean(axis=2, keepdims=True)
    covariance = centred @ centred.transpose(0, 2, 1) / windows.shape[2]
    sd = np.sqrt(np.einsum("eii->ei", covariance)) + _FLOOR
    correlation = covariance / (sd[:, :, None] * sd[:, None, :])
    within = [_mean_within(np.abs(correlation), side) for side in (LEFT, RIGHT)]
    mirrored = correlation[:, LEFT, RIGHT]
    columns = {
        "within_more": np.maximum(*within),
        "within_less": np.minimum(*within),
        "mirrored": mirrored.mean(axis=1),
        "mirrored_abs": np.abs(mirrored).mean(axis=1),
        "across_abs": np.abs(correlation[:, LEFT][:, :, RIGHT]).mean(axis=(1, 2)),
    }
    return mask_flat(columns | _main_pattern(covariance), windows)


def _mean_within(correlation: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Average the correlations of different derivations of one side."""
    n = len(side)
    block = correlation[:, side][:, :, side]
    return (block.sum(axis=(1, 2)) - np.einsum("eii->e", block)) / (n * (n - 1))


def _main_pattern(covariance: np.ndarray) -> dict[str, np.ndarray]:
    variance, directions = np.linalg.eigh(covariance)
    weight = directions[:, :, -1] ** 2  # of each derivation in the first component; sums to 1
    left, right = weight[:, LEFT].sum(axis=1), weight[:, RIGHT].sum(axis=1)
    lateralisation = imbalance(left, right)
    return {
        "main_share": variance[:, -1] / (variance.sum(axis=1) + _FLOOR),
        "main_spread": 1 / (weight**2).sum(axis=1),
        "main_lateralisation": lateralisation,
        "main_abs_lateralisation": np.abs(lateralisation),
    }
