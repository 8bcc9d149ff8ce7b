"""Channels at another rate."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

from epochal.errors import EpochalError
from epochal.recording import Channel

_MOST_STEPS = 1000  # a ratio of rates is sought with no larger denominator


def resample_channel(
    channel: Channel,
    runs: tuple[tuple[float, float], ...],
    sfreq: float,
    *,
    causal: bool = False,
) -> Channel:
    """Return the channel at another rate, each run by itself; between the runs it is NaN.

    Polyphase filtering (`scipy.signal.resample_poly`) sees a few samples ahead. `causal` takes
    every n-th sample and no filter: the rate must divide the channel's, and whoever asks has
    filtered above the new Nyquist frequency; else `EpochalError`. Missing samples stay missing.
    """
    if channel.sfreq == sfreq:
        return channel
    ratio = Fraction(sfreq / channel.sfreq).limit_denominator(_MOST_STEPS)
    if causal and ratio.numerator != 1:
        raise EpochalError(
            f"Channel '{channel.name}': {channel.sfreq:g} Hz cannot become {sfreq:g} Hz without "
            "looking ahead (filters: causal); choose a rate that divides it"
        )
    source = np.asarray(channel.data, dtype=np.float32)
    data = np.full(int(np.ceil(len(source) * float(ratio))), np.nan, dtype=np.float32)
    for start_s, end_s in runs:
        first = max(0, round((start_s - channel.start_s) * channel.sfreq))
        last = min(len(source), round((end_s - channel.start_s) * channel.sfreq))
        if last <= first:
            continue
        run = source[first:last]
        made = run[:: ratio.denominator] if causal else _resample(run, ratio)
        place = round(first * ratio)
        data[place : place + len(made)] = made[: len(data) - place]
    return dataclasses.replace(channel, data=data, sfreq=sfreq)


def _resample(run: np.ndarray, ratio: Fraction) -> np.ndarray:
    """Resample a run with its missing samples held at its median, and missing again afterwards."""
    from scipy.signal import resample_poly  # half a second to import

    missing = ~np.isfinite(run)
    if missing.all():
        return np.full(int(np.ceil(len(run) * float(ratio))), np.nan, dtype=np.float32)
    middle = np.median(run[~missing])
    filled = np.where(missing, 0.0, run - middle)
    made = resample_poly(filled, ratio.numerator, ratio.denominator) + middle
    if missing.any():
        nearest = np.minimum((np.arange(len(made)) / float(ratio)).astype(int), len(run) - 1)
        made[missing[nearest]] = np.nan
    return made.astype(np.float32)
