"""The quality of a pulse wave or an ECG: how alike its beats are, and how many can be believed."""

from __future__ import annotations

import numpy as np

from epochal.features.beats import Beats, filter_band, find_pulses, find_r_peaks
from epochal.features.pulse_shape import likeness

MIN_SFREQ, MIN_WINDOW_S = 25.0, 4.0
MIN_BEATS = 3
PULSE_HZ, ECG_HZ = (0.5, 8.0), (0.5, 40.0)
PULSE_S, ECG_S = (0.30, 0.45), (0.20, 0.35)  # of a template, before and after its peak


def has_beats(sfreq: float, n_samples: int) -> bool:
    """Say whether windows of so many samples are fast and long enough to find beats in."""
    return sfreq >= MIN_SFREQ and n_samples / sfreq >= MIN_WINDOW_S


def index_pulses(windows: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the index of each window of a pulse wave, see `index_beats`."""
    wave = filter_band(windows, sfreq, low_hz=PULSE_HZ[0], high_hz=PULSE_HZ[1])
    return index_beats(wave, find_pulses(windows, sfreq), sfreq, around_s=PULSE_S)


def index_ecg(windows: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the index of each window of an ECG, see `index_beats`."""
    wave = filter_band(windows, sfreq, low_hz=ECG_HZ[0], high_hz=ECG_HZ[1])
    return index_beats(wave, find_r_peaks(windows, sfreq), sfreq, around_s=ECG_S)


def index_beats(
    wave: np.ndarray, beats: list[Beats], sfreq: float, *, around_s: tuple[float, float]
) -> np.ndarray:
    """Return the index in [0, 1], `(n_epochs,)`: likeness × believable × covered.

    The mean correlation of a window's beats with their median (after Orphanidou et al. 2015,
    doi:10.1109/JBHI.2014.2338351), the share of intervals that are physiological and regular, and
    the share of the window that those intervals cover. Fewer than three beats: 0.
    """
    length_s = wave.shape[1] / sfreq
    scores = [
        _score(row, found, sfreq, length_s=length_s, around_s=around_s)
        for row, found in zip(wave, beats, strict=True)
    ]
    return np.clip(np.array(scores, dtype=np.float64), 0, 1)


def _score(
    wave: np.ndarray,
    beats: Beats,
    sfreq: float,
    *,
    length_s: float,
    around_s: tuple[float, float],
) -> float:
    cut = _cut_beats(wave, beats, sfreq, around_s)
    if len(cut) < MIN_BEATS or not beats.valid.any():
        return 0.0
    # The ends of a window hold a part of a beat each.
    covered = beats.trusted_s.sum() / max(length_s - np.median(beats.trusted_s), 1.0)
    return likeness(cut) * float(beats.valid.mean()) * min(float(covered), 1.0)


def _cut_beats(
    wave: np.ndarray, beats: Beats, sfreq: float, around_s: tuple[float, float]
) -> np.ndarray:
    before, after = (round(part_s * sfreq) for part_s in around_s)
    peaks = np.round(beats.time_s * sfreq).astype(int)
    peaks = peaks[(peaks >= before) & (peaks + after <= len(wave))]
    return np.asarray(wave[peaks[:, None] + np.arange(-before, after)])
