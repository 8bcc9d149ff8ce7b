"""What a report shows of signals: power over time, muscle tone, spectra by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from epochal.features.spectrum import WELCH_S, welch
from epochal.readers.aliases import kind_of
from epochal.recording import Channel, Recording
from epochal.reports.panels import MOST_COLUMNS, Curve, Grid, Picture
from epochal.reports.png import picture_of
from epochal.reports.timeline import TimeAxis
from epochal.signals.epoching import cut_epochs
from epochal.signals.filtering import EMG_LOW_HZ, take_envelope

LOW_HZ, HIGH_HZ = 0.5, 30.0
_SHOWN = (2.0, 98.0)  # percentiles of the power in dB that span the colours
_WINDOWS_AT_ONCE = 64
_LEAST_STEP_S = 1.0
_TINY = 1e-12
_UNITS = {"uV": "µV", "uS": "µS", "degC": "°C"}
_SLOW_HZ, _N_TRENDS = 10.0, 3
_LONG = 16  # characters that stand left of a panel


def spectrogram_panel(channel: Channel, axis: TimeAxis) -> Picture | None:
    """Return a channel's power in dB, Welch's method; None where its rate is too low for any.

    Windows of 4 s, longer in recordings of more than an hour; one with a missing sample is left
    blank. At most a window per second: shorter recordings overlap them.
    """
    high_hz = min(HIGH_HZ, channel.sfreq / 2)
    if high_hz <= LOW_HZ * 2:
        return None
    power = power_over_time(channel, axis, high_hz)
    known = power[np.isfinite(power)]
    if not len(known):
        return None
    low, high = np.percentile(known, _SHOWN)
    return Picture(
        f"{_shorten(channel.name)}\n{low:.0f} to {high:.0f} dB",
        picture_of(power.T[::-1], low=float(low), high=float(high)),
        f"{high_hz:g} Hz",
        f"{LOW_HZ:g} Hz",
    )


def power_over_time(channel: Channel, axis: TimeAxis, high_hz: float) -> np.ndarray:
    """Return dB re 1 unit²/Hz, `(n_columns, n_frequencies)`, NaN where samples are missing."""
    whole_s = axis.end_s - axis.start_s
    n_columns = max(1, min(MOST_COLUMNS, int(whole_s / _LEAST_STEP_S)))
    step_s = whole_s / n_columns
    length_s = max(step_s, min(WELCH_S, whole_s))
    onsets_s = axis.start_s + step_s * (np.arange(n_columns) + 0.5) - length_s / 2
    onsets_s = np.clip(onsets_s, axis.start_s, axis.end_s - length_s)
    windows = cut_epochs(channel, onsets_s, length_s)
    parts = []
    for first in range(0, len(windows), _WINDOWS_AT_ONCE):
        spectrum = welch(windows[first : first + _WINDOWS_AT_ONCE], channel.sfreq)
        parts.append(spectrum.cut(LOW_HZ, high_hz).density)
    return 10 * np.log10(np.concatenate(parts) + _TINY)


def envelope_panel(channel: Channel, recording: Recording, axis: TimeAxis) -> Curve:
    """Return a muscle channel's envelope of 1 Hz, cut at its 99th percentile.

    A rate too low for muscle (below 20 Hz) is an envelope already, or is shown as it is.
    """
    fast = channel.sfreq > 2 * EMG_LOW_HZ
    envelope = take_envelope(channel, recording.runs) if fast else channel
    values = np.asarray(envelope.data, dtype=float)
    onsets_s = envelope.start_s + np.arange(len(values)) / envelope.sfreq
    known = values[np.isfinite(values)]
    low, high = (min(0.0, known.min()), np.percentile(known, 99)) if len(known) else (0.0, 1.0)
    return Curve(
        f"{_shorten(channel.name)}\n{'envelope, ' if fast else ''}{shown_unit(channel)}",
        Grid(onsets_s, 1 / envelope.sfreq),
        values,
        float(low),
        float(max(high, low + _TINY)),
    )


def trend_panels(recording: Recording) -> list[Curve]:
    """Return the first slow channels that are no EEG or EMG (skin conductance, temperature, …)."""
    slow = [one for one in recording.channels if one.sfreq <= _SLOW_HZ and not kind_of(one.name)]
    return [_trend(channel) for channel in slow[:_N_TRENDS]]


def _trend(channel: Channel) -> Curve:
    values = np.asarray(channel.data, dtype=float)
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, (1, 99)) if len(known) else (0.0, 1.0)
    return Curve(
        f"{_shorten(channel.name)}\n{shown_unit(channel)}",
        Grid(channel.start_s + np.arange(len(values)) / channel.sfreq, 1 / channel.sfreq),
        values,
        float(low),
        float(max(high, low + _TINY)),
        height=44.0,
    )


def shown_unit(channel: Channel) -> str:
    """Return a channel's unit as it is printed."""
    return _UNITS.get(channel.unit, channel.unit)


def _shorten(name: str) -> str:
    return name if len(name) <= _LONG else f"{name[: _LONG - 1]}…"


class Spectra(NamedTuple):
    """Mean power of the epochs of each class."""

    frequencies: np.ndarray
    by_class: dict[str, np.ndarray]  # dB re 1 unit²/Hz
    n_epochs: dict[str, int]


def spectra_by_class(
    channel: Channel,
    grid: Grid,
    labels: Sequence[str],
    clean: np.ndarray,
    classes: Sequence[str],
) -> Spectra | None:
    """Return the mean spectrum of each class's clean epochs, in dB of the mean power."""
    high_hz = min(HIGH_HZ, channel.sfreq / 2)
    if high_hz <= LOW_HZ * 2 or grid.length_s < WELCH_S:
        return None
    given, frequencies = np.asarray(labels, dtype=object), np.empty(0)
    by_class, n_epochs = {}, {}
    for name in classes:
        rows = np.flatnonzero(clean & (given == name))
        total, n_used = 0.0, 0
        for first in range(0, len(rows), _WINDOWS_AT_ONCE):
            onsets_s = np.asarray(grid.onsets_s)[rows[first : first + _WINDOWS_AT_ONCE]]
            windows = cut_epochs(channel, onsets_s, grid.length_s)
            whole = windows[np.isfinite(windows).all(axis=1)]
            spectrum = welch(whole, channel.sfreq).cut(LOW_HZ, high_hz)
            frequencies = spectrum.frequencies
            total = total + spectrum.density.sum(axis=0, dtype=float)
            n_used += len(whole)
        if n_used:
            by_class[name], n_epochs[name] = 10 * np.log10(total / n_used + _TINY), n_used
    return Spectra(frequencies, by_class, n_epochs) if by_class else None
