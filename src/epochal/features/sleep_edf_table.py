"""The columns of two published feature tables of Sleep-EDF, so that their models score recordings.

The definitions are worked out from the tables' own numbers; both were computed from signals as
recorded, without a filter, in 30 s epochs at 100 Hz. What follows from the numbers alone, of the
15,177 epochs that the tables share:

- `hjorth_mobility` of the band table is sd(differences) / sqrt(variance + 100 µV²), to 1e-7: an
  epsilon of 1e-10 in V². The time-domain table's has none.
- `petrosian_fd` has log(n / n + 0.4 turns) for log(n / (n + 0.4 turns)), n = 3000: turns come out
  as whole numbers to 0.002, and nowhere else.
- `binned_entropy_1` to `_4` are in bits, of 5, 10, 30 and 60 bins (their largest values approach
  the logarithms of these).
- `higuchi_fd` lacks a division by k: white noise has 1.0 and not 2. That k runs to 10 is inferred:
  the value that best agrees with simulated nights of the same mobility, complexity and powers.
- Zero crossings are those of 0 and not of the mean: an EOG with an offset has none.

Not decided by the numbers: n or n - 1 in a standard deviation (2e-4 apart), and the segments of
Welch's method, taken to be those of `band_power`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from epochal.features.block import Block, Columns, count, of_block
from epochal.features.complexity import higuchi_dimension
from epochal.features.time_domain import kurtosis, skewness

BANDS_HZ = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 50.0),
}
EPSILON_UV2 = 100.0
N_BINS = (5, 10, 30, 60)


@of_block
def band_table(block: Block) -> Columns:
    """Return mean density per band in µV²/Hz, sd in µV and the table's own Hjorth mobility.

    Both edges of a band belong to it. γ is NaN below 100 Hz, where it would end early.
    """
    columns = {
        f"{name}_uv2_per_hz": block.spectrum.cut(low_hz, high_hz).density.mean(axis=1)
        if high_hz <= block.sfreq / 2
        else np.full(len(block), np.nan)
        for name, (low_hz, high_hz) in BANDS_HZ.items()
    }
    return columns | {
        "std_uv": np.sqrt(block.variance),
        "hjorth_mobility": block.shape(
            np.sqrt(block.slope_variance / (block.variance + EPSILON_UV2))
        ),
    }


@of_block
def time_table(block: Block) -> Columns:
    """Return thirteen columns: moments, crossings, Hjorth, two dimensions, four binned entropies.

    Mobility is per sample; NaN for what a flat window has no value of.
    """
    negative = block.windows < 0
    log_n = np.log(block.n_samples)
    columns = {
        "std_uv": np.sqrt(block.variance),
        "iqr_uv": block.quantile(0.75) - block.quantile(0.25),
        "skewness": skewness(block),
        "kurtosis": kurtosis(block),
        "zero_crossings": count(negative[:, 1:] ^ negative[:, :-1]),
        "hjorth_mobility": block.mobility,
        "hjorth_complexity": block.complexity,
        "higuchi_fd": block.shape(higuchi_dimension(block) - 1),
        "petrosian_fd": block.shape(log_n / (log_n + np.log(1 + 0.4 * block.n_turns))),
    }
    entropies = map(block.shape, binned_entropies(block.ordered, N_BINS))
    return columns | {f"binned_entropy_{i}": value for i, value in enumerate(entropies, start=1)}


def binned_entropies(ordered: np.ndarray, bins: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield for each number of equal bins, from least to most, each histogram's entropy in bits.

    `ordered` `(n_epochs, n_samples)` holds each window's samples sorted: what lies below every edge
    is then found by halving, for all edges together.
    """
    steps = np.concatenate([np.arange(1, n) for n in bins])
    n_bins = np.concatenate([np.full(n - 1, n, ordered.dtype) for n in bins])
    low, high = ordered[:, :1], ordered[:, -1:]
    scale = n_bins / np.where(high > low, high - low, 1)
    below = _count_below(ordered - low, scale, steps)
    n_samples = ordered.shape[1]
    for counts in np.split(below, np.cumsum([n - 1 for n in bins[:-1]]), axis=1):
        shares = np.diff(counts, axis=1, prepend=0, append=n_samples) / n_samples
        yield np.asarray(-(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1))


def _count_below(ordered: np.ndarray, scale: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return how many sorted samples of each row, scaled, lie below each step."""
    rows = np.arange(len(ordered))[:, None]
    first, last = np.zeros(scale.shape, int), np.full(scale.shape, ordered.shape[1])
    for _ in range(ordered.shape[1].bit_length()):
        middle = (first + last) // 2
        less = ordered[rows, np.minimum(middle, ordered.shape[1] - 1)] * scale < steps
        first = np.where(less & (middle < last), middle + 1, first)
        last = np.where(less, last, middle)
    return first
