"""Spectral features: power in bands, the shape of the spectrum, its slope, the mains.

All sets of one signal but the multitaper's share one Fourier transform (Welch's method).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from epochal.features.bands import HUMAN, RODENT, Bands, band_powers
from epochal.features.block import Block, Columns, divide, of_block
from epochal.features.spectrum import Spectrum

BANDS_HZ = HUMAN.limits_hz
APERIODIC_HZ = (2.0, 30.0)
LINE_HALF_WIDTH_HZ, LINE_AROUND_HZ = 1.0, 5.0
_FLOOR = 1e-12  # µV²: keeps the logarithm of a silent band finite


@of_block
def band_power(block: Block) -> Columns:
    """Return log10 absolute and relative power per band, and the ratios that sleep scorers use.

    `windows` `(n_epochs, n_samples)` in µV; absolute power in log10 µV². A band that the Nyquist
    frequency cuts carries its true edge in its name; it enters no ratio.
    """
    return _power_columns(block, block.spectrum, HUMAN)


@of_block
def rodent_band_power(block: Block) -> Columns:
    """Return log10 absolute and relative power per rodent band, θ/δ, σ/δ and γ/δ.

    γ leaves out 2 Hz either side of 50 and 60 Hz.
    """
    return _power_columns(block, block.spectrum, RODENT)


@of_block
def multitaper_power(block: Block) -> Columns:
    """Return what `band_power` does, by seven Slepian tapers over the whole window."""
    columns = _power_columns(block, block.multitaper, HUMAN)
    return {f"multitaper_{name}": values for name, values in columns.items()}


@of_block
def spectral_shape(block: Block) -> Columns:
    """Return spectral entropy (0 to 1), the 95 % edge, the median and the peak frequency in Hz.

    The range is 0.5 Hz to 30 Hz or the Nyquist frequency. NaN for a flat window.
    """
    broad = block.spectrum.broad
    frequencies, density = broad.frequencies, broad.density
    total = density.sum(axis=1)
    cumulative = density.cumsum(axis=1)
    # H = ln T - sum(p ln p) / T for densities p of sum T, in units of that of a level spectrum.
    moment = np.vecdot(density, broad.log_density)
    entropy = (np.log(np.maximum(total, _tiny(total))) - divide(moment, total)) / np.log(
        max(len(frequencies), 2)
    )
    columns = {
        "spectral_entropy": entropy,
        "spectral_edge_hz": _frequency_at(frequencies, cumulative, 0.95),
        "median_frequency_hz": _frequency_at(frequencies, cumulative, 0.5),
        "peak_frequency_hz": frequencies[density.argmax(axis=1)],
    }
    return {name: block.shape(values) for name, values in columns.items()}


@of_block
def aperiodic(block: Block) -> Columns:
    """Return exponent and offset (log10 of the density at 1 Hz) of a spectrum like 1 / f^exponent.

    A straight line through the logarithms from 2 to 30 Hz: a strong rhythm tilts it, as no peaks
    are taken out. NaN for a flat window.
    """
    part = block.spectrum.cut(*APERIODIC_HZ)
    line = _line_weights(tuple(part.frequencies.tolist())).astype(part.density.dtype)
    slope, offset = (part.log_density @ line).T
    return {
        "aperiodic_exponent": block.shape(-slope),
        "aperiodic_offset": block.shape(offset / np.log(10)),
    }


@of_block
def line_noise(block: Block) -> Columns:
    """Return how far the density at 50 and 60 Hz stands out of its surroundings, log10.

    The mean density within 1 Hz over that within 5 Hz outside it; 0 is no line. NaN where the
    rate does not reach so far, and for a flat window.
    """
    return {
        "line_noise_50hz": _line_ratio(block, 50.0),
        "line_noise_60hz": _line_ratio(block, 60.0),
    }


def power_density(windows: np.ndarray, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and the power density, `(n_epochs, n_frequencies)` in unit²/Hz.

    Welch's method: Hann segments of 4 s (or the window), half overlapping, means removed.
    """
    spectrum = Block(windows, sfreq).spectrum
    return spectrum.frequencies, spectrum.density


def _power_columns(block: Block, spectrum: Spectrum, bands: Bands) -> Columns:
    power = band_powers(spectrum, bands, block.sfreq / 2)
    whole = sum(power.values(), np.zeros(len(block), block.windows.dtype))
    logs = {name: np.log10(np.maximum(value, _FLOOR)) for name, value in power.items()}
    columns = {f"log_{name}": value for name, value in logs.items()}
    columns |= {
        f"relative_{name}": block.shape(divide(value, whole)) for name, value in power.items()
    }
    for over, under in bands.ratios:
        if {over, under} <= power.keys():
            columns[f"log_{over}_{under}"] = block.shape(logs[over] - logs[under])
    return columns


def _frequency_at(frequencies: np.ndarray, cumulative: np.ndarray, share: float) -> np.ndarray:
    """Return the first frequency below which lies so large a share of the power."""
    below = cumulative < share * cumulative[:, -1:]
    return np.asarray(frequencies[below.argmin(axis=1)])


def _line_ratio(block: Block, mains_hz: float) -> np.ndarray:
    if mains_hz + LINE_HALF_WIDTH_HZ > block.sfreq / 2:
        return np.full(len(block), np.nan)
    distance = np.abs(block.spectrum.frequencies - mains_hz)
    at = distance <= LINE_HALF_WIDTH_HZ
    around = (distance <= LINE_AROUND_HZ) & ~at
    means = (block.spectrum.density[:, which].mean(axis=1) for which in (at, around))
    line, rest = (np.log10(np.maximum(mean, _FLOOR)) for mean in means)
    return block.shape(line - rest)


@lru_cache(maxsize=8)
def _line_weights(frequencies: tuple[float, ...]) -> np.ndarray:
    """Return what makes of logarithms their slope over log f, and their value at 1 Hz."""
    log_f = np.log(frequencies)
    return np.linalg.pinv(np.stack([log_f, np.ones_like(log_f)], axis=1)).T


def _tiny(values: np.ndarray) -> float:
    return float(np.finfo(values.dtype).tiny)
