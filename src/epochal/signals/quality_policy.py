"""What channel a watched name is, and what follows from faults: flag, drop, or feature."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from epochal.options.quality import Kind, QualityOptions
from epochal.readers.aliases import kind_of
from epochal.recording import Channel
from epochal.signals.quality import Assessment

FLAG, INDEX, DROPPED = "quality_", "sqi", "quality_dropped"
_UNITS: dict[str, Kind] = {"uS": "eda", "degC": "temperature", "g": "acceleration"}
_WORDS: dict[str, Kind] = {
    "BVP": "bvp", "PPG": "bvp", "PLETH": "bvp", "EDA": "eda", "GSR": "eda", "TEMP": "temperature",
    "ACC": "acceleration", "ACCELEROMETER": "acceleration",
}  # fmt: skip
_NAMED: dict[str, Kind] = {"EEG": "eeg", "EOG": "eog", "EMG": "emg", "ECG": "ecg"}
MIN_WAVE_HZ = 20.0  # a slower EEG, EMG… is an envelope of one


def kind_of_channel(channel: Channel, options: QualityOptions) -> Kind:
    """Return what a channel is: as the options say, or by its unit, or by its name; or `other`."""
    if channel.name in options.kinds:
        return options.kinds[channel.name]
    if channel.unit in _UNITS:
        return _UNITS[channel.unit]
    words = re.findall("[A-Z]+", channel.name.upper())
    by_word = next((_WORDS[word] for word in words if word in _WORDS), None)
    named = by_word or _NAMED.get(kind_of(channel.name) or "", "other")
    return named if channel.sfreq >= MIN_WAVE_HZ or named in _UNITS.values() else "other"


def combine(assessed: Mapping[str, Assessment], options: QualityOptions) -> pd.DataFrame:
    """Return the columns of the epochs: `quality_<fault>` of any channel, `sqi` of the worst.

    With policy `feature` also `sqi_<channel>`, which `quality_features` passes on.
    """
    columns: dict[str, np.ndarray] = {}
    for name, one in assessed.items():
        for fault, found in one.flags.items():
            columns[FLAG + fault] = columns.get(FLAG + fault, False) | found
        if options.index:
            columns[INDEX] = np.minimum(columns.get(INDEX, 1.0), one.sqi)
        if options.index and options.policy == "feature":
            column = f"{INDEX}_{_slug(name)}"
            columns[column] = np.minimum(columns.get(column, 1.0), one.sqi)
    return pd.DataFrame(columns)


def withhold_labels(epochs: pd.DataFrame, options: QualityOptions) -> pd.DataFrame:
    """Return the epochs without the labels of those with a fault, where the policy is `drop`.

    What has no label is neither trained on nor evaluated. `quality_dropped` says which were
    withheld, so that a figure can tell what it leaves out.
    """
    faults = [name for name in epochs if str(name).startswith(FLAG) and name != DROPPED]
    if options.policy != "drop" or not faults:
        return epochs
    dropped = epochs[faults].any(axis=1) & epochs["label"].notna()
    return epochs.assign(label=epochs["label"].mask(dropped), **{DROPPED: dropped})


def describe_dropped(epochs: pd.DataFrame) -> str:
    """Return the sentence that figures on such epochs need, empty where none was dropped."""
    n_dropped = int(epochs[DROPPED].sum()) if DROPPED in epochs else 0
    if not n_dropped:
        return ""
    n_labelled = n_dropped + int(epochs["label"].notna().sum())
    return (
        f"{n_dropped} of {n_labelled} labelled epochs ({n_dropped / n_labelled:.1%}) have a fault "
        "and are left out of training and of every figure (ingestion.quality.policy: drop)."
    )


def quality_features(epochs: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return flags and indices as feature columns, float32; none without policy `feature`.

    The columns `sqi_<channel>` are there under that policy alone.
    """
    indices = [name for name in map(str, epochs) if name.startswith(f"{INDEX}_")]
    flags = [name for name in map(str, epochs) if name.startswith(FLAG)] if indices else []
    return {name: epochs[name].to_numpy(dtype=np.float32) for name in [*flags, *indices]}


def _slug(name: str) -> str:
    """Return a channel's name as part of a column's: `EEG Fpz-Cz` is `eeg_fpz_cz`."""
    return "_".join(re.findall("[a-z0-9]+", name.lower()))
