"""Where the events of `sleep_events` occur in a night, and in which channels."""

from __future__ import annotations

import numpy as np

from epochal.simulation import sleep_events as events
from epochal.simulation.sleep_person import Person
from epochal.simulation.sleep_spectra import STATES, remembered
from epochal.simulation.sleep_states import BLOCK_S

Shares = dict[str, np.ndarray]
# Gains of an event in Fpz-Cz, Pz-Oz and the horizontal EOG.
SPINDLE_GAINS = (1.0, 0.65, 0.2)
K_GAINS = (1.0, 0.35, 0.3)
VERTEX_GAINS = (1.0, 0.2, 0.1)
SAWTOOTH_GAINS = (1.0, 0.3, 0.2)
SACCADE_GAINS = (0.12, 0.03, 1.0)
BLINK_GAINS = (1.0, 0.05, 0.2)
ROLL_GAINS = (0.08, 0.0, 1.0)
# Events per second in each state.
SACCADES_PER_S = {"open": 3.5, "closed": 0.25, "phasic": 0.9, "tonic": 0.05}
PHASIC_SPREAD = 0.8  # of ln rate over the night
LOOKING_SPREAD = 0.7
SACCADE_SPREAD = 0.35  # of ln amplitude
PHASIC_LIMIT = 0.0  # of a unit normal: half of REM sleep is phasic
VERTEX_PER_MIN, VERTEX_UV = 3.0, 30.0
SAWTOOTH_PER_MIN, SAWTOOTH_UV = 1.2, 18.0
ROLLING_SPREAD = 0.8
BLINKS_PER_S = 0.4
ROLLS_PER_S = {"1": 0.14, "closed": 0.15, "R": 0.04, "2": 0.004}


def add_waves(
    eeg: np.ndarray, person: Person, weights: np.ndarray, rng: np.random.Generator
) -> None:
    """Add the waves of sleep and the movements of the eyes to `(3, n_samples)`, in place."""
    shares = {state: weights[:, index] for index, state in enumerate(STATES)}
    waves = (_add_spindles, _add_k_complexes, _add_vertex_waves, _add_sawtooth_waves)
    eyes = (_add_saccades, _add_rolls, _add_blinks)
    for add in (*waves, *eyes):
        add(eeg, person, shares, rng)


def _place(eeg: np.ndarray, wave: np.ndarray, gains: tuple[float, ...], onset_s: float) -> None:
    for channel, gain in zip(eeg, gains, strict=True):
        if gain:
            events.add(channel, gain * wave, onset_s)


def _spread(eeg: np.ndarray, wave: np.ndarray, gains: tuple[float, ...]) -> None:
    for channel, gain in zip(eeg, gains, strict=True):
        channel += np.float32(gain) * wave


def _times(per_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return events.draw_times(per_s, block_s=BLOCK_S, rng=rng)


def _add_spindles(
    eeg: np.ndarray, person: Person, shares: Shares, rng: np.random.Generator
) -> None:
    share = shares["2"] + 0.35 * shares["3"] + 0.15 * shares["4"]
    for onset_s in _times(share * person.spindles_per_min / 60, rng):
        burst = events.spindle(
            person.spindle_hz + rng.normal(0, 0.35),
            duration_s=rng.uniform(0.6, 1.6),
            amplitude_uv=person.spindle_uv * np.exp(rng.normal(0, 0.3)),
            phase=rng.uniform(0, 2 * np.pi),
        )
        _place(eeg, burst, SPINDLE_GAINS, onset_s)


def _add_k_complexes(
    eeg: np.ndarray, person: Person, shares: Shares, rng: np.random.Generator
) -> None:
    share = shares["2"] + 0.5 * shares["3"]
    for onset_s in _times(share * person.k_complexes_per_min / 60, rng):
        amplitude_uv = person.k_complex_uv * np.exp(rng.normal(0, 0.25))
        wave = events.k_complex(amplitude_uv, width=rng.uniform(0.8, 1.2))
        _place(eeg, wave, K_GAINS, onset_s)


def _add_vertex_waves(
    eeg: np.ndarray, person: Person, shares: Shares, rng: np.random.Generator
) -> None:
    share = shares["1"] + 0.2 * shares["2"]
    for onset_s in _times(share * VERTEX_PER_MIN / 60, rng):
        wave = events.vertex_wave(VERTEX_UV * np.exp(rng.normal(0, 0.3)))
        _place(eeg, wave, VERTEX_GAINS, onset_s)


def _add_sawtooth_waves(
    eeg: np.ndarray, person: Person, shares: Shares, rng: np.random.Generator
) -> None:
    for onset_s in _times(shares["R"] * SAWTOOTH_PER_MIN / 60, rng):
        burst = events.sawtooth(
            rng.uniform(2.2, 4.0),
            duration_s=rng.uniform(2.0, 6.0),
            amplitude_uv=SAWTOOTH_UV * np.exp(rng.normal(0, 0.3)),
        )
        _place(eeg, burst, SAWTOOTH_GAINS, onset_s)


def _add_saccades(
    eeg: np.ndarray, person: Person, shares: Shares, rng: np.random.Generator
) -> None:
    drive = remembered(rng.standard_normal((len(shares["R"]), 2)), 0.93).T
    burst = drive[0] > PHASIC_LIMIT
    rate = SACCADES_PER_S
    phasic = rate["phasic"] * np.exp(PHASIC_SPREAD * drive[1])
    per_s = (
        shares["R"] * np.where(burst, phasic, rate["tonic"])
        + shares["open"] * rate["open"] * np.exp(LOOKING_SPREAD * drive[0] - LOOKING_SPREAD**2 / 2)
        + shares["closed"] * rate["closed"]
    )
    onsets_s = _times(per_s, rng)
    sizes_uv = person.saccade_uv * np.exp(rng.normal(0, SACCADE_SPREAD, len(onsets_s)))
    sizes_uv *= rng.choice([-1, 1], len(onsets_s))
    _spread(eeg, events.train(events.saccade(), onsets_s, sizes_uv, eeg.shape[1]), SACCADE_GAINS)


def _add_rolls(eeg: np.ndarray, person: Person, shares: Shares, rng: np.random.Generator) -> None:
    drive = remembered(rng.standard_normal((len(shares["1"]), 1)), 0.93)[:, 0]
    per_s = sum(rate * shares[state] for state, rate in ROLLS_PER_S.items())
    for onset_s in _times(per_s * np.exp(ROLLING_SPREAD * drive - ROLLING_SPREAD**2 / 2), rng):
        amplitude_uv = rng.uniform(0.1, 1.2) * person.saccade_uv * rng.choice([-1, 1])
        wave = events.slow_roll(amplitude_uv, duration_s=rng.uniform(2.0, 5.0))
        _place(eeg, wave, ROLL_GAINS, onset_s)


def _add_blinks(eeg: np.ndarray, person: Person, shares: Shares, rng: np.random.Generator) -> None:
    onsets_s = _times(BLINKS_PER_S * shares["open"], rng)
    sizes_uv = 0.5 * person.saccade_uv * np.exp(rng.normal(0, 0.4, len(onsets_s)))
    _spread(eeg, events.train(events.blink(), onsets_s, sizes_uv, eeg.shape[1]), BLINK_GAINS)
