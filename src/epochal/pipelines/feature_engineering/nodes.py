"""Nodes of feature engineering."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from epochal.features import extract_features
from epochal.leakage import refuse_clocks
from epochal.options import FeatureOptions, StudyOptions
from epochal.recording import Recording


def compute_features(
    recordings: dict[str, Callable[[], Recording]],
    epochs: pd.DataFrame,
    feature_engineering: FeatureOptions,
) -> dict[str, Callable[[], pd.DataFrame]]:
    """Compute each recording's features as a piece of its own."""
    by_recording = dict(tuple(epochs.groupby("recording_id")))
    return {
        name: partial(
            _features_of, load, by_recording[name].reset_index(drop=True), feature_engineering
        )
        for name, load in recordings.items()
        if name in by_recording
    }


def gather_features(
    feature_parts: dict[str, Callable[[], pd.DataFrame]], epochs: pd.DataFrame, study: StudyOptions
) -> pd.DataFrame:
    """Put the recordings' features into one table; it may carry no time where that is forbidden."""
    features = pd.concat([load() for load in feature_parts.values()], ignore_index=True)
    if study.fixed_task_order:
        refuse_clocks(features, epochs)
    return features


def _features_of(
    load: Callable[[], Recording], epochs: pd.DataFrame, options: FeatureOptions
) -> pd.DataFrame:
    return extract_features(load(), epochs, options)
