"""Nodes of the classical models and the baselines."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from epochal.leakage import (
    refuse_overlapping_windows,
    refuse_pooled_scaling,
    refuse_shared_subjects,
)
from epochal.models.baselines import add_schedule, baselines
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import CrossFitted, cross_fit, gather_predictions, join_table
from epochal.options.models import FamilyOptions
from epochal.options.study import StudyOptions


def fit_classical(
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    classical_models: FamilyOptions,
    study: StudyOptions,
) -> dict[str, Callable[[], CrossFitted]]:
    """Cross-fit and refit each listed model, and the baselines that always stand beside them."""
    refuse_shared_subjects(splits)
    refuse_overlapping_windows(splits, epochs)
    refuse_pooled_scaling(features, epochs)
    table = join_table(features, epochs, splits)
    pieces: dict[str, Callable[[], CrossFitted]] = {
        name: partial(cross_fit, name, model, ROSTER, table, study, family="classical")
        for name, model in classical_models.listed.items()
    }
    scheduled = add_schedule(table, epochs)
    return pieces | {
        name: partial(cross_fit, name, model, ROSTER, scheduled, study, family="baseline")
        for name, model in baselines(features, study).items()
    }


def predict_classical(
    fitted: dict[str, Callable[[], CrossFitted]],
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    classical_models: FamilyOptions,
    study: StudyOptions,
) -> pd.DataFrame:
    """Gather the listed models' out-of-fold predictions; the refits predict val and test."""
    table = add_schedule(join_table(features, epochs, splits), epochs)
    listed = [*classical_models.listed, *baselines(features, study)]
    return gather_predictions({name: fitted[name] for name in listed}, table, splits, study.classes)
