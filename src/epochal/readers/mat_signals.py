"""Channels and labels in a laboratory's MATLAB files: `EEG`, `EMG`, `labels`, a rate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epochal.errors import RecordingError, did_you_mean
from epochal.readers.aliases import kind_of
from epochal.readers.mat import read_mat, to_numbers
from epochal.readers.stage_maps import spell_codes
from epochal.readers.streams import mask_infinite, settle_voltage
from epochal.recording import Channel

RATES = ("fs", "sfreq", "sr", "srate", "samplingrate", "samplerate", "samplingfrequency",
         "samplefrequency", "sampfreq")  # fmt: skip
EPOCHS = ("epochlength", "epochlen", "epochduration")
# Beyond these a number is no rate and no length of an epoch, and arithmetic with it overflows.
HIGHEST_RATE_HZ = 1e9
LONGEST_EPOCH_S = 86_400.0
SIGNAL = re.compile(r"(eeg|emg|ecg|ekg|acc|accel\w*|actigraphy|activity|motion)\w*", re.IGNORECASE)
LABELS = re.compile(r"(labels?|stages?|scores?|hypnogram|adjustedlabels)(_\w+)?", re.IGNORECASE)


def load_variables(path: str | Path, companions: Sequence[str] = ()) -> dict[str, Any]:
    """Read a MATLAB file with those that go with it; structs' fields stand by their own names.

    A struct such as `EEG` with the fields `data` and `fs` gives `EEG` and `EEG_fs`.
    """
    variables: dict[str, Any] = {}
    for file in (path, *companions):
        for name, value in read_mat(file).items():
            variables.update(_flatten(name, value))
    return variables


def _flatten(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    if "data" in value:
        rest = {f"{name}_{field}": inner for field, inner in value.items() if field != "data"}
        return {name: value["data"], **rest}
    return dict(value)


def find_number(variables: Mapping[str, Any], names: Sequence[str]) -> float | None:
    """Return the first scalar whose name, without case or separators, is among `names`."""
    for name, value in variables.items():
        if _plain(name) in names and isinstance(value, int | float):
            return float(value)
    return None


def find_epoch_length(path: str | Path, variables: Mapping[str, Any]) -> float | None:
    """Return the length in seconds of the labels' epochs, or None; what is none is refused."""
    length_s = find_number(variables, EPOCHS)
    if length_s and not 0 < length_s <= LONGEST_EPOCH_S:
        raise RecordingError(path, f"epochs of {length_s:g} s, not of up to a day")
    return length_s


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def read_channels(
    path: str | Path,
    variables: Mapping[str, Any],
    *,
    wanted: Mapping[str, str],
    sfreq: float | None,
    unit: str | None,
    problems: list[str],
) -> list[Channel]:
    """Return the wanted variables, `{channel: variable}`, as channels, voltages in uV.

    A matrix `data` holds `data1`, `data2`…  `sfreq` stands in where the file names no rate; `unit`
    says what the numbers are, else their size tells. What is missing raises `RecordingError`.
    """
    rows = _list_rows(path, set(wanted.values()), variables)
    channels = []
    for name, variable in wanted.items():
        if variable not in rows:
            raise RecordingError(path, f"no channel '{variable}'{did_you_mean(variable, rows)}")
        owner, data = rows[variable]
        rate = _rate_of(path, owner, variables, sfreq)
        channels.append(_to_channel(path, name, data, rate, unit, problems))
    return channels


def find_signals(path: str | Path, variables: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that are called EEG, EMG or accelerometer; no EEG is refused."""
    signals = [name for name in variables if _is_signal(name, variables)]
    if not any(kind_of(name) == "EEG" for name in signals):
        given = ", ".join(sorted(variables)) or "nothing"
        raise RecordingError(path, f"no EEG: none of its variables is called so; it has: {given}")
    rows = (_rows(path, name, variables[name]) for name in signals)
    return {name: name for named in rows for name in named}


def _list_rows(
    path: str | Path, wanted: set[str], variables: Mapping[str, Any]
) -> dict[str, tuple[str, np.ndarray]]:
    """Return `{channel: (variable, samples)}` of whatever may be a signal, or is asked for."""
    rows = {}
    for name, value in variables.items():
        is_array = isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.size > 1
        if name in wanted or is_array:
            named = _rows(path, name, value)
            rows.update({row: (name, samples) for row, samples in named.items()})
    return rows


def _is_signal(name: str, variables: Mapping[str, Any]) -> bool:
    if not SIGNAL.fullmatch(name) or _owner(name, variables):
        return False
    return not isinstance(variables[name], int | float | str)


def _owner(name: str, variables: Mapping[str, Any]) -> str | None:
    """Return the signal that a variable such as `ACC_fs` or `fs_ACC` belongs to."""
    for other in variables:
        rest = name.removeprefix(f"{other}_") if name != other else name
        if rest != name and _plain(rest) in RATES:
            return other
    return None


def _rate_of(
    path: str | Path, name: str, variables: Mapping[str, Any], sfreq: float | None
) -> float:
    own = [f"{_plain(name)}{rate}" for rate in RATES] + [f"{rate}{_plain(name)}" for rate in RATES]
    rate = find_number(variables, own) or find_number(variables, RATES) or sfreq
    if rate is None:
        given = ", ".join(sorted(variables))
        raise RecordingError(
            path, f"no sampling rate (such as `fs`); it has: {given}; the option `sfreq` gives one"
        )
    if not 0 < rate <= HIGHEST_RATE_HZ:
        raise RecordingError(path, f"a sampling rate of {rate:g} Hz for '{name}'")
    return rate


def _rows(path: str | Path, name: str, value: Any) -> dict[str, np.ndarray]:
    """Return a vector as one channel, a matrix as one per row of its shorter side."""
    array = to_numbers(path, name, value)
    if array.ndim > 2:
        raise RecordingError(path, f"'{name}' has {array.ndim} dimensions, not one or two")
    if array.ndim < 2:
        return {name: np.atleast_1d(array)}
    rows = array if array.shape[0] <= array.shape[1] else array.T
    return {f"{name}{number}": row for number, row in enumerate(rows, start=1)}


def _to_channel(
    path: str | Path,
    name: str,
    data: np.ndarray,
    sfreq: float,
    unit: str | None,
    problems: list[str],
) -> Channel:
    data = mask_infinite(path, name, data, problems)
    if kind_of(name) is None:
        return Channel(name, "g" if name.lower().startswith("acc") else "", sfreq, _float32(data))
    voltage = settle_voltage(path, name, data, sfreq=sfreq, declared=unit or "", problems=problems)
    return Channel(name, "uV", sfreq, _float32(voltage))


def _float32(data: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(data, dtype=np.float32)


def read_codes(
    path: str | Path, variables: Mapping[str, Any], name: str | None = None
) -> list[str] | None:
    """Return the label of each epoch, or None where there are none; `name` asks for a variable."""
    if name is not None and name not in variables:
        raise RecordingError(path, f"no labels '{name}'{did_you_mean(name, variables)}")
    found = [n for n in variables if LABELS.fullmatch(n)] if name is None else [name]
    if not found:
        return None
    if len(found) > 1:
        raise RecordingError(path, f"several variables may be the labels: {', '.join(found)}")
    values = variables[found[0]]
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return list(values)
    codes = to_numbers(path, found[0], values)
    if codes.ndim > 1:
        raise RecordingError(path, f"'{found[0]}' has shape {codes.shape}, not one code per epoch")
    return spell_codes(np.atleast_1d(codes))


def find_labels_of(animal: str, variables: Mapping[str, Any], path: str | Path) -> str | None:
    """Return the variable that holds the labels of one animal of several, or None without any.

    Labels that do not say whose they are raise `RecordingError`.
    """
    if f"labels_{animal}" in variables:
        return f"labels_{animal}"
    found = [name for name in variables if LABELS.fullmatch(name)]
    if found:
        raise RecordingError(
            path,
            f"it holds several animals, and none of {', '.join(found)} is 'labels_{animal}'; say "
            "in the option `animals` which are its `labels`",
        )
    return None
