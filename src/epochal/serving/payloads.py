"""What a JSON request holds, as a table of features or as a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.readers.aliases import kind_of
from epochal.readers.e4_files import SIGNALS
from epochal.recording import Channel, DataSource, Recording
from epochal.serving.bundle import Manifest
from epochal.serving.messages.requests import Matrix, Sample
from epochal.serving.rows import Rows

TO_MICROVOLT = {"uV": 1.0, "mV": 1e3, "V": 1e6}
_NAME = "the request"


class Given(NamedTuple):
    """A recording that was sent, and how what was sent was taken."""

    recording: Recording
    notes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def make_features(given: Matrix | Sequence[Mapping[str, float | None]] | Mapping) -> pd.DataFrame:
    """Return a table of what `make_rows` returns."""
    return make_rows(given).to_table()


def make_rows(given: Matrix | Sequence[Mapping[str, float | None]] | Mapping) -> Rows:
    """Return a row per epoch, NaN where null was sent; rows may lack columns that others have.

    A value that float32 cannot hold raises `EpochalError`.
    """
    if isinstance(given, Matrix):
        names, values = given.columns, as_array(given.rows)
    elif isinstance(given, Mapping):
        names, values = list(given), as_array([list(given.values())])
    else:
        rows = list(given)
        names = list(dict.fromkeys(name for row in rows for name in row))
        values = as_array([[row.get(name) for name in names] for row in rows])
    large = np.abs(values) > np.finfo(np.float32).max
    if large.any():
        row, column = np.argwhere(large)[0]
        raise EpochalError(f"Row {row}, column '{names[column]}': too large a number")
    return Rows(names, values.reshape(len(values), len(names)))


def make_recording(sample: Sample, manifest: Manifest) -> Given:
    """Return the signals of a request as a recording, EEG, EOG, EMG and ECG in uV.

    Channels of unequal length, a channel without a rate, and too little for an epoch raise
    `EpochalError`; what is left over at the end is said in the notes.
    """
    assert sample.signals is not None  # as the message was checked
    assert sample.sfreq is not None
    rates = _rates(sample.signals, sample.sfreq)
    channels = [
        _channel(name, samples, sfreq=rates[name], unit=sample.unit)
        for name, samples in sample.signals.items()
    ]
    _refuse_unequal(channels)
    ends_s = min(channel.end_s for channel in channels)
    facts = {"age": sample.age, "sex": sample.sex}
    recording = Recording(
        _NAME,
        _NAME,
        tuple(channels),
        metadata={name: value for name, value in facts.items() if value is not None},
        data_source=sample.data_source,
    )
    return Given(recording, _left_over(ends_s, manifest))


def count_epochs(sample: Sample, manifest: Manifest) -> int:
    """Count the epochs that signals come to, before anything is made of them; 0 without signals.

    A few samples at a low rate may be days.
    """
    if sample.signals is None or sample.sfreq is None:
        return 0
    rates = _rates(sample.signals, sample.sfreq)
    lasts_s = min(len(samples) / rates[name] for name, samples in sample.signals.items())
    ingestion = manifest.ingestion
    step_s = ingestion.epoch_step_s or ingestion.epoch_length_s
    return max(0, int((lasts_s - ingestion.epoch_length_s) // step_s) + 1)


def make_sent(
    channels: Mapping[str, np.ndarray],
    *,
    sfreq: float,
    data_source: DataSource,
    arrays: Mapping[str, np.ndarray] | None = None,
) -> Recording:
    """Return a recording of channels in uV at one rate."""
    made = tuple(Channel(name, "uV", sfreq, _fit(data, name)) for name, data in channels.items())
    return Recording(_NAME, _NAME, made, data_source=data_source, arrays=dict(arrays or {}))


def as_array(values: Any) -> np.ndarray:
    """Return nested lists as an array, NaN where null was sent; ragged ones raise."""
    try:
        return np.array(values, dtype=np.float64)
    except ValueError as error:
        raise EpochalError("Its rows are of different lengths") from error


def _rates(
    signals: Mapping[str, Sequence], sfreq: float | Mapping[str, float]
) -> Mapping[str, float]:
    if not isinstance(sfreq, Mapping):
        return dict.fromkeys(signals, sfreq)
    without = [name for name in signals if name not in sfreq]
    unknown = [name for name in sfreq if name not in signals]
    if without or unknown:
        odd = f"no rate for '{without[0]}'" if without else f"a rate for '{unknown[0]}'"
        raise EpochalError(f"sfreq has {odd}; the channels are {', '.join(signals)}")
    return sfreq


def _channel(name: str, samples: Sequence[float | None], *, sfreq: float, unit: str) -> Channel:
    data = np.array(samples, dtype=np.float64)
    if kind_of(name) is not None:
        return Channel(name, "uV", sfreq, _fit(data * TO_MICROVOLT[unit], name))
    kind = SIGNALS.get(name.split(" ")[0])
    return Channel(name, kind.unit if kind else "", sfreq, _fit(data, name))


def _fit(data: np.ndarray, name: str) -> np.ndarray:
    """Return float32; a number that it cannot hold is refused."""
    if (np.abs(data) > np.finfo(np.float32).max).any():
        raise EpochalError(f"Channel '{name}' holds too large a number")
    return data.astype(np.float32)


def _refuse_unequal(channels: Sequence[Channel]) -> None:
    shortest = min(channels, key=lambda channel: channel.end_s)
    longest = max(channels, key=lambda channel: channel.end_s)
    if longest.end_s - shortest.end_s > 1 / min(shortest.sfreq, longest.sfreq):
        raise EpochalError(
            f"'{shortest.name}' lasts {shortest.end_s:g} s ({len(shortest.data)} samples at "
            f"{shortest.sfreq:g} Hz), '{longest.name}' {longest.end_s:g} s: give all channels the "
            "same time, each at its own rate"
        )


def _left_over(ends_s: float, manifest: Manifest) -> tuple[str, ...]:
    ingestion = manifest.ingestion
    step_s = ingestion.epoch_step_s or ingestion.epoch_length_s
    left_s = (ends_s - ingestion.epoch_length_s) % step_s
    if ends_s < ingestion.epoch_length_s or min(left_s, step_s - left_s) < 1e-3:
        return ()
    return (f"{left_s:g} s at the end are less than an epoch and were not scored.",)
