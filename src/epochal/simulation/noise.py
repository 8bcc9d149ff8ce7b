"""Gaussian noise whose spectrum changes from block to block."""

from __future__ import annotations

import numpy as np
import scipy


def block_freqs(hop: int, sfreq: float) -> np.ndarray:
    """Return the frequencies at which `shaped_noise` wants its spectra."""
    return np.fft.rfftfreq(2 * hop, 1 / sfreq)


def white_spectra(n_blocks: int, hop: int, rng: np.random.Generator) -> np.ndarray:
    """Return complex normal noise `(n_blocks, hop + 1)` of unit power, to be shaped or shared."""
    parts = rng.standard_normal((n_blocks, hop + 1, 2), dtype=np.float32)
    return np.asarray(parts.view(np.complex64)[..., 0] * np.float32(np.sqrt(0.5)))


def shaped_noise(white: np.ndarray, psd: np.ndarray, *, sfreq: float) -> np.ndarray:
    """Return noise `((n_blocks - 1) * hop,)` whose one-sided PSD follows `psd`, in units²/Hz.

    `psd` and `white` are `(n_blocks, hop + 1)`. Blocks of two hops overlap by half under sine
    windows, whose squares add to one, so the power passes smoothly from block to block.
    """
    n_blocks, hop = len(psd), psd.shape[1] - 1
    scale = np.sqrt(np.asarray(psd, dtype=np.float32) * np.float32(sfreq * hop))
    blocks = scipy.fft.irfft(white * scale, n=2 * hop, axis=1)
    blocks *= np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)).astype(np.float32)
    return np.asarray((blocks[1:, :hop] + blocks[:-1, hop:]).reshape((n_blocks - 1) * hop))
