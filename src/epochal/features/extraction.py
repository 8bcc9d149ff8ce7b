"""From a recording and its epochs to one table of features, the same in training and serving."""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from epochal.errors import RecordingError
from epochal.features.context import add_context
from epochal.features.roster import compute_features
from epochal.options import FeatureOptions, SignalOptions
from epochal.readers.aliases import rename_aliases
from epochal.recording import Channel, Recording
from epochal.signals.epoching import cut_epochs
from epochal.signals.filtering import filter_channel, take_envelope


def extract_features(
    recording: Recording, epochs: pd.DataFrame, options: FeatureOptions
) -> pd.DataFrame:
    """Return `recording_id, epoch` and one column per feature, a row per epoch.

    A missing required channel raises `RecordingError`; a missing optional one gives NaN columns,
    as does an epoch with missing samples.
    """
    recording = rename_aliases(recording, options.channels)
    columns: dict[str, np.ndarray] = {}
    for prefix, signal in options.signals.items():
        columns |= _signal_features(prefix, signal, recording, epochs)
    if options.demographics:
        columns |= _demographics(recording, len(epochs))
    features = pd.DataFrame(columns, index=epochs.index)
    if recording.table is not None:
        features = features.join(_given_features(recording, epochs))
    features = add_context(features, epochs, options.context)
    kept = [name for name in features if not _matches(name, options.drop)]
    return pd.concat([epochs[["recording_id", "epoch"]], features[kept]], axis=1)


def _signal_features(
    prefix: str, signal: SignalOptions, recording: Recording, epochs: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Compute a signal's feature sets over its windows, as `<prefix>_<feature>`."""
    if not signal.required and not set(signal.channels) <= set(recording.channel_names):
        return _unavailable(prefix, signal, len(epochs))
    windows, sfreq = _windows(signal, recording, epochs)
    columns = compute_features(windows, sfreq, signal.features)
    return {f"{prefix}_{feature}": values for feature, values in columns.items()}


def _windows(
    signal: SignalOptions, recording: Recording, epochs: pd.DataFrame
) -> tuple[np.ndarray, float]:
    """Return the filtered windows, `(n_epochs, [n_channels,] n_samples)`, and their rate."""
    channels = [_filtered(recording.channel(name), signal, recording) for name in signal.channels]
    rates = {channel.sfreq for channel in channels}
    if len(rates) > 1:
        raise RecordingError(
            recording.recording_id, f"channels {list(signal.channels)} have different rates {rates}"
        )
    length_s = float(epochs["length_s"].iloc[0]) if len(epochs) else 1.0
    window_s = signal.window_s or length_s
    onsets_s = epochs["onset_s"].to_numpy() - (window_s - length_s) / 2
    cut = [cut_epochs(channel, onsets_s, window_s) for channel in channels]
    return (cut[0] if len(cut) == 1 else np.stack(cut, axis=1)), channels[0].sfreq


def _filtered(channel: Channel, signal: SignalOptions, recording: Recording) -> Channel:
    if signal.envelope:
        channel = take_envelope(channel, recording.runs)
    return filter_channel(channel, recording.runs, band_hz=signal.band_hz, notch_hz=signal.notch_hz)


def _unavailable(prefix: str, signal: SignalOptions, n_epochs: int) -> dict[str, np.ndarray]:
    """Name the columns that the signal would have given, all NaN."""
    shape = (0, 256) if len(signal.channels) == 1 else (0, len(signal.channels), 256)
    named = compute_features(np.empty(shape, dtype=np.float32), 100.0, signal.features)
    return {f"{prefix}_{name}": np.full(n_epochs, np.nan, dtype=np.float32) for name in named}


def _demographics(recording: Recording, n_epochs: int) -> dict[str, np.ndarray]:
    """Return age in years and sex (0 female, 1 male); NaN where the recording does not say."""
    age = recording.metadata.get("age")
    sex = {"F": 0.0, "M": 1.0}.get(str(recording.metadata.get("sex")), np.nan)
    age_years = np.nan if age is None else float(age)
    return {
        "demographics_age_years": np.full(n_epochs, age_years, dtype=np.float32),
        "demographics_sex": np.full(n_epochs, sex, dtype=np.float32),
    }


def _given_features(recording: Recording, epochs: pd.DataFrame) -> pd.DataFrame:
    """Pass the table's own numeric columns through, by the epochs that were kept."""
    table = recording.table
    assert table is not None  # the caller asked
    index = {"onset_s", "length_s", "run", "label", "epoch"}
    given = [
        name for name in table.select_dtypes("number") if name not in index and name[:5] != "vote_"
    ]
    return table.loc[:, given].iloc[epochs["epoch"]].set_index(epochs.index)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
