"""Nodes of stacking."""

from collections.abc import Callable

import pandas as pd

from epochal.leakage import refuse_in_sample
from epochal.models.cross_fitting import (
    CrossFitted,
    divide,
    gather_predictions,
    join_table,
)
from epochal.models.one_fit import Fitting
from epochal.models.stack_smoothing import smooth_predictions
from epochal.models.stacking import (
    META_ROSTER,
    choose_base_models,
    list_stacks,
    mark_causal,
    spread_models,
)
from epochal.options.models import StackingOptions
from epochal.options.study import StudyOptions


def fit_stack(
    classical: pd.DataFrame,
    deep: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    stacking: StackingOptions,
    study: StudyOptions,
) -> dict[str, Callable[[], CrossFitted]]:
    """Cross-fit the meta-learner and its comparisons on out-of-fold probabilities, if any."""
    predictions = pd.concat([classical, deep], ignore_index=True)
    refuse_in_sample(predictions, splits)
    models = choose_base_models(predictions, stacking)
    if not models:
        return {}
    table = join_table(spread_models(predictions, models, ("oof",)), epochs, splits)
    return {
        name: divide(Fitting(name, meta, META_ROSTER, table, study, "stack"))
        for name, meta in list_stacks(stacking).items()
    }


def predict_stack(
    fitted: dict[str, Callable[[], CrossFitted]],
    classical: pd.DataFrame,
    deep: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    stacking: StackingOptions,
    study: StudyOptions,
) -> pd.DataFrame:
    """Gather the stack's own cross-fitted predictions, predict val and test, and smooth them."""
    predictions = pd.concat([classical, deep], ignore_index=True)
    models = choose_base_models(predictions, stacking)
    held_out = join_table(spread_models(predictions, models, ("val", "test")), epochs, splits)
    stacked = gather_predictions(fitted, held_out, splits, study.classes)
    return smooth_predictions(
        mark_causal(stacked, predictions, models), epochs, splits, stacking, study
    )
