"""How much the intervals between beats vary: in time, in successive pairs, and by frequency.

From an ECG this is heart-rate variability; from a pulse wave, pulse-rate variability.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import lombscargle

from epochal.features.beats import Beats
from epochal.features.columns import undefined

MIN_SPECTRUM_S = 120.0  # LF needs two minutes: Task Force 1996, doi:10.1161/01.CIR.93.5.1043
LF_HZ, HF_HZ = (0.04, 0.15), (0.15, 0.40)
MIN_STEPS = 5  # successive differences needed for RMSSD
LEAST_MS = 0.1  # keeps the logarithm of a metronome finite


class Variability(NamedTuple):
    """SDNN, RMSSD, SD1 and SD2 in ms, pNN50 as a share; LF and HF in ms² (NaN below two minutes).

    `sd1` is the spread across, `sd2` that along the line of identity in the plot of each interval
    against the next; `ln_rmssd` is a logarithm, as RMSSD is skewed.
    """

    sdnn: float
    rmssd: float
    ln_rmssd: float
    pnn50: float
    sd1: float
    sd2: float
    sd1_sd2: float
    lf: float
    hf: float
    lf_hf: float


def measure_variability(beats: Beats, length_s: float) -> Variability:
    """Return the variability of one window, after Task Force 1996, doi:10.1161/01.CIR.93.5.1043.

    Differences and pairs are of neighbouring intervals that can both be believed, so that none
    reaches over a beat that was missed. pNN50 is a share of these differences.
    """
    steps_ms = 1000 * beats.successive_s
    if not beats.enough or len(steps_ms) < MIN_STEPS:
        return undefined(Variability)
    rmssd = float(np.sqrt(np.mean(steps_ms**2)))
    return Variability(
        1000 * beats.trusted_s.std(ddof=1),
        rmssd,
        np.log(max(rmssd, LEAST_MS)),
        np.mean(np.abs(steps_ms) > 50),
        *measure_pairs(beats),
        *_band_powers(beats, length_s),
    )


def measure_pairs(beats: Beats) -> tuple[float, float, float]:
    """Return SD1 and SD2 in ms and their ratio: Brennan et al. 2001, doi:10.1109/10.959330."""
    both = beats.valid[1:] & beats.valid[:-1]
    now, later = 1000 * beats.interval_s[:-1][both], 1000 * beats.interval_s[1:][both]
    across, along = (
        ((later - now) / np.sqrt(2)).std(ddof=1),
        ((later + now) / np.sqrt(2)).std(ddof=1),
    )
    return float(across), float(along), float(across / max(along, LEAST_MS))


def _band_powers(beats: Beats, length_s: float) -> tuple[float, float, float]:
    """Return LF, HF (ms²) and LF/HF by Lomb–Scargle, as believable intervals are not uniform."""
    if length_s < MIN_SPECTRUM_S:
        return np.nan, np.nan, np.nan
    series_ms = 1000 * (beats.trusted_s - beats.trusted_s.mean())
    freqs = np.arange(LF_HZ[0], HF_HZ[1], 1.0 / length_s)
    # Normal Lomb–Scargle power of a sine of amplitude a is n a²/4, its variance a²/2.
    power = lombscargle(beats.time_s[1:][beats.valid], series_ms, 2 * np.pi * freqs)
    variance = 2 * power / len(series_ms)
    lf, hf = variance[freqs < LF_HZ[1]].sum(), variance[freqs >= HF_HZ[0]].sum()
    return float(lf), float(hf), float(lf / hf) if hf > 0 else np.nan
