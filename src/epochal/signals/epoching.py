"""The epochs of a recording: where they lie, what they are labelled, and their samples."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.options.ingestion import IngestionOptions, TrimOptions
from epochal.readers.aliases import rename_aliases
from epochal.recording import ANNOTATION_COLUMNS, Channel, Recording
from epochal.signals.quality import absent, assess
from epochal.signals.quality_policy import combine, kind_of_channel, withhold_labels

INDEX = ["recording_id", "epoch"]  # what every later table is joined on
_TOLERANCE_S = 1e-6


def index_epochs(recording: Recording, options: IngestionOptions) -> pd.DataFrame:
    """Return one row per epoch: `recording_id, subject_id, epoch, onset_s, label, run, …`.

    Epochs lie inside one run each. An epoch takes the label that covers more than
    `label_coverage` of it, else null; further annotation columns (`task`) follow the same rule.
    Epochs that a recording brings itself (`table`) keep their own onsets, labels and votes.
    """
    if recording.table is not None:
        epochs = _given_epochs(recording)
    else:
        epochs = _lay_epochs(recording, options)
        for column in ["label", *recording.annotations.columns.difference(ANNOTATION_COLUMNS)]:
            epochs[column] = _covering(recording.annotations, column, epochs, options)
    epochs.insert(0, "epoch", np.arange(len(epochs)))  # before trimming: a given table's row
    if options.trim is not None:
        epochs = _trim(epochs, options.trim)
    epochs = pd.concat([epochs, assess_epochs(recording, epochs, options)], axis=1)
    epochs = withhold_labels(epochs, options.quality)
    epochs.insert(0, "recording_id", recording.recording_id)
    epochs.insert(1, "subject_id", recording.subject_id)
    epochs["data_source"] = recording.data_source
    return epochs


def cut_epochs(channel: Channel, onsets_s: np.ndarray, length_s: float) -> np.ndarray:
    """Return a channel's samples per epoch, float32 `(n_epochs, n_samples)`; NaN outside it."""
    n_samples = round(length_s * channel.sfreq)
    first = np.round((np.asarray(onsets_s) - channel.start_s) * channel.sfreq).astype(int)
    data = np.asarray(channel.data, dtype=np.float32)
    inside = (first >= 0) & (first + n_samples <= len(data))
    if inside.all() and len(data) >= n_samples:
        return np.lib.stride_tricks.sliding_window_view(data, n_samples)[first]
    positions = first[:, None] + np.arange(n_samples)
    known = (positions >= 0) & (positions < len(data))
    padded = np.append(data, np.float32(np.nan))
    return padded[np.where(known, positions, len(data))]


def count_epochs(duration_s: float, options: IngestionOptions) -> int:
    """Return how many whole epochs fit into a run of so many seconds."""
    step_s = options.epoch_step_s or options.epoch_length_s
    return max(0, int((duration_s - options.epoch_length_s + _TOLERANCE_S) // step_s) + 1)


def _lay_epochs(recording: Recording, options: IngestionOptions) -> pd.DataFrame:
    """Lay as many whole epochs into every run as fit."""
    length_s, step_s = options.epoch_length_s, options.epoch_step_s or options.epoch_length_s
    onsets, runs = [], []
    for run, (start_s, end_s) in enumerate(recording.runs):
        n_epochs = count_epochs(end_s - start_s, options)
        onsets.append(start_s + step_s * np.arange(n_epochs))
        runs.append(np.full(n_epochs, run))
    empty = np.empty(0)
    return pd.DataFrame(
        {
            "onset_s": np.concatenate([empty, *onsets]),
            "length_s": length_s,
            "run": np.concatenate([empty, *runs]).astype(int),
        }
    )


def _given_epochs(recording: Recording) -> pd.DataFrame:
    """Take the epochs, labels and votes that a recording brings."""
    table = recording.table
    assert table is not None  # the caller asked
    votes = [column for column in table if column.startswith("vote_")]
    epochs = table.reindex(columns=["onset_s", "length_s", "run", "label", *votes])
    return epochs.assign(run=epochs["run"].fillna(0).astype(int)).reset_index(drop=True)


def assess_epochs(
    recording: Recording, epochs: pd.DataFrame, options: IngestionOptions
) -> pd.DataFrame:
    """Flag the epochs in which any of the watched channels has a fault, and index the worst.

    Of `epochs` the onsets are read; the columns are `quality_<fault>` and `sqi`.
    """
    quality, length_s = options.quality, options.epoch_length_s
    recording = rename_aliases(recording, quality.channels)
    assessed = {}
    for name in quality.channels:
        if quality.absent == "missing" and name not in recording.channel_names:
            assessed[name] = absent(len(epochs), quality)
            continue
        channel = recording.channel(name)
        windows = cut_epochs(channel, epochs["onset_s"], length_s)
        kind = kind_of_channel(channel, quality)
        assessed[name] = assess(windows, channel.sfreq, kind=kind, options=quality)
    return combine(assessed, quality).reindex(epochs.index)


def _covering(
    annotations: pd.DataFrame, column: str, epochs: pd.DataFrame, options: IngestionOptions
) -> pd.Series:
    """Return per epoch the value of `column` that covers more than the wanted share of it."""
    start, end = epochs["onset_s"].to_numpy(), (epochs["onset_s"] + epochs["length_s"]).to_numpy()
    needed_s = options.label_coverage * options.epoch_length_s
    covering = pd.Series(pd.NA, index=epochs.index, dtype="string")
    for value, stretches in annotations.groupby(column):
        covered_s = np.zeros(len(epochs))
        for onset_s, duration_s in zip(stretches["onset_s"], stretches["duration_s"], strict=True):
            overlap_s = np.minimum(end, onset_s + duration_s) - np.maximum(start, onset_s)
            covered_s += np.maximum(overlap_s, 0)
        whole = covered_s >= options.epoch_length_s - _TOLERANCE_S
        covering[(covered_s > needed_s) | whole] = value
    return covering


def _trim(epochs: pd.DataFrame, trim: TrimOptions) -> pd.DataFrame:
    """Keep the margin around the epochs labelled otherwise; an unscored recording stays whole."""
    rest = epochs[epochs["label"].notna() & (epochs["label"] != trim.label)]
    if rest.empty:
        return epochs
    first_s = rest["onset_s"].min() - trim.margin_s
    last_s = rest["onset_s"].max() + trim.margin_s
    return epochs[epochs["onset_s"].between(first_s, last_s)].reset_index(drop=True)
