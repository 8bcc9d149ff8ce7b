"""Patterns of harmful EEG for tests."""

import numpy as np

from epochal.simulation.harmful_eeg_patterns import Pattern


def rng(seed=0):
    return np.random.default_rng(seed)


def pattern(**changes):
    usual = {"start_s": 0.0, "stop_s": 60.0, "sharpness": 0.9, "laterality": 0.1,
             "frequency_hz": 1.0, "evolution": 0.0, "strength": 3.0, "focus": (-0.81, 0.59),
             "irregularity": 0.0}  # fmt: skip
    return Pattern(**(usual | changes))
