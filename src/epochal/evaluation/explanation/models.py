"""Why a fitted model said what it said: what each column added to each class of each epoch.

Shapley values (Lundberg and Lee 2017, arXiv:1705.07874): with the mean over training rows they add
up to what the model says of an epoch. They say what the *model* uses, not what causes a class.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from epochal.errors import EpochalError
from epochal.models.fitted_model import FittedModel

LOG_ODDS, PROBABILITY = "log-odds", "probability"


class Explained(NamedTuple):
    """Contributions of each column to each class: `(n_epochs, n_columns, n_classes)`.

    `expected` `(n_classes,)` is what the model says on average; classes are in the study's order,
    those that training lacked are 0. Before any calibration.
    """

    values: np.ndarray
    expected: np.ndarray
    columns: list[str]
    classes: tuple[str, ...]
    unit: str


def explain_model(model: FittedModel, rows: pd.DataFrame) -> Explained:
    """Return the contributions for some rows of the table that the model takes.

    Trees exactly, by TreeSHAP along the paths of the training rows (Lundberg et al. 2020,
    doi:10.1038/s42256-019-0138-9): LightGBM and XGBoost by their own code, scikit-learn's by shap.
    A linear model exactly, its columns taken as independent. A network over columns by integrated
    gradients. Log-odds, but for random forests, whose trees vote with probabilities. A kind that
    cannot be explained, or a library that is not installed, raises `EpochalError`.
    """
    last = _last_step(model.estimator)
    kind = type(last).__name__
    if kind not in _EXPLAINERS or model.store is not None:
        raise EpochalError(f"Model '{model.name}': nothing explains {kind}")
    explain, unit = _EXPLAINERS[kind]
    columns = rows[model.columns]
    values, expected = explain(model.estimator, columns)
    return _spread(model, np.asarray(values, dtype=float), np.asarray(expected, float), unit)


def can_explain(model: FittedModel) -> bool:
    """Say whether `explain_model` knows the model's kind, whatever is installed."""
    return model.store is None and type(_last_step(model.estimator)).__name__ in _EXPLAINERS


def missing_library(model: FittedModel) -> str | None:
    """Return the library that explaining the model would take, where it is not installed."""
    needed = _LIBRARIES.get(type(_last_step(model.estimator)).__name__)
    return needed if needed is not None and find_spec(needed) is None else None


def _spread(model: FittedModel, values: np.ndarray, expected: np.ndarray, unit: str) -> Explained:
    """Put the estimator's outputs at the places of the study's classes.

    What says one log-odds for two classes says half of it for the one and against the other.
    """
    if values.shape[2] == 1:
        values = np.concatenate([-values, values], axis=2) / 2
        expected = np.concatenate([-expected, expected]) / 2
    whole = np.zeros((*values.shape[:2], len(model.classes)))
    base = np.zeros(len(model.classes))
    whole[:, :, model.estimator.classes_] = values
    base[model.estimator.classes_] = expected
    return Explained(whole, base, list(model.columns), model.classes, unit)


def _last_step(estimator: Any) -> Any:
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _before_last(estimator: Any, columns: pd.DataFrame) -> np.ndarray:
    """Return the columns as the last step sees them: without gaps, scaled."""
    return np.asarray(estimator[:-1].transform(columns), dtype=float)


def _with_bias_last(found: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Take `(n_epochs, n_classes, n_columns + 1)` apart into contributions and their mean."""
    by_class = found.reshape(len(found), n_classes, -1)
    expected = by_class[0, :, -1] if len(found) else np.zeros(n_classes)
    return by_class[:, :, :-1].transpose(0, 2, 1), expected


def _explain_lightgbm(estimator: Any, columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    n_outputs = len(estimator.classes_) if len(estimator.classes_) > 2 else 1
    return _with_bias_last(np.asarray(estimator.predict(columns, pred_contrib=True)), n_outputs)


def _explain_xgboost(estimator: Any, columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    from xgboost import DMatrix

    booster = estimator.model_.get_booster()
    found = booster.predict(DMatrix(columns), pred_contribs=True)
    return _with_bias_last(np.asarray(found), found.shape[1] if found.ndim == 3 else 1)


def _explain_trees(estimator: Any, columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Explain scikit-learn's trees by the library shap."""
    shap = _import_shap()
    given = _before_last(estimator, columns) if isinstance(estimator, Pipeline) else columns
    explainer = shap.TreeExplainer(_last_step(estimator))
    values = np.asarray(explainer.shap_values(np.asarray(given), check_additivity=False))
    expected = np.atleast_1d(explainer.expected_value)
    return values.reshape(len(columns), columns.shape[1], -1), expected


def _import_shap() -> Any:
    try:
        import shap
    except ModuleNotFoundError as error:
        raise EpochalError(
            "explaining this model needs 'shap': pip install 'epochal[explain]'"
        ) from error
    return shap


def _explain_linear(estimator: Any, columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Explain a logistic regression on scaled columns, whose mean over training is 0."""
    last = _last_step(estimator)
    given = _before_last(estimator, columns)
    return given[:, :, None] * last.coef_.T[None], last.intercept_


def _explain_network(estimator: Any, columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Explain a network over columns, against the mean of training."""
    import torch

    from epochal.evaluation.explanation.networks import integrate_gradients

    given = torch.as_tensor(_before_last(estimator, columns), dtype=torch.float32)
    network = _last_step(estimator).network_
    with torch.inference_mode():
        expected = network(torch.zeros(1, given.shape[1]))[0].numpy()
    parts = [
        integrate_gradients(lambda rows, code=code: network(rows)[:, code], (given,))[0].numpy()
        for code in range(len(expected))
    ]
    return np.stack(parts, axis=2), expected


_Explainer = Callable[[Any, pd.DataFrame], tuple[np.ndarray, np.ndarray]]
_EXPLAINERS: dict[str, tuple[_Explainer, str]] = {
    "LGBMClassifier": (_explain_lightgbm, LOG_ODDS),
    "EncodedXGBoost": (_explain_xgboost, LOG_ODDS),
    "HistGradientBoosting": (_explain_trees, LOG_ODDS),
    "RandomForestClassifier": (_explain_trees, PROBABILITY),
    "LogisticRegression": (_explain_linear, LOG_ODDS),
    "NetworkClassifier": (_explain_network, LOG_ODDS),
}
_LIBRARIES = {
    "HistGradientBoosting": "shap",
    "RandomForestClassifier": "shap",
    "NetworkClassifier": "captum",
}
