"""A long recording in pieces, for bundles that look at ten minutes of spectrogram around a window.

Such a window weighs half a megabyte and more, so that a day of them would not fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from epochal.features.extraction import SPECTROGRAM
from epochal.recording import Channel, Recording
from epochal.serving.bundle import Manifest
from epochal.serving.sliding import sees_neighbours

PIECE_S = 3600.0
AROUND_S = 330.0  # half of the ten minutes, and where the filters settle


def cut_into_pieces(
    recording: Recording, epochs: pd.DataFrame, manifest: Manifest
) -> Iterator[tuple[Recording, pd.DataFrame]]:
    """Yield an hour's epochs at a time, and the recording around them; all at once where it can.

    What networks see is then normalised within the hour. Models that look at neighbouring epochs
    are given the whole.
    """
    onsets_s = epochs["onset_s"].to_numpy(dtype=float)
    hours = np.floor(onsets_s / PIECE_S).astype(int)
    if not _is_heavy(recording, manifest) or sees_neighbours(manifest) or len(set(hours)) < 2:
        yield recording, epochs
        return
    length_s = manifest.ingestion.epoch_length_s
    for hour in np.unique(hours):
        own = epochs[hours == hour]
        start_s, end_s = own["onset_s"].min(), own["onset_s"].max() + length_s
        piece = crop(recording, start_s - AROUND_S, end_s + AROUND_S)
        yield piece, own.assign(run=_runs_of(own, piece))


def crop(recording: Recording, start_s: float, end_s: float) -> Recording:
    """Return what a recording has between two moments, times as they were."""
    channels = tuple(_cut(channel, start_s, end_s) for channel in recording.channels)
    runs = tuple(
        (max(first, start_s), min(last, end_s))
        for first, last in recording.runs
        if first < end_s and last > start_s
    )
    return replace(recording, channels=channels, runs=runs)


def _is_heavy(recording: Recording, manifest: Manifest) -> bool:
    """Say whether a spectrogram has to be computed of the recording's own samples."""
    options = manifest.feature_engineering
    wanted = any(one.array == SPECTROGRAM for one in options.signals.values())
    wanted |= options.network_inputs.spectrogram is not None
    return wanted and recording.table is None and SPECTROGRAM not in recording.arrays


def _runs_of(epochs: pd.DataFrame, piece: Recording) -> np.ndarray:
    """Return the number of the run, in the piece, that holds each epoch."""
    starts_s = np.array([start_s for start_s, _ in piece.runs])
    onsets_s = epochs["onset_s"].to_numpy(dtype=float)
    return np.searchsorted(starts_s, onsets_s + 1e-6, side="right") - 1


def _cut(channel: Channel, start_s: float, end_s: float) -> Channel:
    first = max(0, round((start_s - channel.start_s) * channel.sfreq))
    last = max(first, round((end_s - channel.start_s) * channel.sfreq))
    begins_s = channel.start_s + first / channel.sfreq
    return replace(channel, data=np.asarray(channel.data[first:last]), start_s=begins_s)
