"""Entropies that need work beyond a few passes: sample entropy, SVD entropy, Lempel-Ziv."""

from __future__ import annotations

import numpy as np

TOLERANCE_SD = 0.2


def sample_entropy(centred: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return minus the logarithm of how often stretches alike over 2 samples stay so over 3.

    `centred` `(n_epochs, n_samples)`; alike: closer than 0.2 `sd` at every sample. NaN where no
    two stretches of 3 are alike: the logarithm has no value there.
    """
    tolerance = (TOLERANCE_SD * sd)[:, None]
    pairs, triples = np.zeros(len(centred)), np.zeros(len(centred))
    n_samples = centred.shape[1]
    for lag in range(1, n_samples - 2):
        near = np.abs(centred[:, lag:] - centred[:, :-lag]) < tolerance
        two = near[:, :-2] & near[:, 1:-1]
        pairs += np.count_nonzero(two, axis=1)
        triples += np.count_nonzero(two & near[:, 2:], axis=1)
    known = triples > 0
    ratio = np.divide(triples, pairs, out=np.ones(len(centred)), where=known)
    return np.where(known, -np.log(ratio), np.nan)


def svd_entropy(windows: np.ndarray) -> np.ndarray:
    """Return the entropy (0 to 1) of the singular values of three samples side by side.

    From the eigenvalues of the 3 by 3 products, in float64: squares lose half the digits.
    """
    windows = windows.astype(np.float64)
    n = windows.shape[1] - 2
    shifted = [windows[:, lag : lag + n] for lag in range(3)]
    products = [[np.vecdot(one, other) for other in shifted] for one in shifted]
    eigenvalues = np.linalg.eigvalsh(np.moveaxis(np.array(products), 2, 0))
    values = np.sqrt(np.maximum(eigenvalues, 0))
    total = values.sum(axis=1, keepdims=True)
    shares = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1) / np.log(3))


def lempel_ziv(above: np.ndarray) -> np.ndarray:
    """Return the number of new words in each row of booleans, times log2(n) / n: near 1 if random.

    The exhaustive history of Lempel and Ziv 1976; a last word that is not new counts.
    """
    n = above.shape[1]
    words = [_count_words(row.astype(np.uint8).tobytes()) for row in above]
    return np.array(words, dtype=np.float64) * np.log2(n) / n


def _count_words(symbols: bytes) -> int:
    """Count the words, each the shortest that has not been seen (overlaps allowed) before."""
    n_words, start, n = 0, 0, len(symbols)
    while start < n:
        length = 1
        while (
            start + length <= n
            and symbols.find(symbols[start : start + length], 0, start + length - 1) >= 0
        ):
            length += 1
        n_words += 1
        start += length
    return n_words
