"""Nodes of the deep models."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from epochal.leakage import (
    refuse_overlapping_windows,
    refuse_pooled_scaling,
    refuse_shared_subjects,
)
from epochal.models.cross_fitting import CrossFitted, cross_fit, gather_predictions, join_table
from epochal.options import FamilyOptions, StudyOptions


def fit_deep(
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    deep_models: FamilyOptions,
    study: StudyOptions,
) -> dict[str, Callable[[], CrossFitted]]:
    """Cross-fit and refit each listed network; without any, torch is not even imported."""
    if not deep_models.listed:
        return {}
    from epochal.models.deep import ROSTER

    refuse_shared_subjects(splits)
    refuse_overlapping_windows(splits, epochs)
    refuse_pooled_scaling(features, epochs)
    table = join_table(features, epochs, splits)
    return {
        name: partial(cross_fit, name, model, ROSTER, table, study, family="deep")
        for name, model in deep_models.listed.items()
    }


def predict_deep(
    fitted: dict[str, Callable[[], CrossFitted]],
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    deep_models: FamilyOptions,
    study: StudyOptions,
) -> pd.DataFrame:
    """Gather the listed networks' out-of-fold predictions; the refits predict val and test."""
    listed = {name: fitted[name] for name in deep_models.listed}
    table = join_table(features, epochs, splits)
    return gather_predictions(listed, table, splits, study.classes)
