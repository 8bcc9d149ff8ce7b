"""Faults of a whole recording that no single epoch shows."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from epochal.recording import Channel, Recording
from epochal.serving.bundle import Manifest, Scorer

SHORT_SESSION, SAME_SIGNAL = "short_session", "same_signal"
LEAST_SHARE = 0.5  # of the epochs that a recording of the training had on average
_SESSION = "__session"
_EVERY = 997  # samples: a first look, which nearly all pairs of channels fail


def doubts_of(recording: Recording, n_epochs: int, scorer: Scorer) -> dict[str, str]:
    """Return what to doubt in a recording: a flag for each of its epochs, and why in words."""
    found = {}
    twins = _name_twins(recording, scorer.manifest)
    if twins:
        found[SAME_SIGNAL] = f"the channels {' and '.join(twins)} hold the same samples"
    typical = _epochs_of_training(scorer.manifest)
    if n_epochs < LEAST_SHARE * typical and _looks_at_session(scorer):
        found[SHORT_SESSION] = (
            f"{n_epochs} epochs; the model holds each against its whole session, and those of the "
            f"training had {typical:.0f}: from shorter ones its answers are not to be relied on"
        )
    return found


def _looks_at_session(scorer: Scorer) -> bool:
    """Say whether the headline looks at z-scores over a session."""
    return any(_SESSION in name for name in scorer.needed_columns())


def _epochs_of_training(manifest: Manifest) -> float:
    """Return how many epochs a recording of the training had on average; 0 where not known."""
    facts = manifest.training
    return facts.n_epochs / facts.n_recordings if facts and facts.n_recordings else 0.0


def _name_twins(recording: Recording, manifest: Manifest) -> list[str]:
    """Name two channels that the bundle reads and that are one signal under two names."""
    read = {channel.name for channel in manifest.channels}
    channels = [one for one in recording.channels if one.name in read]
    for one, other in combinations(channels, 2):
        if _are_same(one, other):
            return [one.name, other.name]
    return []


def _are_same(one: Channel, other: Channel) -> bool:
    first, second = np.asarray(one.data), np.asarray(other.data)
    if one.sfreq != other.sfreq or len(first) != len(second) or np.ptp(first[::_EVERY]) == 0:
        return False
    return all(
        np.array_equal(first[::step], second[::step], equal_nan=True) for step in (_EVERY, 1)
    )
