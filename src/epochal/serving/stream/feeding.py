"""A recording as a stream: its samples in pieces, in the order of time, its gaps declared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import ceil, floor
from typing import Any, NamedTuple

import numpy as np

from epochal.errors import RecordingError, did_you_mean
from epochal.recording import Channel, Recording
from epochal.serving.stream.declaring import KNOWN, Declaration, declare

_TOLERANCE = 1e-6  # samples


class Piece(NamedTuple):
    """Samples by channel up to a time, or, without any, a gap that ends at it."""

    until_s: float
    samples: dict[str, np.ndarray]


def declare_recording(
    recording: Recording, channels: tuple[str, ...] = (), *, allow_substitution: bool = False
) -> Declaration:
    """Return what is said of a recording that is to be streamed, all its channels or some.

    One without channels, or without one of those named, raises `RecordingError`.
    """
    for name in channels:
        if name not in recording.channel_names:
            near = did_you_mean(name, recording.channel_names)
            raise RecordingError(recording.recording_id, f"no channel '{name}'{near}")
    if not recording.channels:
        raise RecordingError(recording.recording_id, "it has no channels: nothing to stream")
    chosen = [one for one in recording.channels if not channels or one.name in channels]
    known: dict[str, Any] = {name: recording.metadata.get(name) for name in KNOWN}
    return declare(
        {
            "channels": {
                one.name: {"sfreq": one.sfreq, "unit": one.unit, "start_s": one.start_s}
                for one in chosen
            },
            "recording_id": recording.recording_id,
            "started_at": recording.start,
            "data_source": recording.data_source,
            "allow_substitution": allow_substitution,
            **{name: value for name, value in known.items() if value is not None},
        }
    )


def cut_pieces(recording: Recording, names: list[str], *, piece_s: float) -> Iterator[Piece]:
    """Yield a recording's samples, so many seconds at a time, run by run."""
    channels = [recording.channel(name) for name in names]
    data = {one.name: np.asarray(one.data, dtype=np.float32) for one in channels}
    places = dict.fromkeys(names, 0)
    ends: list[float | None] = [start for start, _ in recording.runs[1:]]
    for number, ((start_s, end_s), next_s) in enumerate(
        zip(recording.runs, [*ends, None], strict=True)
    ):
        if number:
            yield Piece(start_s, {})
            places = {one.name: _nearest(one, start_s) for one in channels}
        for until_s in _times(start_s, end_s, piece_s):
            stops = {one.name: _stop(one, until_s, next_s) for one in channels}
            yield Piece(until_s, {n: data[n][places[n] : stops[n]] for n in names})
            places = {name: max(places[name], stops[name]) for name in names}


def _times(start_s: float, end_s: float, piece_s: float) -> Iterator[float]:
    n_pieces = max(1, ceil((end_s - start_s) / piece_s - _TOLERANCE))
    inner = (start_s + piece_s * number for number in range(1, n_pieces))
    return chain(inner, [end_s])


def _nearest(channel: Channel, at_s: float) -> int:
    return max(0, round((at_s - channel.start_s) * channel.sfreq))


def _stop(channel: Channel, until_s: float, next_s: float | None) -> int:
    """Return the end of what lies before a time, a begun sample too, none of the next run."""
    stop = ceil((until_s - channel.start_s) * channel.sfreq - _TOLERANCE)
    if next_s is not None:
        stop = min(stop, floor((next_s - channel.start_s) * channel.sfreq + _TOLERANCE))
    return max(0, min(stop, len(channel.data)))
