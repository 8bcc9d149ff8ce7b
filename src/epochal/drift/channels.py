"""What the raw channels of each epoch look like, before any filter: faults show there first.

A band-pass hides the mains, a logarithm the unit, a difference the level. Seven columns for each
channel, named `channel <name>: <what>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from epochal.drift.faults import Fault
from epochal.options.features import FeatureOptions
from epochal.recording import Recording
from epochal.signals.epoching import cut_epochs

LEVEL, SPREAD, STEP, PITCH, MAINS_50, MAINS_60, FAST = (
    "level", "ln spread", "ln step", "ln pitch", "ln 50 Hz share", "ln 60 Hz share", "ln fast share"
)  # fmt: skip
_COLUMNS = (LEVEL, SPREAD, STEP, PITCH, MAINS_50, MAINS_60, FAST)
_LOWEST_HZ = 0.3  # slower is drift of the electrode
_FAST_PART = 0.5  # of the Nyquist frequency
_MAINS_HZ, _MAINS_WIDTH_HZ = (50.0, 60.0), 1.0
_N_RANKED = 500  # samples of a window that quantiles are taken of, evenly spaced: sorting is slow
_LEAST = 1e-12
RATES = (2.0, 0.5)


def list_used_channels(features: FeatureOptions) -> list[str]:
    """Return the channels that a study's signals are made of, each once."""
    names = [name for signal in features.signals.values() for name in signal.channels]
    return list(dict.fromkeys(names))


def describe_channels(
    recording: Recording, epochs: pd.DataFrame, channels: list[str]
) -> pd.DataFrame:
    """Return the columns of each channel, a row per epoch; NaN where the channel is not there.

    Median; logarithms of the interquartile range, of the standard deviation of differences, and of
    the geometric mean frequency in Hz; shares of power at the mains (or where sampling folds it
    to) and above half of Nyquist.
    """
    columns: dict[str, np.ndarray] = {}
    length_s = float(epochs["length_s"].iloc[0])
    for name in channels:
        found = np.full((len(_COLUMNS), len(epochs)), np.nan)
        if name in recording.channel_names:
            channel = recording.channel(name)
            windows = cut_epochs(channel, epochs["onset_s"].to_numpy(dtype=float), length_s)
            found = _measure(np.asarray(windows, dtype=np.float64), channel.sfreq)
        columns |= {name_column(name, what): row for what, row in zip(_COLUMNS, found, strict=True)}
    return pd.DataFrame(columns, index=epochs.index)


def name_column(channel: str, what: str) -> str:
    """Return the name of a channel's column."""
    return f"channel {channel}: {what}"


def gain_response(channels: tuple[str, ...], prefix: str) -> Fault:
    """Return what a doubling of some channels does to their columns."""
    return Fault(
        name=prefix,
        factors={name_column(name, LEVEL): 2.0 for name in channels},
        shifts={name_column(name, what): float(np.log(2)) for name in channels
                for what in (SPREAD, STEP)},
    )  # fmt: skip


def list_rate_faults(channels: list[str]) -> list[Fault]:
    """Return the faults of a file that says another rate than it was sampled at."""
    return [
        Fault(
            name=f"sampling rate times {factor:g}",
            shifts={name_column(name, PITCH): float(np.log(factor)) for name in channels},
        )
        for factor in RATES
    ]


def list_channel_swaps(channels: list[str]) -> Iterator[tuple[tuple[str, str], Fault]]:
    """Yield each two channels, and the fault that they were swapped."""
    for one, two in combinations(channels, 2):
        sources = {
            name_column(a, what): name_column(b, what)
            for a, b in ((one, two), (two, one))
            for what in _COLUMNS
        }
        yield (one, two), Fault(name=f"{one} and {two} swapped", sources=sources)


def _measure(windows: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the columns of one channel's windows: `(7, n_epochs)`; NaN in what is incomplete."""
    some = windows[:, :: max(1, windows.shape[1] // _N_RANKED)]
    low, middle, high = np.quantile(some, [0.25, 0.5, 0.75], axis=1)
    steps = np.diff(windows, axis=1).std(axis=1)
    power = np.abs(np.fft.rfft(windows - windows.mean(axis=1, keepdims=True), axis=1)) ** 2
    hz = np.fft.rfftfreq(windows.shape[1], 1 / sfreq)
    heard = hz >= _LOWEST_HZ
    power, hz = power[:, heard], hz[heard]
    total = power.sum(axis=1) + _LEAST
    pitch = power @ np.log(hz) / total
    mains = [power[:, _near_mains(hz, at_hz, sfreq)].sum(axis=1) for at_hz in _MAINS_HZ]
    fast = power[:, hz > _FAST_PART * sfreq / 2].sum(axis=1)
    shares = [np.log((part + _LEAST) / total) for part in (*mains, fast)]
    return np.stack([middle, _log(high - low), _log(steps), pitch, *shares])


def _near_mains(hz: np.ndarray, at_hz: float, sfreq: float) -> np.ndarray:
    """Mark the frequencies that a mains frequency shows at, folded where it is above Nyquist."""
    folded = abs(at_hz - sfreq * round(at_hz / sfreq))
    return np.asarray(np.abs(hz - folded) <= _MAINS_WIDTH_HZ)


def _log(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.maximum(values, _LEAST)))
