"""The roster of classical models and baselines: a name in conf, a function that builds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def prepare_columns() -> list[BaseEstimator]:
    """Return the steps that every model on continuous columns needs: medians for gaps, unit scale.

    A column that is missing throughout a training part stays, as zeros, so that the names and
    number of columns never depend on the fold.
    """
    return [SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()]


def build_majority(seed: int) -> BaseEstimator:
    """Build a model that always says the classes' shares in training."""
    return DummyClassifier(strategy="prior", random_state=seed)


def build_logistic_regression(
    seed: int, *, C: float = 1.0, max_iter: int = 1000, class_weight: Any = None
) -> Pipeline:
    """Build a multinomial logistic regression on scaled columns."""
    model = LogisticRegression(C=C, max_iter=max_iter, class_weight=class_weight, random_state=seed)
    return make_pipeline(*prepare_columns(), model)


def build_lightgbm(seed: int, **params: Any) -> BaseEstimator:
    """Build gradient-boosted trees; missing values are theirs to handle."""
    from lightgbm import LGBMClassifier

    defaults = {"n_estimators": 200, "learning_rate": 0.05, "num_leaves": 31, "subsample": 0.8,
                "subsample_freq": 1, "colsample_bytree": 0.5, "min_child_samples": 30}  # fmt: skip
    unknown = set(params) - set(LGBMClassifier().get_params())
    if unknown:  # LightGBM itself would take them without a word
        raise TypeError(f"no parameter {', '.join(sorted(unknown))}")
    # One thread: models are fitted side by side, and threads that spin starve each other.
    fixed = {"random_state": seed, "n_jobs": 1, "verbose": -1, "deterministic": True}
    return LGBMClassifier(**{**defaults, **params, **fixed})


ROSTER: dict[str, Callable[..., BaseEstimator]] = {
    "majority": build_majority,
    "logistic_regression": build_logistic_regression,
    "lightgbm": build_lightgbm,
}
