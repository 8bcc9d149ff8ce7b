"""The signals of a night, built from its stages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from epochal.simulation.sleep_architecture import Night
from epochal.simulation.sleep_artefacts import add_movements, loosen_electrodes
from epochal.simulation.sleep_background import background
from epochal.simulation.sleep_body import breath, muscle_tone, temperature
from epochal.simulation.sleep_person import Person
from epochal.simulation.sleep_states import state_weights
from epochal.simulation.sleep_waves import add_waves


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
    eeg = background(person, weights, rng)
    add_waves(eeg, person, weights, rng)
    add_movements(eeg, weights, rng)
    loosen_electrodes(eeg, rng)
    emg = muscle_tone(person, weights, rng)
    return Signals(eeg, emg, breath(weights, rng), temperature(len(emg), rng))
