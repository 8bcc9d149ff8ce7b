"""Power spectra of the stages: per-stage log band powers, their scatter, and blocks of spectra.

Source of the figures of Fpz-Cz and Pz-Oz: Welch band powers of ten Sleep-EDFx cassette nights of
five subjects (SC400, 402, 405, 407, 409; MIT repository, signals ODC-BY 1.0), wake cut to 30 min
either side of sleep. The other four subjects of that table are kept for comparison.
"""

from __future__ import annotations

import numpy as np

CHANNELS = ("fpz_cz", "pz_oz", "eog")
BANDS_HZ = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 50.0),
}
STATES = ("open", "closed", "1", "2", "3", "4", "R")  # W with open and with closed eyes

# ln(µV²/Hz), [state][channel][band].
LOG_POWER = np.array(
    [
        [[4.40, 1.70, 0.40, -0.10, 0.00], [2.20, 0.80, 0.40, -0.10, -0.20], [4.2, 1.6, 0.4, -0.2, -0.5]],
        [[3.20, 1.20, 0.60, -0.90, -1.80], [1.70, 0.70, 0.90, -1.10, -2.30], [3.6, 1.2, 0.4, -0.9, -1.8]],
        [[2.52, 0.88, 0.00, -1.40, -2.49], [1.96, 0.68, 0.07, -2.02, -3.16], [3.2, 0.9, -0.1, -1.4, -2.6]],
        [[3.50, 1.50, 0.30, -1.05, -3.01], [2.85, 1.10, -0.15, -1.70, -3.45], [3.2, 1.0, -0.2, -1.4, -3.0]],
        [[4.80, 1.90, 0.45, -1.30, -3.26], [4.00, 1.40, -0.10, -1.95, -3.60], [4.1, 1.3, -0.1, -1.6, -3.2]],
        [[5.40, 2.00, 0.48, -1.33, -3.26], [4.60, 1.50, -0.10, -2.00, -3.60], [4.6, 1.4, -0.1, -1.6, -3.2]],
        [[2.50, 1.09, -0.24, -1.73, -2.71], [1.79, 0.56, -0.22, -2.39, -3.39], [2.9, 0.9, -0.4, -1.7, -2.8]],
    ]
)  # fmt: skip

# Between recordings, and within a recording from epoch to epoch: standard deviations of ln power.
BETWEEN_RECORDINGS_SD = np.array(
    [[0.26, 0.40, 0.50, 0.50, 0.65], [0.27, 0.40, 0.50, 0.50, 0.65], [0.30, 0.40, 0.50, 0.50, 0.65]]
)
WITHIN_SD = {
    "open": (0.70, 0.55, 0.45, 0.60, 0.80),
    "closed": (0.60, 0.45, 0.50, 0.45, 0.60),
    "1": (0.55, 0.42, 0.42, 0.32, 0.50),
    "2": (0.48, 0.33, 0.30, 0.30, 0.22),
    "3": (0.30, 0.22, 0.25, 0.24, 0.15),
    "4": (0.30, 0.22, 0.25, 0.24, 0.15),
    "R": (0.36, 0.33, 0.38, 0.24, 0.30),
}
# Correlation of the bands' scatter within a stage, and of one band's scatter between channels.
BAND_CORRELATION = {
    "sleep": np.array(
        [
            [1.0, 0.6, 0.4, 0.15, 0.05],
            [0.6, 1.0, 0.55, 0.25, 0.0],
            [0.4, 0.55, 1.0, 0.5, 0.2],
            [0.15, 0.25, 0.5, 1.0, 0.45],
            [0.05, 0.0, 0.2, 0.45, 1.0],
        ]
    ),
    "wake": np.array(
        [
            [1.0, 0.6, 0.25, 0.5, 0.55],
            [0.6, 1.0, 0.6, 0.5, 0.4],
            [0.25, 0.6, 1.0, 0.45, 0.25],
            [0.5, 0.5, 0.45, 1.0, 0.92],
            [0.55, 0.4, 0.25, 0.92, 1.0],
        ]
    ),
}
CHANNEL_CORRELATION = 0.7
EPOCH_MEMORY = 0.45  # lag-one autocorrelation of the scatter from epoch to epoch

# Where the log spectrum is pinned: the bands' powers at these frequencies, straight between them
# over log frequency. Below and above, the slopes that the recorder's filters leave.
KNOTS_HZ = (1.2, 5.5, 10.0, 20.0, 39.0)
HIGH_PASS_HZ = 0.5  # "HP:0.5Hz LP:100Hz [enhanced cassette BW]" in the original headers


def band_noise(n: int, *, wake: bool, rng: np.random.Generator) -> np.ndarray:
    """Return unit normal scatter `(n, n_channels, n_bands)`, correlated like the real one."""
    bands = np.linalg.cholesky(BAND_CORRELATION["wake" if wake else "sleep"])
    common = rng.standard_normal((n, 1, len(BANDS_HZ)))
    own = rng.standard_normal((n, len(CHANNELS), len(BANDS_HZ)))
    mixed = np.sqrt(CHANNEL_CORRELATION) * common + np.sqrt(1 - CHANNEL_CORRELATION) * own
    return np.asarray(mixed @ bands.T)


def remembered(noise: np.ndarray, memory: float) -> np.ndarray:
    """Return first-order autoregressive noise of unit variance along the first axis."""
    result = noise.copy()
    fresh = np.sqrt(1 - memory**2)
    for i in range(1, len(noise)):
        result[i] = memory * result[i - 1] + fresh * noise[i]
    return result


def hats(freqs_hz: np.ndarray) -> np.ndarray:
    """Return weights `(n_bands, n_freqs)` that interpolate over log frequency between the knots."""
    position = np.interp(
        np.log(np.maximum(freqs_hz, 1e-3)), np.log(KNOTS_HZ), np.arange(len(KNOTS_HZ))
    )
    return np.maximum(0.0, 1.0 - np.abs(position - np.arange(len(KNOTS_HZ))[:, None]))


def high_pass_log_gain(freqs_hz: np.ndarray) -> np.ndarray:
    """Return the log power gain of the recorder's first-order high-pass."""
    ratio = np.maximum(freqs_hz, 1e-3) / HIGH_PASS_HZ
    return np.log(ratio**2 / (1 + ratio**2))


def log_spectra(log_bands: np.ndarray, freqs_hz: np.ndarray) -> np.ndarray:
    """Return ln PSD `(n_blocks, n_freqs)` from ln band powers `(n_blocks, n_bands)`."""
    return np.asarray(log_bands @ hats(freqs_hz) + high_pass_log_gain(freqs_hz))
