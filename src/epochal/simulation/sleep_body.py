"""Chin muscle, breath and temperature of a night."""

from __future__ import annotations

import numpy as np

from epochal.simulation.sleep_architecture import EPOCH_S
from epochal.simulation.sleep_person import Person
from epochal.simulation.sleep_spectra import STATES, remembered
from epochal.simulation.sleep_states import BLOCK_S

# Muscle tone against the person's own; in REM sleep it is the person's atonia.
TONE = {"open": 1.6, "closed": 1.1, "1": 0.9, "2": 0.75, "3": 0.65, "4": 0.6}
TONE_SD = 0.4  # of ln tone, from minute to minute
TWITCH_SHARE = 0.02  # of the seconds of REM sleep
EMG_LIMITS_UV = (0.05, 5.0)
BREATH_HZ = 0.25
BREATH_SIZE = 400.0
TEMPERATURE_DEGC = (36.9, 0.45)  # at bedtime, and how far it falls


def muscle_tone(person: Person, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the chin EMG's rectified, low-passed envelope, 1 Hz, µV."""
    levels = np.array([TONE.get(state, 0.7 * person.rem_atonia) for state in STATES])
    log_tone = np.repeat(weights @ np.log(levels), BLOCK_S)
    slow = remembered(rng.standard_normal((len(log_tone) // EPOCH_S + 1, 1)), 0.9)[:, 0]
    log_tone += TONE_SD * np.repeat(slow, EPOCH_S)[: len(log_tone)]
    log_tone += rng.normal(0, 0.12, len(log_tone))
    in_rem = np.repeat(weights[:, STATES.index("R")], BLOCK_S)
    log_tone += np.where(rng.random(len(log_tone)) < TWITCH_SHARE * in_rem, rng.exponential(1.0), 0)
    return np.asarray(np.clip(person.emg_tone_uv * np.exp(log_tone), *EMG_LIMITS_UV))


def breath(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return oro-nasal airflow, 1 Hz: a quarter of a hertz, unsteady in wake and REM sleep."""
    unsteady = np.repeat(weights[:, [0, STATES.index("R")]].sum(axis=1), BLOCK_S)
    hz = BREATH_HZ + rng.normal(0, 0.008, len(unsteady)) * (1 + 4 * unsteady)
    depth = 1 + rng.normal(0, 0.08, len(unsteady)) * (1 + 3 * unsteady)
    return np.asarray(BREATH_SIZE * depth * np.sin(2 * np.pi * np.cumsum(hz)))


def temperature(n_s: int, rng: np.random.Generator) -> np.ndarray:
    """Return rectal temperature, 1 Hz, °C: lowest late in the night."""
    at_bedtime, fall = TEMPERATURE_DEGC
    phase = np.linspace(0, 1, n_s)
    drift = rng.normal(0, 0.15) + np.cumsum(rng.normal(0, 0.0005, n_s))
    return np.asarray(at_bedtime - fall * np.sin(0.75 * np.pi * phase) + drift)


def muscle_noise(envelope_uv: np.ndarray, *, sfreq: int, rng: np.random.Generator) -> np.ndarray:
    """Return an unrectified EMG at `sfreq` whose mean rectified value is the 1 Hz envelope."""
    tone = np.repeat(envelope_uv, sfreq).astype(np.float32)
    return np.asarray(tone * rng.standard_normal(len(tone), dtype=np.float32) * np.sqrt(np.pi / 2))
