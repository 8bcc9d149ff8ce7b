"""The HMS data set's spectrogram from raw EEG: multitaper power of four chains of electrodes.

Not documented with the data: found by matching the public IRR samples, whose spectrograms these
settings give to five digits (see the tests). Multitaper estimate: Thomson 1982,
doi:10.1109/PROC.1982.12433.
"""

from __future__ import annotations

import numpy as np
from scipy.signal.windows import dpss

from epochal.readers.hms import CHANNELS, SFREQ
from epochal.readers.hms_spectrogram import FREQUENCIES_HZ, REGIONS

CHAINS = {
    "LL": ("Fp1", "F7", "T3", "T5", "O1"),
    "RL": ("Fp2", "F8", "T4", "T6", "O2"),
    "LP": ("Fp1", "F3", "C3", "P3", "O1"),
    "RP": ("Fp2", "F4", "C4", "P4", "O2"),
}
WINDOW_SAMPLES = 800  # 4 s
STEP_SAMPLES = 400
FIRST_SAMPLE = -200  # frame k covers 2k − 1 to 2k + 3 s: its time is 2k + 1 s
N_FFT = 1024
TIME_BANDWIDTH, N_TAPERS = 2, 3
_BINS = slice(3, 3 + len(FREQUENCIES_HZ))
_FRAMES_AT_ONCE = 64


def compute_spectrogram(eeg: np.ndarray, *, n_frames: int) -> np.ndarray:
    """Return the power of EEG `(at least 19, n_samples)` in µV at 200 Hz, in `CHANNELS`' order.

    Float32 `(n_frames, 4 regions, 100 frequencies)` in µV²/Hz; frame k is centred on 2k + 1 s.
    Beyond the ends the EEG counts as zero. A region whose frame touches a NaN is NaN.
    """
    windows = dpss(WINDOW_SAMPLES, TIME_BANDWIDTH, N_TAPERS)
    return np.stack(
        [_region_power(_derivations(eeg, region), windows, n_frames) for region in REGIONS],
        axis=1,
    )


def _derivations(eeg: np.ndarray, region: str) -> np.ndarray:
    """Return the chain's four bipolar derivations, `(4, n_samples)`."""
    rows = [CHANNELS.index(name) for name in CHAINS[region]]
    return eeg[rows[:-1]] - eeg[rows[1:]]


def _region_power(derivations: np.ndarray, windows: np.ndarray, n_frames: int) -> np.ndarray:
    """Return the chain's mean power, `(n_frames, 100)`, a few frames at a time."""
    needed = STEP_SAMPLES * (n_frames - 1) + WINDOW_SAMPLES
    after = max(0, needed + FIRST_SAMPLE - derivations.shape[1])
    padded = np.pad(derivations, ((0, 0), (-FIRST_SAMPLE, after)))
    power = np.empty((n_frames, len(FREQUENCIES_HZ)), dtype=np.float32)
    for first in range(0, n_frames, _FRAMES_AT_ONCE):
        frames = np.arange(first, min(first + _FRAMES_AT_ONCE, n_frames))
        samples = STEP_SAMPLES * frames[:, None] + np.arange(WINDOW_SAMPLES)
        power[frames] = _multitaper(padded[:, samples], windows)
    return power


def _multitaper(segments: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Return the mean over derivations and tapers, of `(4, n_frames, 800)`: `(n_frames, 100)`."""
    straight = _without_line(segments)
    power = np.zeros((*straight.shape[:2], len(FREQUENCIES_HZ)))
    for window in windows:
        power += np.abs(np.fft.rfft(straight * window, N_FFT)[..., _BINS]) ** 2
    return power.mean(axis=0) / (len(windows) * SFREQ)


def _without_line(segments: np.ndarray) -> np.ndarray:
    """Subtract each segment's own straight line; a NaN touches no other segment."""
    time = np.linspace(-1, 1, segments.shape[-1])
    slope = (segments @ time) / (time @ time)
    return segments - segments.mean(axis=-1, keepdims=True) - slope[..., None] * time
