"""What goes wrong in a recording: movements, and electrodes that come off for a while."""

from __future__ import annotations

import numpy as np

from epochal.simulation import sleep_events as events
from epochal.simulation.sleep_spectra import STATES
from epochal.simulation.sleep_states import BLOCK_S

SFREQ = 100
MOVEMENTS_PER_H = {"open": 25.0, "closed": 6.0, "1": 6.0, "2": 1.0, "R": 1.5}
MOVEMENT_UV = 80.0
LOOSE_PER_H = 0.04  # of one channel
LOOSE_S = (5.0, 180.0)
FLAT_SHARE = 0.5  # of the loose stretches; in the others the lead picks up noise
LOOSE_NOISE_UV = 80.0


def add_movements(eeg: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> None:
    """Add swings of a few seconds with muscle noise to all channels, in place."""
    shares = {state: weights[:, index] for index, state in enumerate(STATES)}
    per_s = sum(per_h / 3600 * shares[state] for state, per_h in MOVEMENTS_PER_H.items())
    for onset_s in events.draw_times(np.asarray(per_s), block_s=BLOCK_S, rng=rng):
        n = int(rng.uniform(2.0, 15.0) * SFREQ)
        for channel in eeg:
            swing = np.cumsum(rng.standard_normal(n)) / np.sqrt(n)
            swing += 0.25 * rng.standard_normal(n)
            size = MOVEMENT_UV * np.exp(rng.normal(0, 0.5))
            events.add(channel, size * np.hanning(n) * swing, onset_s)


def loosen_electrodes(eeg: np.ndarray, rng: np.random.Generator) -> None:
    """Make a channel flat, or nothing but noise, for seconds to minutes now and then, in place."""
    hours = eeg.shape[1] / SFREQ / 3600
    for channel in eeg:
        for start in rng.integers(0, len(channel), rng.poisson(LOOSE_PER_H * hours)):
            n = int(np.exp(rng.uniform(*np.log(LOOSE_S))) * SFREQ)
            stretch = channel[start : start + n]
            noisy = rng.random() >= FLAT_SHARE
            stretch[:] = noisy * rng.normal(0, LOOSE_NOISE_UV, len(stretch))
