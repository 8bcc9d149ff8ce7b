"""The frequency bands of each kind of recording, and the power in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epochal.errors import EpochalError
from epochal.features.spectrum import Spectrum

MAINS_HZ = (50.0, 60.0)
MAINS_HALF_WIDTH_HZ = 2.0


class Bands(NamedTuple):
    """Named bands in Hz, the ratios taken of them, and whether the mains are left out."""

    limits_hz: dict[str, tuple[float, float]]
    ratios: tuple[tuple[str, str], ...]
    without_mains: bool = False


# Band limits after the AASM manual's usage and Sleep-EDF practice: σ is the spindle band.
HUMAN = Bands(
    {
        "delta": (0.5, 4.0),
        "theta": (4.0, 8.0),
        "alpha": (8.0, 12.0),
        "sigma": (12.0, 16.0),
        "beta": (16.0, 30.0),
    },
    (("delta", "theta"), ("theta", "alpha"), ("alpha", "beta"), ("delta", "beta")),
)
# Theta of mice and rats runs faster than that of people, and is what tells REM sleep.
RODENT = Bands(
    {
        "delta": (0.5, 4.0),
        "theta": (6.0, 9.0),
        "sigma": (10.0, 15.0),
        "beta": (15.0, 30.0),
        "gamma": (30.0, 80.0),
    },
    (("theta", "delta"), ("sigma", "delta"), ("gamma", "delta")),
    without_mains=True,
)


def name_bands(bands: Bands, nyquist_hz: float) -> dict[str, tuple[float, float]]:
    """Return the bands that lie below the Nyquist frequency.

    One that it cuts carries its true edge: `beta_to_25hz`. One that lies beyond is left out.
    """
    named = {}
    for name, (low_hz, high_hz) in bands.limits_hz.items():
        if high_hz <= nyquist_hz:
            named[name] = (low_hz, high_hz)
        elif low_hz < nyquist_hz:
            named[f"{name}_to_{nyquist_hz:g}hz".replace(".", "p")] = (low_hz, nyquist_hz)
    return named


def band_powers(spectrum: Spectrum, bands: Bands, nyquist_hz: float) -> dict[str, np.ndarray]:
    """Return the power of each band, `(n_epochs,)` in unit²; its lower edge is included.

    A rate too low for any raises `EpochalError`.
    """
    named = name_bands(bands, nyquist_hz)
    if not named:
        lowest_hz = min(low_hz for low_hz, _ in bands.limits_hz.values())
        raise EpochalError(
            f"power in bands from {lowest_hz:g} Hz on needs more than {2 * lowest_hz:g} Hz; "
            f"this is {2 * nyquist_hz:g} Hz"
        )
    masks = [spectrum.inside(low_hz, high_hz) for low_hz, high_hz in named.values()]
    if bands.without_mains:
        masks = [mask & ~_near_mains(spectrum.frequencies) for mask in masks]
    weights = np.stack(masks, axis=1).astype(spectrum.density.dtype) * spectrum.step_hz
    powers = spectrum.density @ weights.astype(spectrum.density.dtype)
    return dict(zip(named, powers.T, strict=True))


def _near_mains(frequencies: np.ndarray) -> np.ndarray:
    near = [np.abs(frequencies - mains_hz) <= MAINS_HALF_WIDTH_HZ for mains_hz in MAINS_HZ]
    return np.logical_or.reduce(near)
