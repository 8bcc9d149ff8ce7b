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
        [  # open
            [3.45, 0.89, 0.35, -0.61, -0.52],
            [1.79, 0.42, 0.55, -0.02, 0.11],
            [4.6, 1.6, 0.4, -0.2, -0.5],
        ],
        [  # closed
            [3.47, 1.41, 0.23, -0.91, -1.21],
            [2.07, 1.01, 0.48, -1.56, -2.46],
            [4.4, 1.4, 0.4, -0.9, -1.8],
        ],
        [  # 1
            [2.18, 0.74, -0.11, -1.48, -2.96],
            [1.71, 0.62, -0.02, -2.5, -3.52],
            [3.2, 0.9, -0.1, -1.4, -2.6],
        ],
        [  # 2
            [3.57, 1.86, -0.37, -1.18, -3.26],
            [2.97, 1.39, -0.64, -1.89, -3.7],
            [3.8, 1.3, 0.0, -1.2, -2.7],
        ],
        [  # 3
            [5.34, 1.96, 0.35, -1.68, -3.41],
            [4.5, 1.55, -0.25, -2.34, -3.73],
            [5.0, 1.7, 0.1, -1.4, -2.8],
        ],
        [  # 4
            [5.96, 2.06, 0.44, -1.65, -3.44],
            [5.11, 1.63, -0.14, -2.45, -3.75],
            [5.6, 1.8, 0.1, -1.4, -2.8],
        ],
        [  # R
            [2.31, 1.25, -0.31, -1.92, -2.88],
            [1.78, 0.65, -0.03, -2.84, -3.45],
            [2.9, 0.9, -0.2, -1.4, -2.6],
        ],
    ]
)

# Between recordings, and within a recording from epoch to epoch: standard deviations of ln power.
BETWEEN_RECORDINGS_SD = np.array(
    [[0.28, 0.50, 0.65, 0.65, 0.80], [0.29, 0.48, 0.57, 0.55, 0.80], [0.28, 0.45, 0.55, 0.60, 0.75]]
)
# How much a person's states differ from the average in ways of their own.
STATE_SD = {"open": 0.30, "closed": 0.25, "1": 0.12, "2": 0.12, "3": 0.10, "4": 0.10, "R": 0.12}
WITHIN_SD = {
    "open": (1.05, 0.60, 0.48, 0.60, 0.80),
    "closed": (1.0, 0.55, 0.50, 0.45, 0.60),
    "1": (0.62, 0.45, 0.42, 0.32, 0.50),
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
# Lag-one autocorrelation of the scatter from epoch to epoch: a fast part, and one that drifts over
# a quarter of an hour, with its share of the variance.
EPOCH_MEMORY, DRIFT_MEMORY, DRIFT_SHARE = 0.25, 0.97, 0.35

# Where the log spectrum is pinned: the bands' powers at these frequencies, straight between them
# over log frequency. Below and above, the slopes that the recorder's filters leave.
KNOTS_HZ = (1.2, 5.5, 10.0, 20.0, 39.0)
LOW_SLOPE = 2.2
HIGH_PASS_HZ = 0.5  # "HP:0.5Hz LP:100Hz [enhanced cassette BW]" in the original headers


def band_noise(n: int, kind: str, *, rng: np.random.Generator) -> np.ndarray:
    """Return unit normal scatter `(n, n_channels, n_bands)`, correlated like the real one.

    `kind` is `sleep` or `wake`, as in `BAND_CORRELATION`.
    """
    bands = np.linalg.cholesky(BAND_CORRELATION[kind])
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


def low_end(freqs_hz: np.ndarray) -> np.ndarray:
    """Return ln gain below the first knot: a steep rise, cut by the recorder's high-pass."""
    freqs_hz = np.maximum(freqs_hz, 1e-3)
    ratio = freqs_hz / HIGH_PASS_HZ
    rise = LOW_SLOPE * np.log(np.maximum(KNOTS_HZ[0] / freqs_hz, 1.0))
    return np.asarray(rise + np.log(ratio**2 / (1 + ratio**2)))


def log_spectra(log_bands: np.ndarray, freqs_hz: np.ndarray) -> np.ndarray:
    """Return ln PSD `(n_blocks, n_freqs)` from ln band powers `(n_blocks, n_bands)`."""
    return np.asarray(log_bands @ hats(freqs_hz) + low_end(freqs_hz))
