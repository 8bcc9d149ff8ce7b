"""The channels of a mouse recording: brain, muscle and heart as the electrodes pick them up."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from epochal.recording import Channel
from epochal.simulation.rodent_artefacts import Artefact, spoil
from epochal.simulation.rodent_signals import (
    Animal,
    Site,
    brain,
    heart,
    movement,
    muscle,
    pink_noise,
    through_electrode,
)

RANGE_UV = 1500.0  # of the amplifier
ACCELEROMETER_HZ = 32.0
POSTERIOR_SLOW, POSTERIOR_THETA = 0.7, 1.3  # the second EEG electrode beside the first
OWN_NOISE_UV = 6.0  # what the second EEG electrode does not share with the first


@dataclass(frozen=True)
class Montage:
    """Which channels a laboratory records, and the rate of EEG and EMG."""

    sfreq: float
    n_eeg: int
    emg: bool
    accelerometer: bool


def record(
    montage: Montage,
    behaviour: np.ndarray,
    artefacts: list[Artefact],
    *,
    site: Site,
    animal: Animal,
    rng: np.random.Generator,
) -> tuple[Channel, ...]:
    """Return the channels that the montage records of an animal, with the artefacts in them."""
    sfreq = montage.sfreq
    emg_uv = muscle(behaviour, sfreq=sfreq, animal=animal, rng=rng)
    eeg_uv = _eeg(montage.n_eeg, behaviour, sfreq=sfreq, site=site, animal=animal, rng=rng)
    signals = {
        name: (uv + site.muscle_in_eeg * emg_uv, site.eeg_gain) for name, uv in eeg_uv.items()
    }
    if montage.emg:
        beats = heart(behaviour, sfreq=sfreq, animal=animal, rng=rng)
        signals["EMG"] = (emg_uv + np.float32(site.heart_uv) * beats, site.emg_gain)
    channels = [
        Channel(name, "uV", sfreq, _amplified(uv, artefacts, sfreq, gain, site, rng))
        for name, (uv, gain) in signals.items()
    ]
    if montage.accelerometer:
        shaken_g = movement(behaviour, sfreq=ACCELEROMETER_HZ, rng=rng)
        channels.append(Channel("ACC", "g", ACCELEROMETER_HZ, shaken_g))
    return tuple(channels)


def _eeg(
    n_eeg: int,
    behaviour: np.ndarray,
    *,
    sfreq: float,
    site: Site,
    animal: Animal,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    same_rhythms = deepcopy(rng)
    first = brain(behaviour, sfreq=sfreq, site=site, animal=animal, rng=rng)
    if n_eeg == 1:
        return {"EEG": first}
    posterior = replace(
        animal,
        slow_gain=POSTERIOR_SLOW * animal.slow_gain,
        theta_gain=POSTERIOR_THETA * animal.theta_gain,
    )
    second = brain(behaviour, sfreq=sfreq, site=site, animal=posterior, rng=same_rhythms)
    return {"EEG1": first, "EEG2": second + OWN_NOISE_UV * pink_noise(len(first), sfreq, rng)}


def _amplified(
    signal_uv: np.ndarray,
    artefacts: list[Artefact],
    sfreq: float,
    gain: float,
    site: Site,
    rng: np.random.Generator,
) -> np.ndarray:
    written = through_electrode(signal_uv, sfreq=sfreq, gain=gain, site=site, rng=rng)
    return spoil(written, artefacts, sfreq=sfreq, range_uv=RANGE_UV, rng=rng).astype(np.float32)
