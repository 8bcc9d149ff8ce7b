"""The ongoing EEG and EOG: noise whose spectrum follows state, person, age and chance."""

from __future__ import annotations

import numpy as np

from epochal.simulation.noise import block_freqs, shaped_noise, white_spectra
from epochal.simulation.sleep_person import Person
from epochal.simulation.sleep_spectra import (
    DRIFT_MEMORY,
    DRIFT_SHARE,
    EPOCH_MEMORY,
    LOG_POWER,
    STATES,
    WITHIN_SD,
    band_noise,
    log_spectra,
    remembered,
)
from epochal.simulation.sleep_states import BLOCK_S, PER_EPOCH

SFREQ = 100.0
SHARED = (1.0, 0.45, 0.35)  # amplitude that a channel's noise shares with that of Fpz-Cz
FINE_SD = 0.9  # scatter from block to block, as a share of that from epoch to epoch
LIGHT_DELTA = 0.3  # ln delta power of stage 2 for each unit of deep drive: light sleepers' is low
ALPHA_WIDTH_HZ = 0.9
ALPHA_HEIGHT = 1.6  # ln power of the alpha peak at Pz-Oz over the closed-eye spectrum
ALPHA_GAINS = (0.6, 1.0, 0.4)
ALPHA_WAXING_SD = 0.6


def background(person: Person, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `(n_channels, n_samples)` in µV, without events."""
    hop = int(BLOCK_S * SFREQ)
    freqs = block_freqs(hop, SFREQ)
    weights = np.vstack([weights, weights[-1:]])  # blocks overlap: n + 1 make n hops
    log_bands = _log_bands(person, weights, rng)
    peak = np.exp(-0.5 * ((freqs - person.alpha_hz) / ALPHA_WIDTH_HZ) ** 2)
    height = _alpha_height(person, weights, rng)
    shared = white_spectra(len(weights), hop, rng)
    channels = []
    for index, share in enumerate(SHARED):
        log_psd = log_spectra(log_bands[:, index], freqs)
        log_psd += np.multiply.outer(ALPHA_GAINS[index] * height, peak)
        white = shared if share == 1 else _partly_shared(shared, share, rng)
        channels.append(shaped_noise(white, np.exp(log_psd), sfreq=SFREQ))
    return np.stack(channels)


def _partly_shared(shared: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    own = white_spectra(len(shared), shared.shape[1] - 1, rng)
    own *= np.float32(np.sqrt(1 - share**2))
    own += np.float32(share) * shared
    return own


def _log_bands(person: Person, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return ln band powers `(n_blocks, n_channels, n_bands)`."""
    means = np.tensordot(weights, LOG_POWER + person.band_offsets, axes=1)
    means[:, :, 0] += LIGHT_DELTA * person.deep_drive * weights[:, [STATES.index("2")]]
    deviations = weights @ np.array([WITHIN_SD[state] for state in STATES])
    awake = weights[:, : STATES.index("1")].sum(axis=1)[:, None, None]
    scatter = sum(
        share * _scatter(len(weights), kind, rng)
        for kind, share in (("wake", np.sqrt(awake)), ("sleep", np.sqrt(1 - awake)))
    )
    return np.asarray(means + deviations[:, None, :] * scatter)


def _scatter(n_blocks: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return unit scatter that lasts from epoch to epoch, with a finer one on top."""
    n_epochs = n_blocks // PER_EPOCH + 1
    parts = ((DRIFT_SHARE, DRIFT_MEMORY), (1 - DRIFT_SHARE, EPOCH_MEMORY))
    slow = sum(
        np.sqrt(share) * remembered(band_noise(n_epochs, kind, rng=rng), memory)
        for share, memory in parts
    )
    fine = band_noise(n_blocks, kind, rng=rng)
    return np.asarray(slow[np.arange(n_blocks) // PER_EPOCH] + FINE_SD * fine)


def _alpha_height(person: Person, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the ln height of the alpha peak per block: it waxes and wanes with closed eyes."""
    waxing = remembered(rng.standard_normal((len(weights), 1)), 0.7)[:, 0]
    closed = weights[:, STATES.index("closed")]
    drive = ALPHA_HEIGHT + person.alpha_drive + ALPHA_WAXING_SD * waxing
    return np.asarray(closed * np.maximum(drive, 0.0))
