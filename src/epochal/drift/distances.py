"""How far one window's distributions lie from a reference: Kolmogorov's D, and the PSI.

Both are effect sizes. A p-value would be of no use: epochs of one night resemble each other, so
that the test of Kolmogorov and Smirnov rejects every window of every subject.
"""

from __future__ import annotations

import numpy as np

N_EDGES = 101  # the percentiles of a feature that a reference keeps
_N_BINS = 10  # of the PSI, the reference's tenths
_PRIOR = 0.5  # an epoch in two for each bin, so that an empty one costs something finite


def list_edges(values: np.ndarray) -> np.ndarray:
    """Return the percentiles 0 to 100 of each column: `(N_EDGES, n_features)`; NaN is left out."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nanquantile(values, np.linspace(0, 1, N_EDGES), axis=0))


def count_below(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how many values are at or below each edge: `(N_EDGES + 1, n_features)`.

    The last row counts all that are known.
    """
    counts = np.empty((len(edges) + 1, edges.shape[1]))
    for place in range(edges.shape[1]):
        known = np.sort(values[np.isfinite(values[:, place]), place])
        counts[:-1, place] = np.searchsorted(known, edges[:, place], side="right")
        counts[-1, place] = len(known)
    return counts


def ks_distances(window: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return each feature's D, the largest distance of two distribution functions: `(…, F)`.

    Both are counts as `count_below` gives them, `(…, N_EDGES + 1, F)`. A feature that a window
    lacks is NaN. Smirnov 1948, doi:10.1214/aoms/1177730256; on the edges, at most .01 short.
    """
    return np.abs(_shares(window) - _shares(reference)).max(axis=-2)


def population_stability(window: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return each feature's population stability index over the reference's tenths: `(…, F)`.

    The symmetric divergence of Jeffreys 1946, doi:10.1098/rspa.1946.0056, of binned shares. Counts
    as for `ks_distances`. The customary limits (.1, .25) are not used: left-out subjects set them.
    """
    given, known = _bin_shares(window), _bin_shares(reference)
    return np.asarray(((given - known) * np.log(given / known)).sum(axis=-2))


def _shares(counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(counts[..., :-1, :] / counts[..., -1:, :])


def _bin_shares(counts: np.ndarray) -> np.ndarray:
    """Return the share of each tenth; those that tied values leave empty are empty in both."""
    step = (N_EDGES - 1) // _N_BINS
    inner = counts[..., step:-2:step, :]
    whole = np.concatenate([np.zeros_like(inner[..., :1, :]), inner, counts[..., -1:, :]], axis=-2)
    each = np.diff(whole, axis=-2) + _PRIOR
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = each / each.sum(axis=-2, keepdims=True)
    return np.where(counts[..., -1:, :] > 0, shares, np.nan)
