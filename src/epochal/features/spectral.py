"""Spectral features: band power by Welch's method, and the shape of the spectrum."""

from __future__ import annotations

import numpy as np
from scipy import signal

# Band limits after the AASM manual's usage and Sleep-EDF practice: σ is the spindle band.
BANDS_HZ = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 12.0),
    "sigma": (12.0, 16.0),
    "beta": (16.0, 30.0),
}
WELCH_S = 4.0
_FLOOR = 1e-12  # keeps the logarithm of a silent band finite


def band_power(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return log10 absolute and relative power per band, and the ratios that sleep scorers use.

    `windows` `(n_epochs, n_samples)` in µV; absolute power in log10 µV². A band that the Nyquist
    frequency cuts is left out.
    """
    frequencies, density = power_density(windows, sfreq)
    power = {
        name: _integrate(frequencies, density, band)
        for name, band in BANDS_HZ.items()
        if band[1] <= sfreq / 2
    }
    total = sum(power.values(), np.zeros(len(windows))) + _FLOOR
    columns = {f"log_{name}": np.log10(value + _FLOOR) for name, value in power.items()}
    columns |= {f"relative_{name}": value / total for name, value in power.items()}
    for over, under in [
        ("delta", "theta"),
        ("theta", "alpha"),
        ("alpha", "beta"),
        ("delta", "beta"),
    ]:
        if {over, under} <= power.keys():
            columns[f"log_{over}_{under}"] = np.log10(
                (power[over] + _FLOOR) / (power[under] + _FLOOR)
            )
    return columns


def spectral_shape(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return spectral entropy (0 to 1), the 95 % edge, the median and the peak frequency in Hz.

    `windows` `(n_epochs, n_samples)`; the range is 0.5 Hz to 30 Hz or the Nyquist frequency.
    """
    frequencies, density = power_density(windows, sfreq)
    inside = (frequencies >= 0.5) & (frequencies <= min(30.0, sfreq / 2))
    frequencies, density = frequencies[inside], density[:, inside] + _FLOOR
    share = density / density.sum(axis=1, keepdims=True)
    cumulative = share.cumsum(axis=1)
    entropy = -(share * np.log2(share)).sum(axis=1) / np.log2(len(frequencies))
    return {
        "spectral_entropy": entropy,
        "spectral_edge_hz": frequencies[
            (cumulative < 0.95).sum(axis=1).clip(max=len(frequencies) - 1)
        ],
        "median_frequency_hz": frequencies[(cumulative < 0.5).sum(axis=1)],
        "peak_frequency_hz": frequencies[density.argmax(axis=1)],
    }


def power_density(windows: np.ndarray, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and the power density, `(n_epochs, n_frequencies)` in unit²/Hz.

    Welch's method: Hann segments of 4 s (or the window), half overlapping, means removed.
    """
    n_segment = min(round(WELCH_S * sfreq), windows.shape[-1])
    if len(windows) == 0:
        frequencies = np.fft.rfftfreq(n_segment, 1 / sfreq)
        return frequencies, np.empty((0, len(frequencies)))
    return signal.welch(windows, sfreq, nperseg=n_segment)


def _integrate(
    frequencies: np.ndarray, density: np.ndarray, band: tuple[float, float]
) -> np.ndarray:
    inside = (frequencies >= band[0]) & (frequencies < band[1])
    return density[:, inside].sum(axis=1) * (frequencies[1] - frequencies[0])
