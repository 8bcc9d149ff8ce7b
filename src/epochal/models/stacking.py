"""Stacking: a meta-learner over the base models' out-of-fold probabilities."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from epochal.errors import EpochalError
from epochal.labels import PROBA, log_proba
from epochal.models.blending import WeightedMean
from epochal.models.classical import prepare_columns
from epochal.options.models import ModelOptions, StackingOptions
from epochal.serving.bundle import STACK


def build_meta(seed: int, *, C: float = 1.0) -> Pipeline:
    """Logistic regression over the base models' log probabilities."""
    return make_pipeline(
        *prepare_columns(), LogisticRegression(C=C, max_iter=1000, random_state=seed)
    )


def build_average(seed: int) -> WeightedMean:
    """Mean of the base models' probabilities."""
    del seed  # nothing in it is random
    return WeightedMean()


def build_blend(seed: int) -> WeightedMean:
    """Mean of the base models' probabilities with the best weights that are not negative."""
    del seed
    return WeightedMean(blend=True)


META_ROSTER: dict[str, Callable[..., Any]] = {
    "logistic_regression": build_meta,
    "average": build_average,
    "blend": build_blend,
}


def list_stacks(options: StackingOptions) -> dict[str, ModelOptions]:
    """Return the meta-learner, and what it is compared with, by the names of their rows."""
    calibration = options.calibration
    meta = ModelOptions(
        kind="logistic_regression", params={"C": options.C}, calibration=calibration
    )
    others = {
        f"{STACK}_{kind}": ModelOptions(kind=kind, calibration=calibration)
        for kind in options.comparisons
    }
    return {STACK: meta} | others


def choose_base_models(predictions: pd.DataFrame, options: StackingOptions) -> list[str]:
    """Return the base models to stack, in their frozen (alphabetical) order; never a baseline.

    A study without models has nothing to stack; patterns that match none of its models raise
    `EpochalError`.
    """
    models = predictions.loc[predictions["family"] != "baseline", "model"].unique()
    chosen = sorted(
        model for model in models if any(fnmatchcase(model, p) for p in options.base_models)
    )
    if len(models) and not chosen:
        raise EpochalError(
            f"No base model matches {list(options.base_models)}; "
            f"there are: {', '.join(sorted(models))}"
        )
    return chosen


def spread_models(
    predictions: pd.DataFrame, models: list[str], roles: tuple[str, ...]
) -> pd.DataFrame:
    """Return one row per epoch and one column of log probability per model and class.

    Only epochs that every model predicts are kept. Columns are `<model>__<class>`.
    """
    chosen = predictions[predictions["model"].isin(models) & predictions["role"].isin(roles)]
    columns = [column for column in predictions if column.startswith(PROBA)]
    pairs = pd.MultiIndex.from_product([columns, models])
    wide = chosen.pivot(index=["recording_id", "epoch"], columns="model", values=columns)
    wide = wide.reindex(columns=pairs).dropna()
    parts = {
        f"{model}__{column.removeprefix(PROBA)}": log_proba(wide[column, model])
        for model in models
        for column in columns
    }
    return pd.DataFrame(parts, index=wide.index).reset_index()


def mark_causal(
    stacked: pd.DataFrame, predictions: pd.DataFrame, models: list[str]
) -> pd.DataFrame:
    """Call the stack causal when every base model is."""
    causal = predictions.loc[predictions["model"].isin(models), "causal"].all()
    return stacked.assign(causal=bool(causal))
