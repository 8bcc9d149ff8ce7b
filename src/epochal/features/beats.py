"""Heart beats in windows of a pulse wave (BVP) or an ECG, and which intervals can be believed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from epochal.errors import EpochalError

SHORTEST_S, LONGEST_S = 0.3, 2.0  # 200 and 30 beats a minute
MAX_DEVIATION = 0.25  # of an interval from the median of its neighbours
NEIGHBOURS = 9
HIGHEST_SHARE = 0.45  # of the rate: a band that goes beyond ends there
MIN_INTERVALS = 10  # fewer in a window: its heart rate is undefined


class Beats(NamedTuple):
    """Beats of one window: times in s, heights in the signal's unit, and the intervals between.

    `time_s` is an R peak, or the systolic peak of a pulse, whose foot lies `rise_s` before it (0 in
    an ECG). `height` is the beat's rise from the trough before it (pulse wave) or its size (ECG).
    `interval_s[i]` lies between the R peaks, or the feet, of beats i and i + 1; `valid[i]` says
    whether to believe it.
    """

    time_s: np.ndarray
    height: np.ndarray
    rise_s: np.ndarray
    interval_s: np.ndarray
    valid: np.ndarray

    @property
    def enough(self) -> bool:
        """Whether there are beats enough for a heart rate."""
        return int(self.valid.sum()) >= MIN_INTERVALS

    @property
    def trusted_s(self) -> np.ndarray:
        """The intervals that can be believed."""
        return self.interval_s[self.valid]

    @property
    def successive_s(self) -> np.ndarray:
        """Differences between neighbouring intervals that can both be believed."""
        return np.diff(self.interval_s)[self.valid[1:] & self.valid[:-1]]


def find_pulses(windows: np.ndarray, sfreq: float) -> list[Beats]:
    """Find the pulses of each window `(n_epochs, n_samples)` of a pulse wave.

    Blocks where a short moving average of the squared wave exceeds a long one: Elgendi et al.,
    PLoS ONE 2013, doi:10.1371/journal.pone.0076585. The highest sample of a block is the systolic
    peak. Intervals are taken between feet, which a wrist blurs far less: beside the intervals of
    an E4 itself (27 real sessions), half of those between peaks are 37 ms off, between feet 7 ms.
    """
    wave = filter_band(windows, sfreq, low_hz=0.5, high_hz=8.0)
    energy = np.clip(wave, 0, None) ** 2
    blocks = _above(energy, sfreq, short_s=0.111, long_s=0.667, margin=0.02)
    return [
        _pulses(row, _peaks_in_blocks(row, inside, min_samples=int(0.08 * sfreq)), sfreq)
        for row, inside in zip(wave, blocks, strict=True)
    ]


def find_r_peaks(windows: np.ndarray, sfreq: float) -> list[Beats]:
    """Find the R peaks of each window `(n_epochs, n_samples)` of an ECG, of either polarity.

    Two moving averages over the squared 8–20 Hz band: Elgendi et al., 2010 (QRS complexes), as for
    pulses.
    """
    wave = filter_band(windows, sfreq, low_hz=8.0, high_hz=20.0)
    blocks = _above(wave**2, sfreq, short_s=0.097, long_s=0.611, margin=0.08)
    return [
        _r_peaks(row, _peaks_in_blocks(np.abs(row), inside, min_samples=int(0.05 * sfreq)), sfreq)
        for row, inside in zip(wave, blocks, strict=True)
    ]


def filter_band(windows: np.ndarray, sfreq: float, *, low_hz: float, high_hz: float) -> np.ndarray:
    """Return the windows between two frequencies: Butterworth, order 2 each way, no phase shift.

    A band that the rate cuts ends at 0.45 of it; one of which that leaves nothing is refused.
    """
    if not low_hz < HIGHEST_SHARE * sfreq:  # NaN, an unknown rate, is refused as well
        raise EpochalError(
            f"the band from {low_hz:g} to {high_hz:g} Hz needs more than "
            f"{low_hz / HIGHEST_SHARE:.1f} Hz; this is {sfreq:g} Hz"
        )
    high_hz = min(high_hz, HIGHEST_SHARE * sfreq)
    sos = butter(2, [low_hz, high_hz], "bandpass", fs=sfreq, output="sos")
    windows = np.asarray(windows, np.float64)
    # Without its offset a flat window stays exactly flat, rather than ringing at 1e-15.
    return np.asarray(sosfiltfilt(sos, windows - windows[..., :1], axis=-1))


def believable(interval_s: np.ndarray) -> np.ndarray:
    """Say which intervals are physiological and near the median of the nine around them."""
    if not len(interval_s):
        return np.zeros(0, bool)
    around = median_filter(interval_s, NEIGHBOURS, mode="nearest")
    near = np.abs(interval_s - around) <= MAX_DEVIATION * around
    return near & (interval_s >= SHORTEST_S) & (interval_s <= LONGEST_S)


def _above(
    energy: np.ndarray, sfreq: float, *, short_s: float, long_s: float, margin: float
) -> np.ndarray:
    """Say where the energy of a beat stands out of that around it."""
    short = uniform_filter1d(energy, max(1, round(short_s * sfreq)), axis=-1)
    long = uniform_filter1d(energy, max(1, round(long_s * sfreq)), axis=-1)
    return short > long + margin * energy.mean(axis=-1, keepdims=True)


def _peaks_in_blocks(row: np.ndarray, inside: np.ndarray, *, min_samples: int) -> np.ndarray:
    """Return the index of the highest sample of each block that lasts long enough."""
    edges = np.flatnonzero(np.diff(np.r_[0, inside.astype(np.int8), 0]))
    starts, ends = edges[::2], edges[1::2]
    fits = ends - starts >= max(1, min_samples)
    return np.array(
        [a + int(row[a:b].argmax()) for a, b in zip(starts[fits], ends[fits], strict=True)], int
    )


def _pulses(wave: np.ndarray, peaks: np.ndarray, sfreq: float) -> Beats:
    peaks = _apart(wave, peaks, sfreq)
    starts = _before(peaks, sfreq)
    troughs = np.array(
        [a + int(wave[a:b].argmin()) for a, b in zip(starts, peaks, strict=True)], int
    )
    feet = np.array([_foot(wave, a, b) for a, b in zip(troughs, peaks, strict=True)], float)
    time_s = (peaks + _between_samples(wave, peaks)) / sfreq
    return _beats(time_s, height=wave[peaks] - wave[troughs], rise_s=time_s - feet / sfreq)


def _foot(wave: np.ndarray, trough: int, peak: int) -> float:
    """Return where, in samples, the steepest tangent of a rise meets the level of its trough.

    Compared with other feet and peaks by Hemon and Phillips 2016, doi:10.1007/s10877-015-9695-6.
    """
    steps = np.diff(wave[trough : peak + 1])
    steepest = int(steps.argmax())
    middle = (wave[trough + steepest] + wave[trough + steepest + 1]) / 2
    above = (middle - wave[trough]) / max(float(steps[steepest]), np.finfo(float).tiny)
    return float(np.clip(trough + steepest + 0.5 - above, trough, peak))


def _r_peaks(wave: np.ndarray, peaks: np.ndarray, sfreq: float) -> Beats:
    size = np.abs(wave)
    peaks = _apart(size, peaks, sfreq)
    time_s = (peaks + _between_samples(size, peaks)) / sfreq
    return _beats(time_s, height=size[peaks], rise_s=np.zeros(len(peaks)))


def _before(peaks: np.ndarray, sfreq: float) -> np.ndarray:
    """Where to look for the foot of each pulse: after the last peak, within half a second."""
    earliest = np.maximum(peaks - round(0.5 * sfreq), 0)
    return np.maximum(earliest, np.r_[0, peaks[:-1]]) if len(peaks) else earliest


def _apart(wave: np.ndarray, peaks: np.ndarray, sfreq: float) -> np.ndarray:
    """Drop the lower of two peaks closer than the shortest interval, and those at the very edge."""
    peaks = peaks[(peaks > 0) & (peaks < len(wave) - 1)]
    while len(peaks) > 1:
        close = np.flatnonzero(np.diff(peaks) < SHORTEST_S * sfreq)
        if not len(close):
            break
        first = close[0]
        lower = first if wave[peaks[first]] < wave[peaks[first + 1]] else first + 1
        peaks = np.delete(peaks, lower)
    return peaks


def _beats(time_s: np.ndarray, *, height: np.ndarray, rise_s: np.ndarray) -> Beats:
    interval_s = np.diff(time_s - rise_s)
    return Beats(time_s, height, rise_s, interval_s, believable(interval_s))


def _between_samples(wave: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Return where in (-0.5, 0.5) samples a parabola through three samples has its top."""
    left, top, right = wave[peaks - 1], wave[peaks], wave[peaks + 1]
    curvature = left - 2 * top + right
    flat = np.abs(curvature) < np.finfo(float).tiny
    shift = 0.5 * (left - right) / np.where(flat, 1.0, curvature)
    return np.clip(np.where(flat, 0.0, shift), -0.5, 0.5)
