"""How regularly a signal repeats itself, and how often: autocorrelation pooled over channels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

RANGE_HZ = (0.5, 5.0)  # from slow periodic discharges to fast seizures
_NEARLY = 0.9  # of the highest peak: an earlier one as high as this is the period, not a multiple
_PASSED_HZ, _ROLL_OFF_HZ = 5.0, 1.5  # what is faster repeats itself too, and is not meant
_LEAST_SHARE = 0.02  # of the power: slow activity below it is leakage of the fast


class Repetition(NamedTuple):
    """The period that a signal repeats itself at; both 0 where there is none."""

    height: np.ndarray  # autocorrelation there: 1 repeats itself exactly
    frequency_hz: np.ndarray


def find_repetition(traces: np.ndarray, sfreq: float) -> Repetition:
    """Return how traces `(n_epochs, n_traces, n_samples)` repeat themselves, taken together.

    Their autocovariances are added up, so that loud traces count for more and their phases do not
    matter. Only what is slower than about 5 Hz counts. The period is the first peak between 0.2 and
    2 s that is nearly as high as the highest.
    """
    correlation = slow_autocorrelation(traces, sfreq, n_lags=round(sfreq / RANGE_HZ[0]) + 2)
    inner = correlation[:, 1:-1]
    is_peak = (inner > correlation[:, :-2]) & (inner >= correlation[:, 2:])
    lag = np.arange(1, inner.shape[1] + 1)
    allowed = is_peak & (lag >= sfreq / RANGE_HZ[1] - 0.5) & (inner > 0)
    heights = np.where(allowed, inner, 0.0)
    highest = heights.max(axis=1, initial=0.0)
    first = (heights >= _NEARLY * highest[:, None]).argmax(axis=1)
    height = heights[np.arange(len(heights)), first]
    return Repetition(height, np.where(highest > 0, sfreq / lag[first], 0.0))


def slow_autocorrelation(traces: np.ndarray, sfreq: float, *, n_lags: int) -> np.ndarray:
    """Return the autocorrelation from lag 0 on, `(n_epochs, n_lags)`, unbiased; 0 for flat traces.

    A lag longer than half the traces says too little: it counts as 0.
    """
    n_samples = traces.shape[-1]
    length = next_fast_len(2 * n_samples, real=True)
    centred = traces - traces.mean(axis=-1, keepdims=True)
    power = (np.abs(rfft(centred, length, axis=-1)) ** 2).sum(axis=1)
    too_fast_hz = np.maximum(np.fft.rfftfreq(length, 1 / sfreq) - _PASSED_HZ, 0.0)
    slow = power * np.exp(-0.5 * (too_fast_hz / _ROLL_OFF_HZ) ** 2)
    covariance = irfft(slow, length, axis=-1)[:, : min(n_lags, n_samples // 2)]
    at_least = _LEAST_SHARE * irfft(power, length, axis=-1)[:, :1] / n_samples
    covariance /= n_samples - np.arange(covariance.shape[1])
    covariance = np.pad(covariance, ((0, 0), (0, n_lags - covariance.shape[1])))
    scale = np.maximum(covariance[:, :1], at_least)
    return np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
