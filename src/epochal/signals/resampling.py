"""Channels at another rate."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

from epochal.errors import EpochalError
from epochal.recording import Channel

DAY_S = 86_400.0  # how long a recording is taken to be where that is not known: in a stream
# A ratio of rates is sought with no larger denominator, the first that keeps time. The filter of
# the last has two million taps (16 MB), but as few products a sample as any.
_MOST_STEPS = (1_000, 10_000, 100_000)
_MOST_DRIFT = 0.5  # samples of the new rate


def resample_channel(
    channel: Channel,
    runs: tuple[tuple[float, float], ...],
    sfreq: float,
    *,
    causal: bool = False,
) -> Channel:
    """Return the channel at another rate, each run by itself; between the runs it is NaN.

    Polyphase filtering (`scipy.signal.resample_poly`) sees a few samples ahead. `causal` takes
    every n-th sample and no filter: the rate must divide the channel's (`count_steps`), and whoever
    asks has filtered above the new Nyquist frequency. Missing samples stay missing, and every
    sample stays in its place, to half a sample.
    """
    if channel.sfreq == sfreq:
        return channel
    if causal:
        ratio = Fraction(1, count_steps(channel.name, channel.sfreq, sfreq))
    else:
        ratio = find_ratio(channel.sfreq, sfreq, length_s=len(channel.data) / channel.sfreq)
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


def find_ratio(given_hz: float, wanted_hz: float, *, length_s: float = DAY_S) -> Fraction:
    """Return the simplest ratio of two rates that keeps time over so long, to half a sample.

    Where no denominator up to 100,000 does, the ratio is exact, for `resample_samples` alone.
    """
    exact = Fraction(wanted_hz / given_hz)
    for most in _MOST_STEPS:
        ratio = exact.limit_denominator(most)
        if ratio and abs(float(ratio) * given_hz - wanted_hz) * length_s < _MOST_DRIFT:
            return ratio
    return exact


def count_steps(name: str, given_hz: float, wanted_hz: float) -> int:
    """Return every how many-th sample of a channel makes another rate, and keeps time for a day.

    `EpochalError`, with the channel's name, where the rate does not divide its own.
    """
    ratio = find_ratio(given_hz, wanted_hz)
    if ratio.numerator != 1:
        raise EpochalError(
            f"Channel '{name}': {given_hz:.10g} Hz cannot become {wanted_hz:.10g} Hz without "
            "looking ahead (filters: causal); choose a rate that divides it"
        )
    return ratio.denominator


def resample_samples(
    samples: np.ndarray, ratio: Fraction, *, padtype: str = "constant"
) -> np.ndarray:
    """Return samples at `ratio` (of `find_ratio`) times their rate, by polyphase filtering."""
    from scipy.signal import resample_poly  # half a second to import

    near = ratio.limit_denominator(_MOST_STEPS[-1])
    made = resample_poly(samples, near.numerator, near.denominator, padtype=padtype)
    if near == ratio:
        return np.asarray(made)
    # A rate a millionth off a simple one: after a hundred thousand samples, one is left out or
    # comes twice. To interpolate between all of them would take from the high frequencies instead.
    places = np.arange(int(np.ceil(len(samples) * float(ratio)))) * float(near / ratio)
    return np.asarray(made[np.minimum(np.round(places).astype(int), len(made) - 1)])


def _resample(run: np.ndarray, ratio: Fraction) -> np.ndarray:
    """Resample a run with its missing samples held at its median, and missing again afterwards."""
    missing = ~np.isfinite(run)
    if missing.all():
        return np.full(int(np.ceil(len(run) * float(ratio))), np.nan, dtype=np.float32)
    middle = np.median(run[~missing])
    filled = np.where(missing, 0.0, run - middle)
    made = resample_samples(filled, ratio) + middle
    if missing.any():
        nearest = np.minimum((np.arange(len(made)) / float(ratio)).astype(int), len(run) - 1)
        made[missing[nearest]] = np.nan
    return made.astype(np.float32)
