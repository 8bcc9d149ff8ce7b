"""What a screen shows of a recording's signals: as many points as it has, and a spectrogram."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, Field

from epochal.errors import RecordingError
from epochal.readers.aliases import kind_of
from epochal.recording import Channel, Recording
from epochal.reports.colours import palette
from epochal.reports.signals import HIGH_HZ, LOW_HZ, power_over_time, shown_unit
from epochal.reports.timeline import TimeAxis

N_COLOURS = 64
_SHOWN_DB = (2.0, 98.0)  # percentiles that span the colours, as in the reports


class SignalView(BaseModel):
    """A stretch of one channel, its samples or the extremes of equal pieces of it."""

    channel: str
    unit: str
    kind: str | None = Field(None, description="EEG, EOG, EMG…, where the name tells.")
    sfreq: float = Field(description="Of the recording, not of the points, in Hz.")
    first_s: float = Field(description="Of the first point, from the recording's start.")
    step_s: float = Field(description="From one point to the next.")
    extremes: bool = Field(description="Points are the least and the greatest of each piece.")
    values: list[float | None] = Field(description="Null where samples are missing.")


class SignalsView(BaseModel):
    """A stretch of a recording."""

    recording_id: str
    data_source: str
    first_s: float
    last_s: float
    duration_s: float
    channels: list[SignalView]
    others: list[str] = Field(description="Channels that were not asked for.")


class SpectrogramView(BaseModel):
    """Power over time; `levels` are rows of bytes, the highest frequency first."""

    recording_id: str
    data_source: str
    channel: str | None
    channels: list[str] = Field(description="Those fast enough to have a spectrogram.")
    first_s: float
    last_s: float
    low_hz: float = LOW_HZ
    high_hz: float = HIGH_HZ
    low_db: float | None = None
    high_db: float | None = None
    n_rows: int = 0
    n_columns: int = 0
    levels: str = Field("", description="Base64; 0: missing, n: the colour n − 1.")
    colours: list[str] = Field(default=[], description="#rrggbb, from least to most power.")


def view_signals(
    recording: Recording,
    *,
    first_s: float,
    last_s: float,
    channels: Sequence[str] = (),
    max_points: int = 2000,
) -> SignalsView:
    """Return a stretch of some channels, of the fastest ones where none are named.

    A channel that is not there, or an empty stretch, raises `RecordingError`.
    """
    if not last_s > first_s:
        raise RecordingError(recording.recording_id, f"no stretch from {first_s:g} to {last_s:g} s")
    chosen = [recording.channel(name) for name in channels] or choose_channels(recording)
    shown = {channel.name for channel in chosen}
    return SignalsView(
        recording_id=recording.recording_id,
        data_source=recording.data_source,
        first_s=first_s,
        last_s=last_s,
        duration_s=recording.duration_s,
        channels=[
            view_channel(one, first_s=first_s, last_s=last_s, max_points=max_points)
            for one in chosen
        ],
        others=[name for name in recording.channel_names if name not in shown],
    )


def choose_channels(recording: Recording, *, most: int = 6) -> list[Channel]:
    """Return the channels whose kind the name tells (EEG, EOG, EMG), or the first ones."""
    known = [channel for channel in recording.channels if kind_of(channel.name)]
    return (known or list(recording.channels))[:most]


def view_channel(channel: Channel, *, first_s: float, last_s: float, max_points: int) -> SignalView:
    """Return a channel's samples of a stretch, or so many extremes of equal pieces.

    A peak of one sample is not lost: each piece gives its least and its greatest value.
    """
    begin = max(0, int(np.ceil((first_s - channel.start_s) * channel.sfreq - 1e-6)))
    end = max(begin, int(np.ceil((last_s - channel.start_s) * channel.sfreq - 1e-6)))
    samples = np.asarray(channel.data[begin:end], dtype=float)
    per_piece = int(np.ceil(2 * len(samples) / max(max_points, 2)))
    reduced = per_piece > 2
    values = find_extremes(samples, per_piece) if reduced else samples
    return SignalView(
        channel=channel.name,
        unit=shown_unit(channel),
        kind=kind_of(channel.name),
        sfreq=channel.sfreq,
        first_s=channel.start_s + begin / channel.sfreq,
        step_s=(per_piece / 2 if reduced else 1) / channel.sfreq,
        extremes=reduced,
        values=[round(value, 4) if np.isfinite(value) else None for value in values.tolist()],
    )


def find_extremes(samples: np.ndarray, per_piece: int) -> np.ndarray:
    """Return least and greatest of each piece, in the order in which they come: `(2 n_pieces,)`.

    Missing samples are passed over; a piece of nothing else gives NaN.
    """
    n_pieces = -(-len(samples) // per_piece)
    padded = np.full(n_pieces * per_piece, np.nan)
    padded[: len(samples)] = samples
    pieces = padded.reshape(n_pieces, per_piece)
    known = np.isfinite(pieces)
    low = np.where(known, pieces, np.inf).argmin(axis=1)
    high = np.where(known, pieces, -np.inf).argmax(axis=1)
    places = np.sort(np.column_stack([low, high]), axis=1)
    return np.take_along_axis(pieces, places, axis=1).ravel()


def view_spectrogram(recording: Recording, *, channel: str | None = None) -> SpectrogramView:
    """Return the power of a channel over the whole recording, the first EEG unless one is named.

    A recording without a channel fast enough has none: `n_columns` is 0 then. A channel that is
    not there, or is too slow, raises `RecordingError`.
    """
    fast = [one for one in recording.channels if one.sfreq / 2 > 4 * LOW_HZ]
    start_s = min((start for start, _ in recording.runs), default=0.0)
    view = SpectrogramView(
        recording_id=recording.recording_id,
        data_source=recording.data_source,
        channel=None,
        channels=[one.name for one in fast],
        first_s=start_s,
        last_s=recording.duration_s,
    )
    chosen = _choose_fast(recording, fast, channel)
    if chosen is None or recording.duration_s <= start_s:
        return view
    high_hz = min(HIGH_HZ, chosen.sfreq / 2)
    power = power_over_time(chosen, TimeAxis(start_s, recording.duration_s), high_hz)
    return view.model_copy(update={"channel": chosen.name, "high_hz": high_hz, **_colour(power)})


def _choose_fast(recording: Recording, fast: list[Channel], name: str | None) -> Channel | None:
    if name is None:
        eeg = [one for one in fast if kind_of(one.name) == "EEG"]
        return next(iter([*eeg, *fast]), None)
    chosen = recording.channel(name)
    if chosen not in fast:
        rate = f"{chosen.sfreq:g} Hz is too low a rate for a spectrogram"
        raise RecordingError(recording.recording_id, f"{name}: {rate}")
    return chosen


def _colour(power: np.ndarray) -> dict[str, object]:
    """Return power in dB `(n_columns, n_frequencies)` as levels of so many colours."""
    known = power[np.isfinite(power)]
    if not len(known):
        return {}
    low, high = (float(value) for value in np.percentile(known, _SHOWN_DB))
    share = (power.T[::-1] - low) / max(high - low, 1e-12)
    finite = np.isfinite(share)
    level = np.clip(np.where(finite, share, 0.0), 0, 1) * (N_COLOURS - 1)
    levels = np.where(finite, level.round() + 1, 0).astype(np.uint8)
    return {
        "low_db": round(low, 1),
        "high_db": round(high, 1),
        "n_rows": levels.shape[0],
        "n_columns": levels.shape[1],
        "levels": base64.b64encode(levels.tobytes()).decode(),
        "colours": [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in palette(N_COLOURS)],
    }
