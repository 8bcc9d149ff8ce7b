"""What networks see of a recording's epochs, the same in training and serving."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.errors import RecordingError
from epochal.features.extraction import given_windows
from epochal.features.preparation import prepare_recording
from epochal.options.features import FeatureOptions
from epochal.options.network_inputs import SignalInputOptions, SpectrogramInputOptions
from epochal.recording import Channel, Recording
from epochal.signals.epoching import cut_epochs
from epochal.signals.filtering import filter_channel
from epochal.signals.resampling import resample_channel

_LEAST_SHARE = 1e-6  # of the median: what varies less is constant, but for rounding
_IQR_TO_SD = 0.7413  # of a normal distribution


def prepare_inputs(
    recording: Recording, epochs: pd.DataFrame, options: FeatureOptions
) -> EpochInputs:
    """Return a recording's inputs, float32; an epoch with nothing to see is NaN throughout.

    `signal` is `(n_epochs, n_channels, n_times)`, `spectrogram` `(n_epochs, n_regions,
    n_frequencies, n_frames)` in log10 power. Normalised samples that are missing in an epoch are
    0, the channel's middle. A missing channel, or channels of several rates where conf names none,
    raise `RecordingError`.
    """
    wanted = options.network_inputs
    arrays: dict[str, np.ndarray] = {}
    known, sfreq = np.ones(len(epochs), dtype=bool), 0.0
    channels: tuple[str, ...] = ()
    if wanted.signal is not None:
        source = recording
        if wanted.signal.array is None:
            source = prepare_recording(recording, options)
        windows, sfreq = _windows(source, epochs, wanted.signal, causal=options.causal_filters)
        known &= np.isfinite(windows).any(axis=(1, 2))
        arrays["signal"] = _finish(windows, epochs, wanted.signal)
        sources = wanted.signal.channels or tuple(map(str, range(windows.shape[1])))
        channels = wanted.signal.name_channels(sources)
    if wanted.spectrogram is not None:
        arrays["spectrogram"], seen = _spectrogram(recording, epochs, wanted.spectrogram)
        known &= seen
    epoch, run = (epochs[name].to_numpy(dtype=int) for name in ("epoch", "run"))
    site = str(recording.metadata.get("site") or "")
    return EpochInputs(
        arrays, epoch, run, known, sfreq, channels, site, looks_ahead=wanted.looks_ahead
    )


def _windows(
    recording: Recording, epochs: pd.DataFrame, options: SignalInputOptions, *, causal: bool
) -> tuple[np.ndarray, float]:
    """Return the windows `(n_epochs, n_channels, n_times)`, and their rate in Hz."""
    if options.array is None:
        return _cut(recording, epochs, options, causal=causal)
    windows, sfreq = given_windows(options.array, recording, epochs)
    return (windows[:, None] if windows.ndim == 2 else windows).astype(np.float32), sfreq


def _finish(windows: np.ndarray, epochs: pd.DataFrame, options: SignalInputOptions) -> np.ndarray:
    """Normalise, and add the channel of flags, where either is wanted."""
    if options.normalise == "session":
        windows = _against_session(windows, options.clip)
        seen = np.isfinite(windows).any(axis=(1, 2))
        windows[seen] = np.nan_to_num(windows[seen], nan=0.0)
    if options.quality_channel:
        windows = np.concatenate([windows, _quality(epochs, windows.shape[2])], axis=1)
    return windows


def _cut(
    recording: Recording, epochs: pd.DataFrame, options: SignalInputOptions, *, causal: bool
) -> tuple[np.ndarray, float]:
    """Return the filtered, resampled channels over the epochs' windows."""
    found = {
        name: _make_channel(recording.channel(name), recording, options, causal=causal)
        for name in options.channels
        if name not in options.optional or name in recording.channel_names
    }
    rates = {channel.sfreq for channel in found.values()}
    if len(rates) != 1:
        raise RecordingError(
            recording.recording_id,
            f"channels {list(found)} have the rates {sorted(rates)} Hz; name one "
            "(network_inputs.signal.sfreq)",
        )
    length_s = float(epochs["length_s"].iloc[0]) if len(epochs) else 1.0
    window_s = min(options.window_s or length_s, length_s)
    onsets_s = epochs["onset_s"].to_numpy(dtype=float) + (length_s - window_s) / 2
    sfreq = rates.pop()
    absent = np.zeros((len(epochs), round(window_s * sfreq)), dtype=np.float32)
    cut = {name: cut_epochs(channel, onsets_s, window_s) for name, channel in found.items()}
    return np.stack([cut.get(name, absent) for name in options.channels], axis=1), sfreq


def _make_channel(
    channel: Channel, recording: Recording, options: SignalInputOptions, *, causal: bool
) -> Channel:
    filtered = filter_channel(
        channel,
        recording.runs,
        band_hz=options.bands_hz.get(channel.name, options.band_hz),
        notch_hz=options.notch_hz,
        causal=causal,
    )
    return resample_channel(filtered, recording.runs, options.sfreq or channel.sfreq, causal=causal)


def _against_session(windows: np.ndarray, clip: float) -> np.ndarray:
    """Centre each channel on its median and divide by its spread, over all of the epochs."""
    for channel in range(windows.shape[1]):
        samples = windows[:, channel]
        low, middle, high = _quartiles(samples[np.isfinite(samples)])
        spread = (high - low) * _IQR_TO_SD
        unit = spread if spread > _LEAST_SHARE * abs(middle) else 1.0
        windows[:, channel] = np.clip((samples - middle) / unit, -clip, clip)
    return windows


def _quartiles(samples: np.ndarray) -> np.ndarray:
    """Return the quartiles of samples, of a hundred thousand of them where there are more."""
    if not len(samples):
        return np.zeros(3)
    return np.percentile(samples[:: len(samples) // 100_000 + 1], [25, 50, 75])


def _quality(epochs: pd.DataFrame, n_times: int) -> np.ndarray:
    """Return 1 over the epochs that any quality flag marks, `(n_epochs, 1, n_times)`."""
    flags = [
        epochs[name].to_numpy(dtype=bool)
        for name in epochs
        if str(name).startswith("quality_") and epochs[name].dtype == bool
    ]
    marked = np.logical_or.reduce(flags) if flags else np.zeros(len(epochs), dtype=bool)
    return np.repeat(marked[:, None, None], n_times, axis=2).astype(np.float32)


def _spectrogram(
    recording: Recording, epochs: pd.DataFrame, options: SpectrogramInputOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Return log power, averaged, and where there is any; regions first, then frequencies."""
    from epochal.signals.spectrogram import EMPTY, fill_missing

    power, _ = given_windows(options.array, recording, epochs)
    known = np.isfinite(power).any(axis=(1, 2, 3))
    filled, _ = fill_missing(power)
    logs = np.log10(np.maximum(filled, EMPTY), dtype=np.float32)
    logs[~known] = np.nan
    return _average(logs, options.every), known


def _average(pictures: np.ndarray, every: tuple[int, int]) -> np.ndarray:
    """Average blocks of frequencies and frames; what is left over at the ends is left out."""
    n_frequencies, n_frames = (
        size // step for size, step in zip(pictures.shape[2:], every, strict=True)
    )
    cut = pictures[:, :, : n_frequencies * every[0], : n_frames * every[1]]
    blocks = cut.reshape(*cut.shape[:2], n_frequencies, every[0], n_frames, every[1])
    return blocks.mean(axis=(3, 5))
