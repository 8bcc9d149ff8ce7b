"""The signals of a night, built from its stages: shaped noise, events, muscle tone, artefacts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from epochal.simulation import sleep_events as events
from epochal.simulation.noise import block_freqs, shaped_noise, white_spectra
from epochal.simulation.sleep_architecture import EPOCH_S, Night
from epochal.simulation.sleep_person import Person
from epochal.simulation.sleep_spectra import (
    CHANNELS,
    EPOCH_MEMORY,
    LOG_POWER,
    STATES,
    WITHIN_SD,
    band_noise,
    log_spectra,
    remembered,
)

SFREQ = 100.0
BLOCK_S = 2
PER_EPOCH = EPOCH_S // BLOCK_S
SHARED = np.array([1.0, 0.45, 0.35])  # amplitude that a channel's noise shares with Fpz-Cz's


@dataclass(frozen=True)
class Signals:
    """`eeg` `(3, n)` in µV at 100 Hz (Fpz-Cz, Pz-Oz, EOG); the rest at 1 Hz, EMG in µV."""

    eeg: np.ndarray
    emg: np.ndarray
    respiration: np.ndarray
    temperature: np.ndarray


def draw_signals(person: Person, night: Night, rng: np.random.Generator) -> Signals:
    """Draw all signals of one night."""
    weights = state_weights(night.stages, rng)
    eeg = background(person, night, weights, rng)
    add_events(eeg, person, weights, rng)
    emg = muscle_tone(person, weights, rng)
    n_s = len(emg)
    breathing = np.sin(2 * np.pi * np.cumsum(rng.normal(0.25, 0.02, n_s)))
    hours = np.arange(n_s) / 3600
    temperature = 36.9 - 0.45 * np.sin(np.pi * np.clip(hours / max(hours[-1], 1e-9), 0, 1))
    return Signals(eeg, emg, 400 * breathing * rng.normal(1, 0.1, n_s), temperature)


def state_weights(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how much of each state `(n_blocks, n_states)` every block holds.

    Stages change up to half an epoch away from the epochs' borders and within some seconds, as
    they do in life; wake is spent with open or closed eyes by turns.
    """
    states = np.repeat(stages, PER_EPOCH)
    for border in np.flatnonzero(stages[1:] != stages[:-1]) + 1:
        shift = int(rng.integers(-PER_EPOCH // 2, PER_EPOCH // 2 + 1))
        at = border * PER_EPOCH
        low, high = sorted((at, at + shift))
        states[low:high] = stages[border - 1] if shift > 0 else stages[border]
    states = np.where(states == "W", _eyes(len(states), stages, rng), states)
    hard = (states[:, None] == np.array(STATES)).astype(float)
    kernel = np.array([0.15, 0.7, 0.15])
    padded = np.pad(hard, ((1, 1), (0, 0)), mode="edge")
    return np.asarray(sum(k * padded[i : i + len(hard)] for i, k in enumerate(kernel)))


def _eyes(n_blocks: int, stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `open` or `closed` per block: mostly closed within 15 min of sleep."""
    asleep = np.flatnonzero(stages != "W")
    epochs = np.arange(n_blocks) // PER_EPOCH
    if len(asleep):
        after = np.searchsorted(asleep, epochs)
        nearest = np.minimum(
            np.abs(epochs - asleep[np.minimum(after, len(asleep) - 1)]),
            np.abs(epochs - asleep[np.maximum(after - 1, 0)]),
        )
    else:
        nearest = np.full(n_blocks, 10_000)
    closed_share = np.where(nearest < 30, 0.65, 0.25)
    draws = remembered(rng.standard_normal((n_blocks, 1)), 0.93)[:, 0]
    threshold = np.where(closed_share > 0.5, 0.385, -0.674)
    return np.where(draws < threshold, "closed", "open")


def background(
    person: Person, night: Night, weights: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the ongoing EEG and EOG `(3, n_samples)`, without events."""
    hop = int(BLOCK_S * SFREQ)
    freqs = block_freqs(hop, SFREQ)
    weights = np.vstack([weights, weights[-1:]])
    log_bands = _log_bands(person, len(night.stages), weights, rng)
    alpha = np.exp(-0.5 * ((freqs - person.alpha_hz) / 0.9) ** 2)
    alpha_drive = _alpha(person, weights, rng)
    shared = white_spectra(len(weights), hop, rng)
    channels = []
    for index, share in enumerate(SHARED):
        white = shared if share == 1 else share * shared + np.float32(
            np.sqrt(1 - share**2)
        ) * white_spectra(len(weights), hop, rng)
        psd = np.exp(log_spectra(log_bands[:, index], freqs) + alpha_drive[index][:, None] * alpha)
        channels.append(shaped_noise(np.asarray(white, np.complex64), psd, sfreq=SFREQ))
    return np.stack(channels)


def _log_bands(
    person: Person, n_epochs: int, weights: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return ln band powers `(n_blocks, n_channels, n_bands)`."""
    means = np.tensordot(weights, LOG_POWER, axes=1) + person.band_offsets
    sd = weights @ np.array([WITHIN_SD[state] for state in STATES])
    noise = remembered(band_noise(n_epochs + 1, wake=False, rng=rng), EPOCH_MEMORY)
    epochs = np.arange(len(weights)) // PER_EPOCH
    fine = 0.35 * band_noise(len(weights), wake=False, rng=rng)
    return np.asarray(means + sd[:, None, :] * (noise[epochs] + fine))


def _alpha(person: Person, weights: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the ln height of the alpha peak per channel and block: high with closed eyes."""
    closed = weights[:, STATES.index("closed")] + 0.15 * weights[:, STATES.index("1")]
    waxing = 0.6 * remembered(rng.standard_normal((len(weights), 1)), 0.7)[:, 0]
    height = closed * (1.6 + person.alpha_drive + waxing)
    return [0.6 * height, height, 0.4 * height]


def add_events(
    eeg: np.ndarray, person: Person, weights: np.ndarray, rng: np.random.Generator
) -> None:
    """Add spindles, K-complexes, eye movements and blinks in place."""
    rate = {state: weights[:, index] for index, state in enumerate(STATES)}
    _add_spindles(eeg, person, rate["2"] + 0.35 * rate["3"] + 0.15 * rate["4"], rng)
    _add_k_complexes(eeg, person, rate["2"] + 0.5 * rate["3"], rng)
    _add_saccades(eeg, person, rate, rng)
    _add_blinks(eeg, rate["open"], rng)
    for onset in events.draw_times(0.10 * rate["1"] + 0.03 * rate["closed"], block_s=BLOCK_S, rng=rng):
        roll = events.slow_roll(rng.choice([-1, 1]) * rng.uniform(15, 50), duration_s=rng.uniform(2, 5))
        events.add(eeg[2], roll, onset)
        events.add(eeg[0], 0.08 * roll, onset)


def _add_spindles(
    eeg: np.ndarray, person: Person, share: np.ndarray, rng: np.random.Generator
) -> None:
    for onset in events.draw_times(share * person.spindles_per_min / 60, block_s=BLOCK_S, rng=rng):
        burst = events.spindle(
            person.spindle_hz + rng.normal(0, 0.35),
            duration_s=rng.uniform(0.6, 1.6),
            amplitude_uv=person.spindle_uv * np.exp(rng.normal(0, 0.3)),
            phase=rng.uniform(0, 2 * np.pi),
        )
        for channel, gain in enumerate((1.0, 0.65, 0.2)):
            events.add(eeg[channel], gain * burst, onset)


def _add_k_complexes(
    eeg: np.ndarray, person: Person, share: np.ndarray, rng: np.random.Generator
) -> None:
    rate = share * person.k_complexes_per_min / 60
    for onset in events.draw_times(rate, block_s=BLOCK_S, rng=rng):
        wave = events.k_complex(person.k_complex_uv * np.exp(rng.normal(0, 0.25)), rng.uniform(0.8, 1.2))
        for channel, gain in enumerate((1.0, 0.35, 0.3)):
            events.add(eeg[channel], gain * wave, onset)


def _add_saccades(
    eeg: np.ndarray, person: Person, rate: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    phasic = remembered(rng.standard_normal((len(rate["R"]), 1)), 0.9)[:, 0] > 0.4
    per_s = rate["R"] * np.where(phasic, 0.7, 0.03) + 0.6 * rate["open"] + 0.03 * rate["closed"]
    for onset in events.draw_times(per_s, block_s=BLOCK_S, rng=rng):
        wave = events.saccade(rng.choice([-1, 1]) * person.saccade_uv * np.exp(rng.normal(0, 0.5)))
        events.add(eeg[2], wave, onset)
        events.add(eeg[0], 0.12 * wave, onset)


def _add_blinks(eeg: np.ndarray, eyes_open: np.ndarray, rng: np.random.Generator) -> None:
    for onset in events.draw_times(0.2 * eyes_open, block_s=BLOCK_S, rng=rng):
        wave = events.blink(np.exp(rng.normal(np.log(90), 0.3)))
        events.add(eeg[0], wave, onset)
        events.add(eeg[2], 0.2 * wave, onset)


def muscle_tone(person: Person, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the chin EMG's rectified, low-passed envelope, 1 Hz, µV."""
    tone = {"open": 1.6, "closed": 1.1, "1": 0.9, "2": 0.75, "3": 0.65, "4": 0.6}
    levels = np.array([tone.get(state, person.rem_atonia * 0.7) for state in STATES])
    per_s = np.repeat(weights @ np.log(levels), BLOCK_S)
    slow = remembered(rng.standard_normal((len(per_s) // EPOCH_S + 1, 1)), 0.9)[:, 0]
    wobble = 0.25 * np.repeat(slow, EPOCH_S)[: len(per_s)] + rng.normal(0, 0.12, len(per_s))
    return np.asarray(np.clip(person.emg_tone_uv * np.exp(per_s + wobble), 0.05, 5.0))
