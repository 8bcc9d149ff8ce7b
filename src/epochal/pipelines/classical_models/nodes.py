"""Nodes of the classical models and the baselines."""

from collections.abc import Callable

import pandas as pd

from epochal.leakage import (
    refuse_overlapping_windows,
    refuse_pooled_scaling,
    refuse_shared_subjects,
)
from epochal.models.baselines import add_schedule, baseline_table, baselines
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import (
    CrossFitted,
    divide,
    gather_predictions,
    join_table,
)
from epochal.models.fit_memory import refuse_large_fits
from epochal.models.one_fit import Fitting
from epochal.options.models import ClassicalOptions
from epochal.options.study import StudyOptions


def fit_classical(
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    classical_models: ClassicalOptions,
    study: StudyOptions,
) -> dict[str, Callable[[], CrossFitted]]:
    """Cross-fit and refit each listed model, and the baselines that always stand beside them."""
    refuse_shared_subjects(splits)
    refuse_overlapping_windows(splits, epochs)
    refuse_pooled_scaling(features, epochs)
    table = join_table(features, epochs, splits)
    fits = {
        name: Fitting(name, model, ROSTER, table, study, "classical")
        for name, model in classical_models.listed.items()
    }
    refuse_large_fits(fits, classical_models.fit_memory_mb)
    seen = baseline_table(table, epochs)
    fits |= {
        name: Fitting(name, model, ROSTER, seen, study, "baseline")
        for name, model in baselines(features, study).items()
    }
    return {name: divide(fitting) for name, fitting in fits.items()}


def predict_classical(
    fitted: dict[str, Callable[[], CrossFitted]],
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    classical_models: ClassicalOptions,
    study: StudyOptions,
) -> pd.DataFrame:
    """Gather the listed models' out-of-fold predictions; the refits predict val and test."""
    table = add_schedule(join_table(features, epochs, splits), epochs)
    listed = [*classical_models.listed, *baselines(features, study)]
    return gather_predictions({name: fitted[name] for name in listed}, table, splits, study.classes)
