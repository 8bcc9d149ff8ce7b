"""Filters over whole runs: zero-phase, or looking back only as a stream must."""

from __future__ import annotations

import dataclasses

import numpy as np

from epochal.errors import EpochalError
from epochal.recording import Channel
from epochal.signals import fourier
from epochal.signals.filter_design import ORDER, Filter

EMG_LOW_HZ = 10.0
SHORT_RUN = 4  # settling times: shorter runs are filtered sample by sample
LEAST_BLOCK = 8192  # samples
_N_TOGETHER = 4  # blocks transformed together: one for each lane of the vector unit


def filter_channel(
    channel: Channel,
    runs: tuple[tuple[float, float], ...],
    *,
    band_hz: tuple[float | None, float | None] | None = None,
    notch_hz: float | None = None,
    causal: bool = False,
) -> Channel:
    """Return the channel band-passed and notched, each run by itself.

    Zero-phase by default: forwards and backwards. `causal` filters forwards alone, with a phase
    shift, and gives what `CausalFilter` gives of the run's samples as they come. A run with missing
    samples is filtered with them held (at its median, or at the last one known), and they are
    missing again afterwards. An edge at or above the Nyquist frequency raises `EpochalError`.
    """
    low_hz, high_hz = band_hz or (None, None)
    for edge_hz in (low_hz, high_hz, notch_hz):
        _refuse_beyond_nyquist(channel, edge_hz)
    design = Filter(channel.sfreq, low_hz or None, high_hz or None, notch_hz)
    if design.passes_all:
        return channel
    source = np.asarray(channel.data, dtype=np.float32)
    data = source.copy()
    for start_s, end_s in runs:
        first = max(0, round((start_s - channel.start_s) * channel.sfreq))
        last = max(first, round((end_s - channel.start_s) * channel.sfreq))
        if causal:
            data[first:last] = _filter_forwards(source[first:last], design)
        else:
            _filter_run(source[first:last], design, out=data[first:last])
    return dataclasses.replace(channel, data=data)


def take_envelope(
    channel: Channel, runs: tuple[tuple[float, float], ...], *, causal: bool = False
) -> Channel:
    """Return a muscle channel as a 1 Hz envelope: high-passed at 10 Hz, rectified, averaged.

    A channel of 1 Hz is one already and comes back as it is.
    """
    n_average = round(channel.sfreq)
    if n_average <= 1:
        return channel
    filtered = filter_channel(channel, runs, band_hz=(EMG_LOW_HZ, None), causal=causal)
    data = np.abs(np.asarray(filtered.data))
    whole = data[: len(data) // n_average * n_average].reshape(-1, n_average)
    return dataclasses.replace(channel, data=whole.mean(axis=1), sfreq=channel.sfreq / n_average)


def _refuse_beyond_nyquist(channel: Channel, edge_hz: float | None) -> None:
    if edge_hz is not None and edge_hz >= channel.sfreq / 2:
        raise EpochalError(
            f"Channel '{channel.name}': a filter edge at {edge_hz:g} Hz needs a sampling rate "
            f"above {2 * edge_hz:g} Hz; it has {channel.sfreq:g} Hz"
        )


def _filter_forwards(data: np.ndarray, design: Filter) -> np.ndarray:
    from epochal.signals.causal_filter import CausalFilter  # scipy.signal is slow to import

    return CausalFilter(design).process(data)


def _filter_run(data: np.ndarray, design: Filter, *, out: np.ndarray) -> None:
    missing = ~np.isfinite(data)
    if not missing.any():
        _filter_zero_phase(data, design, out=out)
        return
    if not missing.all():
        filled = np.where(missing, np.median(data[~missing]), data)
        _filter_zero_phase(filled, design, out=out)
    out[missing] = np.nan


def _filter_zero_phase(data: np.ndarray, design: Filter, *, out: np.ndarray) -> None:
    """Filter forwards and backwards: long runs by Fourier transforms, several times as fast."""
    if len(data) >= SHORT_RUN * design.n_settling:
        _filter_blocks(data, design, out=out)
    elif len(data):
        from scipy import signal  # half a second to import, and seldom needed

        sections = design.sections()
        padding = min(len(data) - 1, 3 * ORDER * 2 * len(sections))
        out[:] = signal.sosfiltfilt(sections, data, padlen=padding)


def _filter_blocks(data: np.ndarray, design: Filter, *, out: np.ndarray) -> None:
    """Multiply the spectra of overlapping blocks by the squared magnitude of the response.

    What wraps around reaches as far as the response lasts, and is cut off (overlap-save). The run
    is continued at both ends by its point reflection, as `sosfiltfilt` does, for as long as that.
    """
    n_settling = design.n_settling
    n_block = fourier.next_fast_len(max(12 * n_settling, LEAST_BLOCK))
    n_kept = n_block - 2 * n_settling
    response = design.gain(np.fft.rfftfreq(n_block, 1 / design.sfreq)).astype(np.float32)
    offset = data.mean()  # without it the run loses no digits in float32
    blocks = np.empty((_N_TOGETHER, n_block), dtype=np.float32)
    for start in range(0, len(data), _N_TOGETHER * n_kept):
        for row in range(_N_TOGETHER):
            first = start + row * n_kept - n_settling
            np.subtract(_continued(data, first, first + n_block), offset, out=blocks[row])
        transform = fourier.rfft(blocks)
        transform *= response
        filtered = fourier.irfft(transform, n_block)
        kept = filtered[:, n_settling : n_settling + n_kept] + offset * response[0]
        some = out[start : start + kept.size]
        some[:] = kept.reshape(-1)[: len(some)]


def _continued(data: np.ndarray, first: int, end: int) -> np.ndarray:
    """Return the samples from `first` to `end`, beyond the data their reflections in its ends."""
    if first >= 0 and end <= len(data):
        return data[first:end]
    last = len(data) - 1
    index = np.arange(first, end)
    inside = np.clip(index, 0, last)
    mirrored = np.clip(2 * inside - index, 0, last)
    return np.where(index == inside, data[inside], 2 * data[inside] - data[mirrored])
