"""Nodes of feature engineering."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.features import extract_features, prepare_inputs
from epochal.leakage import refuse_clocks
from epochal.options.features import FeatureOptions
from epochal.options.study import StudyOptions
from epochal.recording import Recording


def compute_features(
    recordings: dict[str, Callable[[], Recording]],
    epochs: pd.DataFrame,
    feature_engineering: FeatureOptions,
) -> dict[str, Callable[[], pd.DataFrame]]:
    """Compute each recording's features as a piece of its own."""
    return _by_recording(_features_of, recordings, epochs, feature_engineering)


def compute_inputs(
    recordings: dict[str, Callable[[], Recording]],
    epochs: pd.DataFrame,
    feature_engineering: FeatureOptions,
) -> dict[str, Callable[[], EpochInputs]]:
    """Prepare what networks see of each recording, where conf lists any such input."""
    if not feature_engineering.network_inputs.listed:
        return {}
    return _by_recording(_inputs_of, recordings, epochs, feature_engineering)


def gather_features(
    feature_parts: dict[str, Callable[[], pd.DataFrame]], epochs: pd.DataFrame, study: StudyOptions
) -> dict[str, Callable[[], pd.DataFrame]]:
    """Hand on the recordings' features, to be one table, which may be larger than memory.

    They may carry no time where that is forbidden.
    """
    if study.fixed_task_order:
        refuse_clocks((load() for load in feature_parts.values()), epochs)
    return feature_parts


def _by_recording(
    function: Callable[..., Any],
    recordings: dict[str, Callable[[], Recording]],
    epochs: pd.DataFrame,
    options: FeatureOptions,
) -> dict[str, Callable[[], Any]]:
    """Make a piece of each recording that has epochs."""
    by_recording = dict(tuple(epochs.groupby("recording_id")))
    return {
        name: partial(function, load, by_recording[name].reset_index(drop=True), options)
        for name, load in recordings.items()
        if name in by_recording
    }


def _inputs_of(
    load: Callable[[], Recording], epochs: pd.DataFrame, options: FeatureOptions
) -> EpochInputs:
    return prepare_inputs(load(), epochs, options)


def _features_of(
    load: Callable[[], Recording], epochs: pd.DataFrame, options: FeatureOptions
) -> pd.DataFrame:
    return extract_features(load(), epochs, options)
