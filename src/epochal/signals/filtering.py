"""Filters: zero-phase over whole runs for batch use."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import signal

from epochal.errors import EpochalError
from epochal.recording import Channel

ORDER = 4
EMG_LOW_HZ = 10.0
_NOTCH_Q = 30.0


def filter_channel(
    channel: Channel,
    runs: tuple[tuple[float, float], ...],
    *,
    band_hz: tuple[float | None, float | None] | None = None,
    notch_hz: float | None = None,
) -> Channel:
    """Return the channel band-passed and notched, zero-phase, each run by itself.

    A run with missing samples is filtered with them held at its median and missing again
    afterwards. An edge at or above the Nyquist frequency raises `EpochalError`.
    """
    sections = [*_band_sections(channel, band_hz), *_notch_sections(channel, notch_hz)]
    if not sections:
        return channel
    data = np.array(channel.data, dtype=np.float32)
    for start_s, end_s in runs:
        first = max(0, round((start_s - channel.start_s) * channel.sfreq))
        last = max(first, round((end_s - channel.start_s) * channel.sfreq))
        data[first:last] = _filter_run(data[first:last], np.concatenate(sections))
    return dataclasses.replace(channel, data=data)


def take_envelope(channel: Channel, runs: tuple[tuple[float, float], ...]) -> Channel:
    """Return a muscle channel as a 1 Hz envelope: high-passed at 10 Hz, rectified, averaged.

    A channel of 1 Hz is one already and comes back as it is.
    """
    n_average = round(channel.sfreq)
    if n_average <= 1:
        return channel
    filtered = filter_channel(channel, runs, band_hz=(EMG_LOW_HZ, None))
    data = np.abs(np.asarray(filtered.data))
    whole = data[: len(data) // n_average * n_average].reshape(-1, n_average)
    return dataclasses.replace(channel, data=whole.mean(axis=1), sfreq=channel.sfreq / n_average)


def _band_sections(
    channel: Channel, band_hz: tuple[float | None, float | None] | None
) -> list[np.ndarray]:
    low_hz, high_hz = band_hz or (None, None)
    _refuse_beyond_nyquist(channel, max(low_hz or 0.0, high_hz or 0.0))
    if low_hz and high_hz:
        return [signal.butter(ORDER, (low_hz, high_hz), "bandpass", fs=channel.sfreq, output="sos")]
    if low_hz:
        return [signal.butter(ORDER, low_hz, "highpass", fs=channel.sfreq, output="sos")]
    if high_hz:
        return [signal.butter(ORDER, high_hz, "lowpass", fs=channel.sfreq, output="sos")]
    return []


def _notch_sections(channel: Channel, notch_hz: float | None) -> list[np.ndarray]:
    """Notch the mains and each harmonic below the Nyquist frequency."""
    if notch_hz is None:
        return []
    _refuse_beyond_nyquist(channel, notch_hz)
    harmonics = np.arange(notch_hz, channel.sfreq / 2, notch_hz)
    return [
        signal.tf2sos(*signal.iirnotch(harmonic, _NOTCH_Q, fs=channel.sfreq))
        for harmonic in harmonics
    ]


def _refuse_beyond_nyquist(channel: Channel, edge_hz: float) -> None:
    if edge_hz >= channel.sfreq / 2:
        raise EpochalError(
            f"Channel '{channel.name}': a filter edge at {edge_hz:g} Hz needs a sampling rate "
            f"above {2 * edge_hz:g} Hz; it has {channel.sfreq:g} Hz"
        )


def _filter_run(data: np.ndarray, sections: np.ndarray) -> np.ndarray:
    missing = ~np.isfinite(data)
    if missing.all():
        return data
    filled = np.where(missing, np.median(data[~missing]), data) if missing.any() else data
    padding = min(len(data) - 1, 3 * ORDER * 2 * len(sections))
    filtered = signal.sosfiltfilt(sections, filled, padlen=padding).astype(np.float32)
    return np.where(missing, np.float32(np.nan), filtered) if missing.any() else filtered
