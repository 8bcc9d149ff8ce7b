"""Montages: re-referencing and bipolar derivations, as one matrix for recordings and windows.

A derivation is a difference of two channels with a common reference: that reference cancels, so
any one will do, but channels with different references are refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from epochal.errors import EpochalError, RecordingError, did_you_mean
from epochal.options.montage import Montage
from epochal.readers.aliases import REFERENCES, electrodes_of, kind_of
from epochal.recording import Channel, Recording

# The longitudinal bipolar montage of the ACNS (guideline 3, 2016), electrodes in their newer names.
DOUBLE_BANANA = (
    "Fp1-F7", "F7-T7", "T7-P7", "P7-O1", "Fp2-F8", "F8-T8", "T8-P8", "P8-O2",
    "Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fz-Cz", "Cz-Pz",
)  # fmt: skip


class Derivation(NamedTuple):
    """A weighted sum of recorded channels."""

    name: str
    weights: dict[str, float]


def derive(names: Sequence[str], montage: Montage) -> list[Derivation]:
    """List the channels that a montage makes of those named, in its order, kept ones last.

    An electrode that is missing, is there twice, or refers to something else than its partner
    raises `EpochalError`.
    """
    derived = _rereference(names, montage.reference) + _subtract(names, montage.bipolar)
    keeps_all = montage.keep == "all" or not derived
    kept = [name for name in names if keeps_all or not _is_eeg(name)]
    passed_on = [] if montage.keep == "none" else [Derivation(name, {name: 1.0}) for name in kept]
    made = {derivation.name for derivation in derived}
    return derived + [derivation for derivation in passed_on if derivation.name not in made]


def apply_to_recording(recording: Recording, montage: Montage) -> Recording:
    """Return the recording with a montage's channels, at the rate of those they are made of.

    Channels that do not share rate, unit and length cannot be subtracted: `RecordingError`.
    """
    try:
        derivations = derive(recording.channel_names, montage)
    except EpochalError as error:
        raise RecordingError(recording.recording_id, str(error)) from error
    channels = tuple(_sum_channels(recording, derivation) for derivation in derivations)
    return replace(recording, channels=channels)


def apply_to_windows(
    windows: np.ndarray, names: Sequence[str], montage: Montage
) -> tuple[np.ndarray, list[str]]:
    """Return windows `(n_epochs, n_channels, n_samples)` of a montage's channels, and their names.

    A NaN in a channel reaches the derivations that it is part of, and no others.
    """
    derivations = derive(names, montage)
    position = {name: index for index, name in enumerate(names)}
    made = np.zeros((len(windows), len(derivations), windows.shape[2]), windows.dtype)
    for row, derivation in enumerate(derivations):
        for name, weight in derivation.weights.items():
            made[:, row] += weight * windows[:, position[name]]
    return made, [derivation.name for derivation in derivations]


def _is_eeg(name: str) -> bool:
    return kind_of(name) == "EEG"


def _index_electrodes(names: Sequence[str]) -> dict[str, str]:
    """Return the channel of each electrode; two channels of one electrode are refused."""
    eeg = [name for name in names if _is_eeg(name)]
    counts = Counter(electrodes_of(name)[0] for name in eeg)
    repeated = [electrode for electrode, count in counts.items() if count > 1]
    if repeated:
        same = [name for name in eeg if electrodes_of(name)[0] == repeated[0]]
        raise EpochalError(f"Several channels record from {repeated[0]}: {', '.join(same)}")
    return {electrodes_of(name)[0]: name for name in eeg}


def _find_electrode(electrode: str, channels: dict[str, str]) -> str:
    wanted = electrodes_of(electrode)[0]
    if wanted not in channels:
        raise EpochalError(f"No channel records from '{electrode}'{did_you_mean(wanted, channels)}")
    return channels[wanted]


def _check_common_reference(names: Sequence[str], purpose: str) -> None:
    references = {name: electrodes_of(name)[1] for name in names}
    if len(set(references.values())) > 1:
        shown = ", ".join(f"{name} ({ref or 'none named'})" for name, ref in references.items())
        raise EpochalError(f"{purpose} needs channels with one reference, these have: {shown}")


def _rereference(
    names: Sequence[str], reference: Literal["average"] | tuple[str, ...]
) -> list[Derivation]:
    if not reference:
        return []
    channels = _index_electrodes(names)
    if reference == "average":
        averaged = [name for electrode, name in channels.items() if electrode not in REFERENCES]
        label = "AVG"
    else:
        averaged = [_find_electrode(electrode, channels) for electrode in reference]
        label = "+".join(electrodes_of(name)[0] for name in averaged)
    if not averaged:
        raise EpochalError(f"No EEG electrode to average; the channels are: {', '.join(names)}")
    dropped = [] if reference == "average" else averaged
    targets = {electrode: name for electrode, name in channels.items() if name not in dropped}
    _check_common_reference([*targets.values(), *averaged], f"The reference {label}")
    return [
        Derivation(f"EEG {electrode}-{label}", _weigh(name, averaged))
        for electrode, name in targets.items()
    ]


def _weigh(name: str, averaged: Sequence[str]) -> dict[str, float]:
    """Give one channel the weight 1 and take off the mean of the reference's channels."""
    weights = dict.fromkeys(averaged, -1.0 / len(averaged))
    weights[name] = weights.get(name, 0.0) + 1.0
    return weights


def _subtract(
    names: Sequence[str], bipolar: Literal["double banana"] | tuple[str, ...]
) -> list[Derivation]:
    pairs = DOUBLE_BANANA if bipolar == "double banana" else bipolar
    if not pairs:
        return []
    channels = _index_electrodes_loosely(names)
    return [_subtract_pair(pair, names, channels) for pair in pairs]


def _index_electrodes_loosely(names: Sequence[str]) -> dict[str, str]:
    """Index only channels without a bipolar name, where there are such: `Fp1`, not `Fp1-F7`."""
    plain = [name for name in names if electrodes_of(name)[1] in (None, *REFERENCES)]
    return _index_electrodes(plain or names)


def _subtract_pair(pair: str, names: Sequence[str], channels: dict[str, str]) -> Derivation:
    first, second = electrodes_of(pair)
    if second is None:
        raise EpochalError(f"'{pair}' is no bipolar derivation; write two electrodes, as 'Fp1-F7'")
    recorded = [name for name in names if _is_eeg(name) and electrodes_of(name) == (first, second)]
    if recorded:
        return Derivation(f"EEG {first}-{second}", {recorded[0]: 1.0})
    minuend, subtrahend = _find_electrode(first, channels), _find_electrode(second, channels)
    _check_common_reference([minuend, subtrahend], f"'{pair}'")
    return Derivation(f"EEG {first}-{second}", {minuend: 1.0, subtrahend: -1.0})


def _sum_channels(recording: Recording, derivation: Derivation) -> Channel:
    parts = [recording.channel(name) for name in derivation.weights]
    if len(parts) == 1 and derivation.weights[parts[0].name] == 1.0:
        return replace(parts[0], name=derivation.name)
    forms = {(part.sfreq, part.unit, part.start_s, len(part.data)) for part in parts}
    if len(forms) > 1:
        shown = "; ".join(
            f"{part.name} {part.sfreq:g} Hz, {part.unit}, {len(part.data)} samples"
            for part in parts
        )
        raise RecordingError(
            recording.recording_id, f"'{derivation.name}' needs channels of one kind, not {shown}"
        )
    total = np.zeros(len(parts[0].data), np.float32)
    for part in parts:
        total += np.float32(derivation.weights[part.name]) * np.asarray(part.data)
    return replace(parts[0], name=derivation.name, data=total)
