"""Nodes that explain a fitted model; none of them fits one."""

import logging
from collections.abc import Callable

import pandas as pd
from matplotlib.figure import Figure

from epochal.evaluation.explanation.figures import draw_importances
from epochal.evaluation.explanation.study import (
    choose_explained,
    describe_explanation,
    nothing_explained,
)
from epochal.models.cross_fitting import CrossFitted, join_table
from epochal.options.features import FeatureOptions
from epochal.options.results import EvaluationOptions
from epochal.options.study import StudyOptions

Fitted = dict[str, Callable[[], CrossFitted]]
logger = logging.getLogger(__name__)


def explain_best_model(
    classical_fitted: Fitted,
    deep_fitted: Fitted,
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    leaderboard: pd.DataFrame,
    evaluation: EvaluationOptions,
    feature_engineering: FeatureOptions,
    study: StudyOptions,
) -> tuple[pd.DataFrame, pd.DataFrame, Figure]:
    """Say which columns the headline model goes by, and whether its answers hang on them."""
    model, reason = choose_explained(
        {**classical_fitted, **deep_fitted}, leaderboard, evaluation.explanation
    )
    if model is None:
        logger.warning("No explanation: %s", reason)
        table, deletion = nothing_explained()
        return table, deletion, draw_importances(table, deletion)
    if reason:
        logger.info("Explained: %s", reason)
    table, deletion = describe_explanation(
        model,
        join_table(features, epochs, splits),
        epochs,
        signals=tuple(feature_engineering.signals),
        n_epochs=evaluation.explanation.n_epochs,
        seed=study.seed,
    )
    return table, deletion, draw_importances(table, deletion)
