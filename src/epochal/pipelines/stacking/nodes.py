"""Nodes of stacking."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from epochal.models.cross_fitting import CrossFitted, cross_fit, gather_predictions, join_table
from epochal.models.stacking import (
    META_ROSTER,
    choose_base_models,
    mark_causal,
    smooth_predictions,
    spread_models,
)
from epochal.options import ModelOptions, StackingOptions, StudyOptions
from epochal.serving.bundle import STACK


def fit_stack(
    classical: pd.DataFrame,
    deep: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    stacking: StackingOptions,
    study: StudyOptions,
) -> dict[str, Callable[[], CrossFitted]]:
    """Cross-fit the meta-learner on out-of-fold probabilities; nothing where nothing is stacked."""
    predictions = pd.concat([classical, deep], ignore_index=True)
    models = choose_base_models(predictions, stacking)
    if not models:
        return {}
    table = join_table(spread_models(predictions, models, ("oof",)), epochs, splits)
    meta = ModelOptions(kind="logistic_regression", params={"C": stacking.C})
    return {STACK: partial(cross_fit, STACK, meta, META_ROSTER, table, study, family="stack")}


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
