"""Streams of one recording: infinite samples, doubtful units, different starts and ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from epochal.errors import RecordingError
from epochal.readers.edf_units import MICROVOLTS, measure_spread, needs_settling, settle_unit
from epochal.recording import Channel


def mask_infinite(path: str | Path, name: str, data: np.ndarray, problems: list[str]) -> np.ndarray:
    """Return a signal with its infinite samples missing, which is reported.

    A signal without a single finite sample raises `RecordingError`.
    """
    infinite = np.isinf(data)
    if infinite.any():
        problems.append(f"channel '{name}': {infinite.sum()} infinite samples are now missing")
        data = np.where(infinite, np.nan, data)
    if not np.isfinite(data).any():
        raise RecordingError(path, f"channel '{name}' holds no finite sample")
    return data


def settle_voltage(
    path: str | Path,
    name: str,
    data: np.ndarray,
    *,
    sfreq: float,
    declared: str,
    problems: list[str],
) -> np.ndarray:
    """Return a voltage of the body, in `declared` or an unknown unit (empty), in microvolts.

    A unit that is not declared, or cannot be the true one, is told by the size and reported; a
    size that is plausible in no unit raises `RecordingError`.
    """
    if not needs_settling(name, "uV", sfreq):
        return data * MICROVOLTS[declared or "uV"]
    factor, sentence = settle_unit(
        Path(path),
        name=name,
        declared=declared,
        raw_spread=measure_spread(data, sfreq),
        raw_half_range=float(np.nanmax(np.abs(data), initial=0.0)),
    )
    if sentence:
        problems.append(sentence)
    return data * factor


def start_each(
    channels: Sequence[Channel], starts_s: Mapping[str, Any], where: str | Path
) -> list[Channel]:
    """Return the channels, the named ones starting so many seconds after the recording."""
    names = [channel.name for channel in channels]
    if not isinstance(starts_s, dict) or any(name not in names for name in starts_s):
        raise RecordingError(
            where, f"the field 'starts_s' names no channel of {', '.join(names)}: {starts_s}"
        )
    return [
        replace(channel, start_s=_to_seconds(starts_s.get(channel.name, 0.0), where))
        for channel in channels
    ]


def _to_seconds(value: Any, where: str | Path) -> float:
    if not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise RecordingError(where, f"the field 'starts_s' holds {value!r}, not seconds from 0 on")
    return float(value)


def align(path: str | Path, channels: Sequence[Channel], *, tolerance: float) -> list[str]:
    """Say which streams start or end at another time than the first, by more than one sample.

    Only what all of them cover is used. Lengths that differ by a larger share than `tolerance`
    (and by more than a sample) mean a wrong rate; no common stretch is no recording. Both raise
    `RecordingError`.
    """
    if max(c.start_s for c in channels) >= min(c.end_s for c in channels):
        raise RecordingError(path, "its channels have no stretch of time in common")
    first = channels[0]
    for channel in channels[1:]:
        _check_lengths(path, first, channel, tolerance)
    return [
        f"'{other.name}' runs from {other.start_s:g} to {other.end_s:g} s, '{first.name}' from "
        f"{first.start_s:g} to {first.end_s:g} s; the stretch that all channels cover is used"
        for other in channels[1:]
        if _are_apart(first, other)
    ]


def _check_lengths(path: str | Path, first: Channel, other: Channel, tolerance: float) -> None:
    lengths_s = [channel.end_s - channel.start_s for channel in (first, other)]
    one_sample_s = 1.0 / min(first.sfreq, other.sfreq)
    if abs(lengths_s[0] - lengths_s[1]) > max(tolerance * max(lengths_s), one_sample_s):
        raise RecordingError(
            path,
            f"'{other.name}' lasts {lengths_s[1]:g} s at {other.sfreq:g} Hz, '{first.name}' "
            f"{lengths_s[0]:g} s at {first.sfreq:g} Hz: is a rate wrong?",
        )


def _are_apart(first: Channel, other: Channel) -> bool:
    apart_s = max(abs(first.start_s - other.start_s), abs(first.end_s - other.end_s))
    return apart_s > 1.0 / min(first.sfreq, other.sfreq)
