"""The roster of classical models and baselines: a name in conf, a function that builds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from epochal.models.imputing import MedianImputer
from epochal.models.parameters import refuse_unknown

# Parameters that LightGBM knows, though its scikit-learn interface does not name them.
_OF_THE_BOOSTER = {"max_bin", "min_data_in_bin", "path_smooth", "extra_trees", "max_delta_step"}


def prepare_columns() -> list[BaseEstimator]:
    """Return the steps that every model on continuous columns needs: medians for gaps, unit scale.

    A column that is missing throughout a training part stays, as zeros, so that the names and
    number of columns never depend on the fold.
    """
    return [MedianImputer(strategy="median", keep_empty_features=True), StandardScaler()]


def build_majority(seed: int) -> BaseEstimator:
    """Build a model that always says the classes' shares in training."""
    return DummyClassifier(strategy="prior", random_state=seed)


def build_logistic_regression(
    seed: int,
    *,
    C: float = 1.0,
    max_iter: int = 1000,
    solver: Literal["lbfgs", "saga", "newton-cg", "newton-cholesky"] = "lbfgs",
    tol: float = 1e-4,
) -> Pipeline:
    """Build a multinomial logistic regression on scaled columns."""
    model = LogisticRegression(C=C, max_iter=max_iter, solver=solver, tol=tol, random_state=seed)
    return make_pipeline(*prepare_columns(), model)


def build_naive_bayes(seed: int, *, var_smoothing: float = 1e-9) -> Pipeline:
    """Build Gaussian naive Bayes on scaled columns; its probabilities need calibration."""
    del seed  # nothing in it is random
    return make_pipeline(*prepare_columns(), GaussianNB(var_smoothing=var_smoothing))


def build_random_forest(seed: int, /, **params: Any) -> Pipeline:
    """Build a random forest on columns without gaps, each tree on a balanced subsample."""
    defaults = {"n_estimators": 200, "min_samples_leaf": 5, "class_weight": "balanced_subsample"}
    fixed = {"random_state": seed, "n_jobs": 1}
    refuse_unknown(params, RandomForestClassifier().get_params().keys() - fixed.keys())
    model = RandomForestClassifier(**{**defaults, **params, **fixed})
    return make_pipeline(prepare_columns()[0], model)


def build_hist_gradient_boosting(seed: int, /, **params: Any) -> BaseEstimator:
    """Build scikit-learn's gradient boosting by histograms; missing values are theirs to handle."""
    from epochal.models.boosting import HistGradientBoosting

    fixed = {"random_state": seed, "early_stopping": False}
    refuse_unknown(params, HistGradientBoosting().get_params().keys() - fixed.keys())
    return HistGradientBoosting(**{**params, **fixed})


def build_xgboost(seed: int, /, **params: Any) -> BaseEstimator:
    """Build XGBoost's trees by histograms; missing values are theirs to handle."""
    from epochal.models.boosting import EncodedXGBoost, make_xgboost

    make_xgboost(seed, params)  # an unknown parameter is refused now, not after an hour
    return EncodedXGBoost(seed=seed, params=params)


def build_lightgbm(seed: int, /, **params: Any) -> BaseEstimator:
    """Build gradient-boosted trees; missing values are theirs to handle."""
    from lightgbm import LGBMClassifier

    defaults = {"n_estimators": 200, "learning_rate": 0.05, "num_leaves": 31, "subsample": 0.8,
                "subsample_freq": 1, "colsample_bytree": 0.5, "min_child_samples": 30}  # fmt: skip
    # One thread: models are fitted side by side, and threads that spin starve each other.
    fixed = {"random_state": seed, "n_jobs": 1, "verbose": -1, "deterministic": True}
    # LightGBM itself would take an unknown one without a word.
    refuse_unknown(params, (LGBMClassifier().get_params().keys() | _OF_THE_BOOSTER) - fixed.keys())
    return LGBMClassifier(**{**defaults, **params, **fixed})


ROSTER: dict[str, Callable[..., BaseEstimator]] = {
    "majority": build_majority,
    "logistic_regression": build_logistic_regression,
    "naive_bayes": build_naive_bayes,
    "random_forest": build_random_forest,
    "hist_gradient_boosting": build_hist_gradient_boosting,
    "lightgbm": build_lightgbm,
    "xgboost": build_xgboost,
}
