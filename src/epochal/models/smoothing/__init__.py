"""Smoothing of a sequence of class probabilities; numpy alone, as serving needs it."""

from epochal.models.smoothing.filters import median_probability, mode_filter
from epochal.models.smoothing.hidden_markov import forward, forward_backward, viterbi
from epochal.models.smoothing.memory import SmoothingMemory
from epochal.models.smoothing.smoother import SMOOTHERS, Smoothing
from epochal.models.smoothing.transitions import (
    estimate_prior,
    estimate_transitions,
    penalise,
    weaken,
)

__all__ = [
    "SMOOTHERS",
    "Smoothing",
    "SmoothingMemory",
    "estimate_prior",
    "estimate_transitions",
    "forward",
    "forward_backward",
    "median_probability",
    "mode_filter",
    "penalise",
    "viterbi",
    "weaken",
]
