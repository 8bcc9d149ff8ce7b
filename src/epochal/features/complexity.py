"""How irregular a window is: fractal dimensions and entropies, in plain numpy.

All are NaN for a flat window. `complexity` costs about as much as a Fourier transform;
`entropy` and `detrended_fluctuation` cost milliseconds an epoch.
"""

from __future__ import annotations

from functools import lru_cache
from math import factorial

import numpy as np

from epochal.features.block import Block, Columns, count, of_block
from epochal.features.entropies import lempel_ziv, sample_entropy, svd_entropy

HIGUCHI_K_MAX = 10
FLUCTUATION_LEAST, FLUCTUATION_FACTOR, FLUCTUATION_SHARE = 4, 1.2, 0.1


@of_block
def complexity(block: Block) -> Columns:
    """Return Petrosian's and Higuchi's dimension and permutation entropy (order 3, 0 to 1).

    Petrosian 1995, doi:10.1109/CBMS.1995.465426; Higuchi 1988, doi:10.1016/0167-2789(88)90081-4,
    k up to 10; Bandt and Pompe 2002, doi:10.1103/PhysRevLett.88.174102, earlier of equals first.
    """
    columns = {
        "petrosian_dimension": petrosian_dimension(block),
        "higuchi_dimension": higuchi_dimension(block),
        "permutation_entropy": permutation_entropy(block),
    }
    return {name: block.shape(values) for name, values in columns.items()}


@of_block
def entropy(block: Block) -> Columns:
    """Return sample entropy (m 2, r 0.2 sd), SVD entropy (order 3), Lempel-Ziv complexity.

    Richman and Moorman 2000, doi:10.1152/ajpheart.2000.278.6.H2039, NaN where no pair of three
    samples is alike; Roberts et al. 1999, doi:10.1007/BF02513267; Lempel and Ziv 1976,
    doi:10.1109/TIT.1976.1055501, of the signal above its mean, times log2(n) / n.
    """
    columns = {
        "sample_entropy": sample_entropy(block.centred, np.sqrt(block.variance)),
        "svd_entropy": svd_entropy(block.windows),
        "lempel_ziv": lempel_ziv(block.centred > 0),
    }
    return {name: block.shape(values) for name, values in columns.items()}


@of_block
def detrended_fluctuation(block: Block) -> Columns:
    """Return the scaling exponent of detrended fluctuations: 0.5 for white noise, 1.5 for a walk.

    Peng et al. 1994, doi:10.1103/PhysRevE.49.1685; stretches of 4 samples to a tenth of the window,
    each 1.2 times the last, one after another from the start.
    """
    walk = np.cumsum(block.centred, axis=1, dtype=np.float64)
    sizes = _fluctuation_sizes(block.n_samples)
    squares = np.stack([_detrended_square(walk, size) for size in sizes], axis=1)
    logs = 0.5 * np.log(np.maximum(squares, np.finfo(float).tiny))
    return {"fluctuation_exponent": block.shape(logs @ _slope_weights(np.log(sizes)))}


def petrosian_dimension(block: Block) -> np.ndarray:
    """Return log n / (log n + log(n / (n + 0.4 turns)))."""
    n = block.n_samples
    return np.log(n) / (np.log(n) + np.log(n / (n + 0.4 * block.n_turns)))


def higuchi_dimension(block: Block) -> np.ndarray:
    """Return the slope of the logarithm of the curve's length at lag k over log(1 / k)."""
    lags = np.arange(1, min(HIGUCHI_K_MAX, block.n_samples // 2) + 1)
    buffer = np.empty_like(block.centred)
    lengths = np.stack([_curve_length(block.centred, int(k), buffer) for k in lags], axis=1)
    logs = np.log(np.maximum(lengths, np.finfo(lengths.dtype).tiny))
    return np.asarray(logs @ _slope_weights(-np.log(lags)))


def permutation_entropy(block: Block) -> np.ndarray:
    """Return the entropy of the six orders of three samples, from four counts of comparisons."""
    up, windows = block.rising, block.windows
    first, second = up[:, :-1], up[:, 1:]
    over = windows[:, 2:] >= windows[:, :-2]
    n = over.shape[1]
    n_first, n_second = count(first), count(second)
    n_both = count(first & second)
    peak_up, trough_up = count(first & over) - n_both, count(second & over) - n_both
    counts = [
        n_both,
        peak_up,
        n_first - n_both - peak_up,
        trough_up,
        n_second - n_both - trough_up,
        n - n_first - n_second + n_both,
    ]
    shares = np.stack(counts, axis=1) / n
    logs = np.log(np.where(shares > 0, shares, 1.0))
    return np.asarray(-(shares * logs).sum(axis=1) / np.log(factorial(3)))


def _curve_length(windows: np.ndarray, k: int, buffer: np.ndarray) -> np.ndarray:
    """Return Higuchi's length at lag k: the mean over the k curves that start one sample apart.

    |a - b| = 2 max(a, b) - a - b: the weighted sums of a and b cost next to nothing.
    """
    n = windows.shape[1]
    weights, ends = _curve_weights(n, k, windows.dtype)
    larger = np.maximum(windows[:, k:], windows[:, :-k], out=buffer[:, : n - k])
    return 2 * (larger @ weights) - windows @ ends


@lru_cache(maxsize=64)
def _curve_weights(n: int, k: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of each step at lag k, and the sum of those of the two ends it has."""
    start = np.arange(n - k) % k
    weights = (n - 1) / (k**3 * ((n - 1 - start) // k))
    ends = np.zeros(n)
    ends[k:] += weights
    ends[:-k] += weights
    return weights.astype(dtype), ends.astype(dtype)


def _fluctuation_sizes(n_samples: int) -> np.ndarray:
    n_steps = int(np.log(FLUCTUATION_SHARE * n_samples / FLUCTUATION_LEAST) / np.log(1.2))
    steps = FLUCTUATION_FACTOR ** np.arange(max(n_steps, 1) + 1)
    return np.unique((FLUCTUATION_LEAST * steps).astype(int))


def _detrended_square(walk: np.ndarray, size: int) -> np.ndarray:
    """Return the mean square of whole stretches around their own lines."""
    n_whole = walk.shape[1] // size
    stretches = walk[:, : n_whole * size].reshape(len(walk), n_whole, size)
    centred = stretches - stretches.mean(axis=2, keepdims=True)
    time = np.arange(size) - (size - 1) / 2
    slopes = (centred @ time) / (time @ time)
    residual = centred - slopes[..., None] * time
    return np.asarray(np.vecdot(residual, residual).mean(axis=1) / size)


def _slope_weights(at: np.ndarray) -> np.ndarray:
    """Return the weights whose product with values is the slope of their least-squares line."""
    centred = at - at.mean()
    return centred / (centred @ centred)
