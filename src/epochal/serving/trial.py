"""Whether a bundle could score a recording: found out by trying it on some minutes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from epochal.errors import EpochalError, RecordingError
from epochal.features import extract_features
from epochal.readers.aliases import rename_aliases
from epochal.recording import Channel, Recording
from epochal.serving.bundle import Manifest
from epochal.serving.scoring import (
    OUTSIDE_SHARE,
    REFUSED_SHARE,
    allow_substitutes,
    outside_reference,
)
from epochal.signals.epoching import index_epochs
from epochal.signals.montage import apply_to_recording

TRIAL_EPOCHS = 20


def explain_refusal(recording: Recording, manifest: Manifest) -> str | None:
    """Return why a bundle would not score the recording, or None where it would.

    Some epochs of the recording's middle go through the bundle's own epochs and features; nothing
    is classified. What only other parts of the recording would show stays unseen.
    """
    if not manifest.feature_engineering.signals and recording.table is None:
        return "it was trained on tables of features, not on signals"
    missing = missing_channels(recording, manifest)
    if missing:
        return f"it lacks {', '.join(missing)}"
    try:
        return _try(crop(recording, manifest), manifest)
    except RecordingError as error:
        return error.reason
    except EpochalError as error:
        return str(error)


def missing_channels(recording: Recording, manifest: Manifest) -> list[str]:
    """Return the required channels that neither the recording nor a substitute gives."""
    try:
        montage = manifest.feature_engineering.montage
        made = recording if montage is None else apply_to_recording(recording, montage)
        offered = {*made.channel_names, *recording.channel_names}
        named = rename_aliases(made, manifest.required_channels).channel_names
    except EpochalError:
        return []  # the trial says why
    replaceable = {
        wanted
        for wanted, others in manifest.ingestion.substitutes.items()
        if set(rename_aliases(made, others).channel_names) & set(others)
    }
    known = {*offered, *named, *replaceable}
    return [name for name in manifest.required_channels if name not in known]


def crop(recording: Recording, manifest: Manifest) -> Recording:
    """Return some epochs of a recording's middle, times as they were."""
    if recording.table is not None:
        return _crop_rows(recording)
    length_s = manifest.ingestion.epoch_length_s * TRIAL_EPOCHS
    if not recording.runs:
        return recording
    first_s, last_s = max(recording.runs, key=lambda run: run[1] - run[0])
    start_s = max(first_s, (first_s + last_s - length_s) / 2)
    end_s = min(last_s, start_s + length_s)
    channels = tuple(_cut(channel, start_s, end_s) for channel in recording.channels)
    return replace(recording, channels=channels, runs=((start_s, end_s),))


def _crop_rows(recording: Recording) -> Recording:
    assert recording.table is not None  # the caller asked
    first = max(0, len(recording.table) // 2 - TRIAL_EPOCHS // 2)
    rows = slice(first, first + TRIAL_EPOCHS)
    table = recording.table.iloc[rows].reset_index(drop=True)
    arrays = {name: array[rows] for name, array in recording.arrays.items()}
    return replace(recording, table=table, arrays=arrays)


def _cut(channel: Channel, start_s: float, end_s: float) -> Channel:
    first = max(0, round((start_s - channel.start_s) * channel.sfreq))
    last = max(first, round((end_s - channel.start_s) * channel.sfreq))
    begins_s = channel.start_s + first / channel.sfreq
    return replace(channel, data=np.asarray(channel.data[first:last]), start_s=begins_s)


def _try(recording: Recording, manifest: Manifest) -> str | None:
    recording = allow_substitutes(recording, manifest)
    epochs = index_epochs(recording, manifest.ingestion.model_copy(update={"trim": None}))
    if epochs.empty:
        return f"it is shorter than one epoch of {manifest.ingestion.epoch_length_s:g} s"
    features = extract_features(recording, epochs, manifest.feature_engineering)
    lacking = sorted(_columns(manifest) - set(features))
    if lacking:
        shown = ", ".join(lacking[:4]) + (f" and {len(lacking) - 4} more" if lacking[4:] else "")
        return f"it lacks the features {shown}"
    strange = float(np.mean(outside_reference(features, manifest) > OUTSIDE_SHARE))
    if strange > REFUSED_SHARE:
        return f"{strange:.0%} of the epochs tried are unlike the data that it was trained on"
    return None


def _columns(manifest: Manifest) -> set[str]:
    """Return the columns that the models take, but those that a stack makes of its bases."""
    return {name for model in manifest.models if not model.base_models for name in model.columns}
