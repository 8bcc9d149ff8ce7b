"""The waves and movements that scorers look for, each a short signal put at random times."""

from __future__ import annotations

import numpy as np
import scipy

SFREQ = 100.0


def draw_times(rate_per_s: np.ndarray, *, block_s: float, rng: np.random.Generator) -> np.ndarray:
    """Return sorted event times in seconds from a rate per block."""
    blocks = np.repeat(np.arange(len(rate_per_s)), rng.poisson(rate_per_s * block_s))
    return np.sort((blocks + rng.random(len(blocks))) * block_s)


def add(signal: np.ndarray, wave: np.ndarray, onset_s: float) -> None:
    """Add a wave to a signal in place; what hangs over its end is cut off."""
    start = int(onset_s * SFREQ)
    room = len(signal) - start
    signal[start : start + len(wave)] += wave[: max(0, room)]


def spindle(hz: float, *, duration_s: float, amplitude_uv: float, phase: float) -> np.ndarray:
    """Return a waxing and waning burst that slows by half a hertz on its way."""
    t = np.arange(int(duration_s * SFREQ)) / SFREQ
    slowing = 0.5 * (0.5 - t / duration_s)
    wave = np.sin(2 * np.pi * (hz + slowing) * t + phase)
    return np.asarray(amplitude_uv * np.hanning(len(t)) * wave)


def k_complex(amplitude_uv: float, width: float = 1.0) -> np.ndarray:
    """Return a sharp negative wave followed by a slower positive one, about a second long."""
    t = np.arange(int(1.8 * width * SFREQ)) / SFREQ / width
    wave = -np.exp(-(((t - 0.35) / 0.13) ** 2)) + 0.65 * np.exp(-(((t - 0.85) / 0.24) ** 2))
    return np.asarray(amplitude_uv * wave)


def vertex_wave(amplitude_uv: float) -> np.ndarray:
    """Return a sharp negative wave of a tenth of a second with a low positive after-wave."""
    t = np.arange(int(0.5 * SFREQ)) / SFREQ
    wave = -np.exp(-(((t - 0.12) / 0.045) ** 2)) + 0.35 * np.exp(-(((t - 0.28) / 0.08) ** 2))
    return np.asarray(amplitude_uv * wave)


def sawtooth(hz: float, *, duration_s: float, amplitude_uv: float) -> np.ndarray:
    """Return a burst of notched, triangular waves, as they run ahead of rapid eye movements."""
    t = np.arange(int(duration_s * SFREQ)) / SFREQ
    wave = 2 * np.abs(2 * (hz * t % 1) - 1) - 1
    return np.asarray(amplitude_uv * np.hanning(len(t)) ** 0.5 * wave)


def train(wave: np.ndarray, onsets_s: np.ndarray, sizes: np.ndarray, n_samples: int) -> np.ndarray:
    """Return `(n_samples,)` with the same wave, in different sizes, at every onset."""
    impulses = np.zeros(n_samples, dtype=np.float32)
    np.add.at(impulses, (onsets_s * SFREQ).astype(int), sizes)
    return np.asarray(scipy.signal.oaconvolve(impulses, wave.astype(np.float32))[:n_samples])


def saccade() -> np.ndarray:
    """Return a step of the eyes in 60 ms, as the recorder's 0.5 Hz high-pass lets it decay."""
    t = np.arange(int(1.5 * SFREQ)) / SFREQ
    return np.asarray(np.minimum(1.0, t / 0.06) * np.exp(-t * 2 * np.pi * 0.5))


def slow_roll(amplitude_uv: float, *, duration_s: float) -> np.ndarray:
    """Return one slow, rolling eye movement, there and back."""
    t = np.arange(int(duration_s * SFREQ)) / (duration_s * SFREQ)
    return np.asarray(amplitude_uv * np.sin(2 * np.pi * t) * np.hanning(len(t)) ** 0.3)


def blink() -> np.ndarray:
    """Return a blink as Fpz sees it: 300 ms up and down, then the high-pass's undershoot."""
    t = np.arange(int(0.9 * SFREQ)) / SFREQ
    wave = np.exp(-(((t - 0.15) / 0.07) ** 2)) - 0.25 * np.exp(-(((t - 0.45) / 0.18) ** 2))
    return np.asarray(wave)
