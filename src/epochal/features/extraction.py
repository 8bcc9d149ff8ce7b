"""From a recording and its epochs to one table of features, the same in training and serving."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.errors import EpochalError, RecordingError
from epochal.features.columns import matches_any
from epochal.features.context import add_context
from epochal.features.covariates import clock, demographics, light
from epochal.features.preparation import prepare_recording
from epochal.features.roster import compute_features
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.recording import Channel, Recording
from epochal.signals.epoching import cut_epochs
from epochal.signals.filtering import filter_channel, take_envelope
from epochal.signals.quality_policy import quality_features

_NOWHERE_S = -1e9  # a window that is not there: all its samples are missing
SPECTROGRAM = "spectrogram"  # an array that is computed where a recording does not bring it

# Of no epochs the columns are asked for all the same: windows that every set is able to take.
_LENGTH_OF_NONE_S = 60.0


def extract_features(
    recording: Recording, epochs: pd.DataFrame, options: FeatureOptions
) -> pd.DataFrame:
    """Return `recording_id, epoch` and one column per feature, a row per epoch.

    A missing required channel raises `RecordingError`; a missing optional one gives NaN columns,
    as does an epoch with missing samples.
    """
    features = own_features(recording, epochs, options)
    return finish_features(features, epochs, options)


def own_features(
    recording: Recording, epochs: pd.DataFrame, options: FeatureOptions
) -> pd.DataFrame:
    """Return the columns that an epoch has by itself, before any context; as `extract_features`."""
    raw, recording = recording, prepare_recording(recording, options)
    columns: dict[str, np.ndarray] = {}
    for prefix, signal in options.signals.items():
        source = raw if signal.array is not None else recording
        columns |= _signal_features(prefix, signal, source, epochs, causal=options.causal_filters)
    columns |= _covariates(recording, epochs, options) | quality_features(epochs)
    features = pd.DataFrame(columns, index=epochs.index)
    if recording.table is not None:
        features = features.join(_given_features(recording, epochs))
    return features


def finish_features(
    features: pd.DataFrame, epochs: pd.DataFrame, options: FeatureOptions
) -> pd.DataFrame:
    """Return `recording_id, epoch` and the epochs' own features with their context."""
    features = add_context(features, epochs, options.context)
    kept = [name for name in features if not matches_any(name, options.drop)]
    return pd.concat([epochs[["recording_id", "epoch"]], features[kept]], axis=1)


def _signal_features(
    prefix: str,
    signal: SignalOptions,
    recording: Recording,
    epochs: pd.DataFrame,
    *,
    causal: bool,
) -> dict[str, np.ndarray]:
    """Compute a signal's feature sets over its windows, as `<prefix>_<feature>`."""
    if not signal.required and not _is_available(signal, recording):
        columns = _unavailable(signal, len(epochs))
    else:
        windows, sfreq = _windows(signal, recording, epochs, causal=causal)
        try:
            columns = compute_features(windows, sfreq, signal.features)
        except EpochalError as error:  # a rate or a length that a set cannot do with
            reason = f"signal '{prefix}': {error}"
            raise RecordingError(recording.recording_id, reason) from error
    suffix = _window_suffix(signal, epochs)
    return {f"{prefix}_{feature}{suffix}": values for feature, values in columns.items()}


def _is_available(signal: SignalOptions, recording: Recording) -> bool:
    if signal.array is not None:
        return signal.array in recording.arrays or signal.array == SPECTROGRAM
    return set(signal.channels) <= set(recording.channel_names)


def _window_suffix(signal: SignalOptions, epochs: pd.DataFrame) -> str:
    """Say in a column's name what a window longer than the epoch saw, or a shorter one."""
    if signal.window_s is None:
        return ""
    if len(epochs) and signal.window_s <= epochs["length_s"].iloc[0]:
        return f"__middle{signal.window_s:g}s"
    return f"__{'past' if signal.trailing else 'centred'}{signal.window_s:g}s"


def _windows(
    signal: SignalOptions, recording: Recording, epochs: pd.DataFrame, *, causal: bool
) -> tuple[np.ndarray, float]:
    """Return the filtered windows, `(n_epochs, [n_channels,] n_samples)`, and their rate."""
    if signal.array is not None:
        return given_windows(signal.array, recording, epochs)
    channels = [
        _filtered(recording.channel(name), signal, recording, causal=causal)
        for name in signal.channels
    ]
    rates = {channel.sfreq for channel in channels}
    if len(rates) > 1:
        raise RecordingError(
            recording.recording_id, f"channels {list(signal.channels)} have different rates {rates}"
        )
    length_s = float(epochs["length_s"].iloc[0]) if len(epochs) else _LENGTH_OF_NONE_S
    window_s = signal.window_s or length_s
    onsets_s = _window_onsets(signal, recording, epochs, window_s=window_s, length_s=length_s)
    cut = [cut_epochs(channel, onsets_s, window_s) for channel in channels]
    return (cut[0] if len(cut) == 1 else np.stack(cut, axis=1)), channels[0].sfreq


def _window_onsets(
    signal: SignalOptions,
    recording: Recording,
    epochs: pd.DataFrame,
    *,
    window_s: float,
    length_s: float,
) -> np.ndarray:
    """Return where each epoch's window begins.

    A centred one that would leave its run is moved inside; a trailing one may not look ahead, so
    that its epoch has no window (NaN) until enough has passed; neither fits into a shorter run.
    """
    onset_s = epochs["onset_s"].to_numpy(dtype=float)
    extra_s = window_s - length_s
    if extra_s == 0 or not recording.runs:
        return onset_s
    run_start_s, run_end_s = np.array(recording.runs)[epochs["run"].to_numpy(dtype=int)].T
    if signal.trailing:
        first_s = onset_s - extra_s
        return np.where(first_s >= run_start_s, first_s, _NOWHERE_S)
    first_s = np.clip(
        onset_s - extra_s / 2, run_start_s, np.maximum(run_end_s - window_s, run_start_s)
    )
    return np.where(run_end_s - run_start_s >= window_s, first_s, _NOWHERE_S)


def given_windows(
    name: str, recording: Recording, epochs: pd.DataFrame
) -> tuple[np.ndarray, float]:
    """Return the windows that a recording brings, without a channel axis of 1, and their rate."""
    if name == SPECTROGRAM and name not in recording.arrays:
        from epochal.signals.spectrogram import spectrogram_around  # scipy.signal is slow to start

        return spectrogram_around(recording, epochs["onset_s"].to_numpy(float)), np.nan
    if name not in recording.arrays:
        known = ", ".join(recording.arrays) or "none"
        raise RecordingError(recording.recording_id, f"no array '{name}'; it has: {known}")
    windows = recording.arrays[name][epochs["epoch"].to_numpy(dtype=int)]
    sfreq = float(recording.metadata.get("sfreq", np.nan))
    return (windows[:, 0] if windows.ndim == 3 and windows.shape[1] == 1 else windows), sfreq


def _filtered(
    channel: Channel, signal: SignalOptions, recording: Recording, *, causal: bool
) -> Channel:
    if signal.sfreq is not None and not causal:
        channel = _slow_down(channel, signal.sfreq, recording, causal=False)
    if signal.envelope:
        channel = take_envelope(channel, recording.runs, causal=causal)
    channel = filter_channel(
        channel,
        recording.runs,
        band_hz=signal.band_hz,
        notch_hz=signal.notch_hz,
        causal=causal,
    )
    if signal.sfreq is not None and causal:  # takes bare samples: what would fold is gone by now
        channel = _slow_down(channel, signal.sfreq, recording, causal=True)
    return channel


def _slow_down(channel: Channel, sfreq: float, recording: Recording, *, causal: bool) -> Channel:
    """Bring a channel down to a rate; a slower one has lost what the features would see."""
    if channel.sfreq == sfreq:
        return channel
    if channel.sfreq < sfreq:
        raise RecordingError(
            recording.recording_id,
            f"channel '{channel.name}' has {channel.sfreq:g} Hz; at least {sfreq:g} Hz are needed",
        )
    from epochal.signals.resampling import resample_channel

    return resample_channel(channel, recording.runs, sfreq, causal=causal)


def _unavailable(signal: SignalOptions, n_epochs: int) -> dict[str, np.ndarray]:
    """Name the columns that the signal would have given, all NaN."""
    shape: tuple[int, ...] = (0, 256)
    if len(signal.channels) > 1:
        shape = (0, len(signal.channels), 256)
    named = compute_features(np.empty(shape, dtype=np.float32), 100.0, signal.features)
    return {name: np.full(n_epochs, np.nan, dtype=np.float32) for name in named}


def _covariates(
    recording: Recording, epochs: pd.DataFrame, options: FeatureOptions
) -> dict[str, np.ndarray]:
    wanted = {demographics: options.demographics, clock: options.clock, light: options.light}
    columns: dict[str, np.ndarray] = {}
    for compute, asked in wanted.items():
        columns |= compute(recording, epochs) if asked else {}
    return columns


def _given_features(recording: Recording, epochs: pd.DataFrame) -> pd.DataFrame:
    """Pass the table's own numeric columns through, by the epochs that were kept."""
    table = recording.table
    assert table is not None  # the caller asked
    index = {"onset_s", "length_s", "run", "label", "epoch"}
    given = [
        name for name in table.select_dtypes("number") if name not in index and name[:5] != "vote_"
    ]
    return table.loc[:, given].iloc[epochs["epoch"]].set_index(epochs.index)
