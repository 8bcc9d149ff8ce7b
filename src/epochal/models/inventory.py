"""What a bundle says of each of its models beside the file itself: plain JSON for other programs.

Nothing here is needed to score: the manifest is. These are the same facts, and those of training,
by model, for who wants to use an exported file without Epochal, or to fit the model again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from epochal.models.fitted_model import FittedModel

FEATURE_ORDER = "feature_order.json"
CLASS_MAPPING = "class_mapping.json"
SCALER = "scaler.json"
CONFIG = "config.json"
METRICS = "metrics.json"


def describe_models(
    fitted: Mapping[str, FittedModel], classes: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """Return the content of each JSON file by its name, the models' rows of it by theirs.

    `feature_order.json`: a model's columns in the order of its input. `class_mapping.json`: the
    number of each class, and the classes in the order of each model's output. `scaler.json`: the
    median that fills a gap, and the mean and scale that are taken off, by column; the exported
    file does this itself. `config.json`: what conf asked for, and what a search or early stopping
    found.
    """
    scalers = {name: describe_scaler(model) for name, model in fitted.items()}
    return {
        FEATURE_ORDER: {name: list(model.columns) for name, model in fitted.items()},
        CLASS_MAPPING: {
            "codes": {name: code for code, name in enumerate(classes)},
            "outputs": {
                name: [classes[int(code)] for code in model.estimator.classes_]
                for name, model in fitted.items()
            },
        },
        SCALER: {name: columns for name, columns in scalers.items() if columns},
        CONFIG: {name: describe_config(model) for name, model in fitted.items()},
    }


def describe_scaler(model: FittedModel) -> dict[str, dict[str, Any]]:
    """Return `median`, `mean` and `scale` of each column, as far as the model uses them."""
    found: dict[str, np.ndarray] = {}
    for step in _steps(model.estimator):
        if isinstance(step, SimpleImputer):
            found["median"] = step.statistics_
        elif isinstance(step, StandardScaler):
            found |= {"mean": step.mean_, "scale": step.scale_}
    return {
        column: {name: plain(values[place]) for name, values in found.items()}
        for place, column in enumerate(model.columns)
        if found
    }


def describe_config(model: FittedModel) -> dict[str, Any]:
    """Return kind, parameters, column patterns and the rest that a model was fitted with.

    `params` are those it was fitted with in the end, a search's included.
    """
    described: dict[str, Any] = {
        "family": model.family,
        "causal": model.causal,
        "n_columns": len(model.columns),
    }
    if model.options is not None:
        # where trials are kept, and weights lie, is this machine's affair
        described |= model.options.model_dump(
            mode="json", exclude={"tune": {"storage"}, "pretrained": True}
        )
    if model.tuned is not None:
        described["params"] = described.get("params", {}) | model.tuned.params
        described["tuned"] = {
            "params": model.tuned.params,
            "selection_score": plain(model.tuned.score),
            "n_trials": len(model.tuned.trials),
        }
    if model.options is not None and model.options.early_stopping is not None:
        described["n_trees_per_class"] = count_rounds(model.estimator)
    return described


def count_rounds(estimator: Any) -> int | None:
    """Return how many rounds of boosting an estimator that stopped early keeps."""
    last = _steps(estimator)[-1]
    if hasattr(last, "model_"):  # XGBoost counts from 0
        return int(last.model_.best_iteration) + 1
    rounds = getattr(last, "best_iteration_", None) or getattr(last, "n_iter_", None)
    return None if rounds is None else int(np.max(rounds))


def describe_metrics(leaderboard: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return each model's rows of the leaderboard, one per role; baselines and smoothed too."""
    return {
        str(name): [
            {str(key): plain(value) for key, value in row.items()}
            for row in rows.to_dict(orient="records")
        ]
        for name, rows in leaderboard.groupby("model", sort=False)
    }


def write_json(content: Mapping[str, Any]) -> bytes:
    """Return JSON as any other program reads it: no NaN in it."""
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def plain(value: object) -> float | int | str | bool | None:
    """Return a number or text as JSON has it; what is not finite is null."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return str(value)


def _steps(estimator: Any) -> list[Any]:
    return [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
