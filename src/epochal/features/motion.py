"""Movement and posture of the wrist or chest, per window of a three-axis accelerometer.

In a laboratory protocol, movement also tells the task (hands still at a keyboard, gestures in an
interview): a model that uses it knows more than stress.
"""

from __future__ import annotations

import numpy as np

from epochal.errors import EpochalError
from epochal.features.bands import Bands, name_bands
from epochal.features.beats import HIGHEST_SHARE, filter_band
from epochal.features.columns import log_floored

BANDS_HZ = {"slow": (0.1, 0.5), "gesture": (0.5, 3.0), "fast": (3.0, 10.0)}
STILL_G = 0.01  # gestures smaller than this: below an E4's step of 1/64 g
LEAST_G = 1e-3
LEAST_TURN = 0.1  # degrees a second
SPECTRUM_HZ = (0.2, 10.0)
QUANTILES = (5, 25, 50, 75, 95)


def motion_features(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return activity per band, still share, jerk through the window, and posture.

    `windows` in g, `(n_epochs, 3, n_samples)`. Activities are logarithms of g, jerks of g/s. The
    fast band, to 10 Hz, carries its true edge in its name where 0.45 of the rate cuts it; a rate
    that cuts gestures, below 6.7 Hz, is refused.
    """
    highest_hz = HIGHEST_SHARE * sfreq
    gestures_to_hz = BANDS_HZ["gesture"][1]
    if not highest_hz >= gestures_to_hz:
        raise EpochalError(
            f"feature set 'motion' needs {gestures_to_hz / HIGHEST_SHARE:.1f} Hz or more; "
            f"this is {sfreq:g} Hz"
        )
    windows = np.asarray(windows, np.float64)
    bands = {
        name: np.linalg.norm(filter_band(windows, sfreq, low_hz=low, high_hz=high), axis=1)
        for name, (low, high) in name_bands(Bands(BANDS_HZ, ()), highest_hz).items()
    }
    return {
        **{name: log_floored(_rms(size), LEAST_G) for name, size in bands.items()},
        **_bursts(per_second(bands["gesture"], sfreq)),
        **_jerk(per_second(np.abs(np.diff(windows, axis=-1)).sum(axis=1) * sfreq, sfreq)),
        **_posture(windows, sfreq),
        **_spectrum(windows, sfreq),
        **_actigraphy(windows),
    }


def per_second(values: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the means of whole seconds, `(n_epochs, n_seconds)`."""
    n_samples = min(round(sfreq), values.shape[-1])
    n_seconds = values.shape[-1] // n_samples
    whole = values[:, : n_seconds * n_samples]
    return np.asarray(whole.reshape(len(values), n_seconds, n_samples).mean(axis=-1))


def persistence(series: np.ndarray) -> np.ndarray:
    """Return each row's correlation with itself one step later, 0 for a constant row.

    Near 0 where only the sensor's noise moves; higher where movement comes in stretches.
    """
    now, later = series[:, :-1], series[:, 1:]
    now = now - now.mean(axis=1, keepdims=True)
    later = later - later.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(now, axis=1) * np.linalg.norm(later, axis=1)
    return np.asarray((now * later).sum(axis=1) / np.maximum(norms, np.finfo(float).tiny))


def _rms(size: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt((size**2).mean(axis=-1)))


def _bursts(gestures: np.ndarray) -> dict[str, np.ndarray]:
    """Return the share of still seconds, the typical second, and how far bursts exceed it."""
    typical, lively = np.percentile(gestures, [50, 95], axis=-1) + LEAST_G
    return {
        "still": (gestures < STILL_G).mean(axis=-1),
        "typical": np.log(typical),
        "burst": np.log(lively / typical),
    }


def _jerk(jerks: np.ndarray) -> dict[str, np.ndarray]:
    quantiles = log_floored(np.percentile(jerks, QUANTILES, axis=-1), LEAST_G)
    named = zip(QUANTILES, quantiles, strict=True)
    return {
        **{f"jerk_{quantile}": column for quantile, column in named},
        "jerk_persistence": persistence(jerks),
    }


def _posture(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return the direction of gravity (unit vector), how much it changes, and how fast it turns."""
    mean = windows.mean(axis=-1)
    direction = mean / np.maximum(np.linalg.norm(mean, axis=1), LEAST_G)[:, None]
    spread = windows.std(axis=-1).sum(axis=1)
    tilts = {f"tilt_{axis}": direction[:, index] for index, axis in enumerate("xyz")}
    return {
        **tilts,
        "posture_change": log_floored(spread, LEAST_G),
        "turning": log_floored(_turning(windows, sfreq), LEAST_TURN),
    }


def _turning(windows: np.ndarray, sfreq: float) -> np.ndarray:
    """Return how far gravity's direction turns, on average, in degrees a second."""
    seconds = np.stack([per_second(windows[:, axis], sfreq) for axis in range(3)], axis=-1)
    size = np.maximum(np.linalg.norm(seconds, axis=-1, keepdims=True), LEAST_G)
    unit = seconds / size
    chord = np.linalg.norm(np.diff(unit, axis=1), axis=-1)
    return np.asarray(np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1))).mean(axis=1))


def _spectrum(windows: np.ndarray, sfreq: float) -> dict[str, np.ndarray]:
    """Return the movement's mean frequency, and its spectral entropy: rhythmic 0, erratic 1.

    The range is 0.2 to 10 Hz, or to the Nyquist frequency.
    """
    moving = windows - windows.mean(axis=-1, keepdims=True)
    power = (np.abs(np.fft.rfft(moving * np.hanning(windows.shape[-1]))) ** 2).sum(axis=1)
    freqs = np.fft.rfftfreq(windows.shape[-1], 1 / sfreq)
    inside = (freqs >= SPECTRUM_HZ[0]) & (freqs <= SPECTRUM_HZ[1])
    total = power[:, inside].sum(axis=1, keepdims=True)
    shares = power[:, inside] / np.maximum(total, np.finfo(float).tiny)
    entropy = -(shares * np.log(np.maximum(shares, np.finfo(float).tiny))).sum(axis=1)
    return {
        "mean_hz": shares @ freqs[inside],
        "entropy": entropy / np.log(inside.sum()),
    }


def _actigraphy(windows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean amplitude deviation of the vector's length (log of g).

    Vähä-Ypyä et al. 2015, doi:10.1111/cpf.12127.
    """
    length = np.linalg.norm(windows, axis=1)
    deviation = np.abs(length - length.mean(axis=-1, keepdims=True)).mean(axis=-1)
    return {"mad": log_floored(deviation, LEAST_G)}
