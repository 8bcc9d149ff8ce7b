"""Power density by Welch's and by Thomson's method, whole blocks of windows at once."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from epochal.signals import fourier

WELCH_S = 4.0
TIME_BANDWIDTH, N_TAPERS = 4.0, 7  # half-bandwidth 4 / 30 s = 0.13 Hz in a 30 s epoch


class Spectrum:
    """Frequencies in Hz and the power density `(n_epochs, n_frequencies)` in unit²/Hz."""

    def __init__(self, frequencies: np.ndarray, density: np.ndarray) -> None:
        self.frequencies, self.density = frequencies, density

    @property
    def step_hz(self) -> float:
        """The distance of two frequencies."""
        return float(self.frequencies[1] - self.frequencies[0])

    def inside(self, low_hz: float, high_hz: float) -> np.ndarray:
        """Say which frequencies lie in `[low_hz, high_hz)`."""
        return (self.frequencies >= low_hz) & (self.frequencies < high_hz)

    def cut(self, low_hz: float, high_hz: float) -> Spectrum:
        """Return the part in `[low_hz, high_hz]`, edges included."""
        first, end = np.searchsorted(self.frequencies, [low_hz, np.nextafter(high_hz, np.inf)])
        return Spectrum(self.frequencies[first:end], self.density[:, first:end])

    @cached_property
    def broad(self) -> Spectrum:
        """The part from 0.5 to 30 Hz, or to the Nyquist frequency."""
        return self.cut(0.5, 30.0)

    @cached_property
    def log_density(self) -> np.ndarray:
        """The natural logarithm of the density; what is silent is floored."""
        return np.log(np.maximum(self.density, np.finfo(self.density.dtype).tiny))


def welch(windows: np.ndarray, sfreq: float) -> Spectrum:
    """Return the mean density of Hann segments of 4 s (or the window), half overlapping.

    As `scipy.signal.welch`, at its defaults: the mean of each segment is removed, here from the
    transform, where that of a Hann window occupies two frequencies.
    """
    n_segment = min(round(WELCH_S * sfreq), windows.shape[-1])
    window, edge, scale = _hann(n_segment, sfreq, windows.dtype)
    step = n_segment - n_segment // 2
    segments = np.lib.stride_tricks.sliding_window_view(windows, n_segment, axis=1)[:, ::step]
    if len(windows) == 0:
        return Spectrum(_frequencies(n_segment, sfreq), np.empty((0, len(scale)), windows.dtype))
    transform = fourier.rfft(segments * window)
    means = np.vecdot(segments, np.ones(n_segment, windows.dtype)) / windows.dtype.type(n_segment)
    transform[..., : len(edge)] -= means[..., None] * edge
    density = _power(transform) * (scale / windows.dtype.type(segments.shape[1]))
    return Spectrum(_frequencies(n_segment, sfreq), density)


def multitaper(windows: np.ndarray, sfreq: float) -> Spectrum:
    """Return the mean density over 7 Slepian tapers of time-bandwidth 4, means removed.

    Thomson 1982, doi:10.1109/PROC.1982.12433, equal weights.
    """
    n_samples = windows.shape[-1]
    tapers = _slepian(n_samples).astype(windows.dtype)
    density = np.zeros((len(windows), n_samples // 2 + 1), windows.dtype)
    for taper in tapers:  # one at a time: all at once would be seven copies
        if len(windows):
            density += _power(fourier.rfft(windows * taper)[:, None])
    scale = _one_sided(n_samples) / (sfreq * len(tapers))
    return Spectrum(_frequencies(n_samples, sfreq), density * scale.astype(windows.dtype))


def _power(transform: np.ndarray) -> np.ndarray:
    """Return the squared magnitudes of `(n_epochs, n_segments, n_frequencies)`, segments summed."""
    parts = transform.view(transform.real.dtype)
    squares = np.einsum("ijk,ijk->ik", parts, parts)
    return np.asarray(squares[:, ::2] + squares[:, 1::2])


@lru_cache(maxsize=32)
def _hann(n: int, sfreq: float, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the window, the first bins of its transform, and the scale to a density."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    edge = fourier.rfft(window).real[:2]
    scale = _one_sided(n) / (sfreq * (window @ window))
    return window.astype(dtype), edge.astype(dtype), scale.astype(dtype)


@lru_cache(maxsize=8)
def _slepian(n: int) -> np.ndarray:
    from scipy.signal.windows import dpss  # half a second to import, and seldom needed

    return dpss(n, TIME_BANDWIDTH, N_TAPERS)


def _one_sided(n: int) -> np.ndarray:
    """Return 2 per frequency, 1 for the mean and for the Nyquist frequency."""
    factors = np.full(n // 2 + 1, 2.0)
    factors[0] = 1.0
    if n % 2 == 0:
        factors[-1] = 1.0
    return factors


def _frequencies(n: int, sfreq: float) -> np.ndarray:
    return np.fft.rfftfreq(n, 1 / sfreq)
