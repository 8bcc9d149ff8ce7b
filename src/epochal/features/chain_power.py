"""Where over the double banana the power lies: regions, hemispheres, front and back."""

from __future__ import annotations

import numpy as np

from epochal.features.chains import (
    BACK,
    FRONT,
    LEFT,
    REGIONS,
    RIGHT,
    mask_flat,
    require_double_banana,
)
from epochal.features.columns import log_floored
from epochal.features.spectral import power_density

# Up to 20 Hz, where this EEG is filtered; ACNS terminology puts rhythmic delta below 4 Hz.
BANDS_HZ = {"delta": (0.5, 4.0), "theta": (4.0, 8.0), "alpha": (8.0, 13.0), "beta": (13.0, 20.0)}
_FLOOR_UV2 = 1e-4  # 0.01 µV: below any amplifier's noise
_FLOOR_UV = 1e-2


def chain_power(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return band powers by region, their asymmetries and gradients, amplitude and line length.

    `windows` `(n_epochs, 18, n_samples)` in µV, the double banana; powers are natural logarithms of
    µV², the mean over a region's derivations. Asymmetries are left over right (logarithms);
    `pairwise_asymmetry` is the brain symmetry index of van Putten 2007,
    doi:10.1016/j.clinph.2007.02.021: 0 for mirror images, 1 for one side alone.
    """
    windows = require_double_banana(windows)
    power = _band_powers(windows, sfreq)
    columns = {
        f"{region}_log_{band}": log_floored(values[:, rows].mean(axis=1), _FLOOR_UV2)
        for region, rows in REGIONS.items()
        for band, values in power.items()
    }
    columns |= _relative(power) | _asymmetries(power) | _pairwise_asymmetry(windows, sfreq)
    columns["front_back_delta"] = _log_ratio(power["delta"], FRONT, BACK)
    columns["front_back_theta"] = _log_ratio(power["theta"], FRONT, BACK)
    return mask_flat(columns | _amplitudes(windows, sfreq), windows, sizes="log_")


def _band_powers(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return each band's power, `(n_epochs, 18)` in µV²."""
    frequencies, density = _densities(windows, sfreq)
    width_hz = frequencies[1] - frequencies[0]
    return {
        band: density[..., (frequencies >= low) & (frequencies < high)].sum(axis=-1) * width_hz
        for band, (low, high) in BANDS_HZ.items()
    }


def _densities(windows: np.ndarray, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and the density of every derivation, `(n_epochs, 18, n_frequencies)`."""
    n_epochs, n_channels, n_samples = windows.shape
    frequencies, density = power_density(windows.reshape(-1, n_samples), sfreq)
    return frequencies, density.reshape(n_epochs, n_channels, len(frequencies))


def _relative(power: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    whole = sum(values.sum(axis=1) for values in power.values()) + _FLOOR_UV2
    return {f"relative_{band}": values.sum(axis=1) / whole for band, values in power.items()}


def _asymmetries(power: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Compare the sides: which has more, and by how much whichever it is."""
    columns = {}
    for band, values in power.items():
        asymmetry = _log_ratio(values, LEFT, RIGHT)
        columns[f"asymmetry_{band}"] = asymmetry
        columns[f"abs_asymmetry_{band}"] = np.abs(asymmetry)
    return columns


def _log_ratio(values: np.ndarray, over: np.ndarray, under: np.ndarray) -> np.ndarray:
    parts = [log_floored(values[:, rows].mean(axis=1), _FLOOR_UV2) for rows in (over, under)]
    return parts[0] - parts[1]


def _pairwise_asymmetry(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    frequencies, density = _densities(windows, sfreq)
    inside = (frequencies >= BANDS_HZ["delta"][0]) & (frequencies < BANDS_HZ["beta"][1])
    left, right = density[:, LEFT][..., inside], density[:, RIGHT][..., inside]
    difference = np.abs(left - right) / (left + right + _FLOOR_UV2)
    return {"pairwise_asymmetry": difference.mean(axis=(1, 2))}


def _amplitudes(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return the span of the middle 98 % of samples, and the line length of each region."""
    if len(windows):
        low, high = np.quantile(windows, [0.01, 0.99], axis=2)
    else:
        low = high = np.empty(windows.shape[:2])
    steps = np.abs(np.diff(windows, axis=2)).mean(axis=2) * sfreq  # µV a second
    columns = {
        "log_span_median": log_floored(_median(high - low), _FLOOR_UV),
        "log_span_max": log_floored((high - low).max(axis=1, initial=0.0), _FLOOR_UV),
    }
    for region, rows in REGIONS.items():
        columns[f"{region}_log_line_length"] = log_floored(steps[:, rows].mean(axis=1), _FLOOR_UV)
    return columns


def _median(values: np.ndarray) -> np.ndarray:
    return np.median(values, axis=1) if len(values) else np.empty(0)
