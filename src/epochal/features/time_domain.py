"""Time-domain features of a window: its statistics, size, quantiles, Hjorth's parameters."""

from __future__ import annotations

import numpy as np

from epochal.features.block import Block, Columns, count, divide, of_block, total

QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


@of_block
def statistics(block: Block) -> Columns:
    """Return standard deviation, interquartile range, skewness, kurtosis, zero crossings a second.

    `windows` `(n_epochs, n_samples)`; kurtosis is Fisher's (0 for a normal distribution), crossings
    are those of the window's mean.
    """
    below = block.centred < 0
    return {
        "sd": np.sqrt(block.variance),
        "iqr": block.quantile(0.75) - block.quantile(0.25),
        "skewness": skewness(block),
        "kurtosis": kurtosis(block),
        "zero_crossings_hz": count(below[:, 1:] ^ below[:, :-1]) * block.sfreq / block.n_samples,
    }


@of_block
def amplitude(block: Block) -> Columns:
    """Return mean, root mean square, peak to peak, and line length a second.

    Line length is the sum of absolute differences, Esteller et al. 2001,
    doi:10.1109/IEMBS.2001.1020545.
    """
    return {
        "mean": block.level,
        "rms": np.sqrt(np.vecdot(block.windows, block.windows) / block.n_samples),
        "peak_to_peak": np.ptp(block.windows, axis=1),
        "line_length": total(np.abs(block.difference)) * block.sfreq / block.n_samples,
    }


@of_block
def quantiles(block: Block) -> Columns:
    """Return the 5, 25, 50, 75 and 95 % quantiles."""
    return {name: block.quantile(share) for name, share in QUANTILES.items()}


@of_block
def hjorth(block: Block) -> Columns:
    """Return Hjorth's mobility and complexity of windows `(n_epochs, n_samples)`.

    Hjorth 1970, doi:10.1016/0013-4694(70)90143-4; mobility in Hz·2π, by first differences. NaN for
    a flat window.
    """
    return {
        "hjorth_mobility": block.mobility * block.sfreq,
        "hjorth_complexity": block.complexity,
    }


def level(windows: np.ndarray, sfreq: float) -> Columns:
    """Return mean, minimum and maximum: all that a slow envelope (a 1 Hz EMG) allows."""
    del sfreq  # the same at every rate; feature functions share one signature
    return {
        "mean": windows.mean(axis=1),
        "min": windows.min(axis=1),
        "max": windows.max(axis=1),
    }


def skewness(block: Block) -> np.ndarray:
    """Return the third standardised moment, NaN for a flat window."""
    third = np.vecdot(block.squared, block.centred) / block.n_samples
    return block.shape(divide(third, block.variance**1.5))


def kurtosis(block: Block) -> np.ndarray:
    """Return the fourth standardised moment less 3, NaN for a flat window."""
    fourth = np.vecdot(block.squared, block.squared) / block.n_samples
    return block.shape(divide(fourth, block.variance**2) - 3.0)
