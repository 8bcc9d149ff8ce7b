"""Gradient boosting of other libraries behind the interface of the other models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier

from epochal.models.parameters import refuse_unknown


class HistGradientBoosting(HistGradientBoostingClassifier):
    """scikit-learn's gradient boosting by histograms, for columns that hold nothing too.

    Its own cannot bin a column that is missing throughout a training part; filled with zeros such
    a column is constant, and no tree looks at it. Stopped early, it keeps the trees up to the best
    validation loss, as the other libraries do; its own keeps the rounds without a gain too.
    """

    def fit(
        self,
        X: pd.DataFrame,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        **validation: Any,
    ) -> HistGradientBoosting:
        """Fit as the parent does."""
        empty = X.columns[X.isna().all()]
        filled = X.assign(**dict.fromkeys(empty, 0.0)) if len(empty) else X
        super().fit(filled, y, sample_weight, **validation)
        if self.do_early_stopping_:  # the first score is that of no tree at all
            del vars(self)["_predictors"][max(1, int(np.argmax(self.validation_score_))) :]
        return self

    def _bin_data(self, X: Any, sample_weight: Any, is_training_data: bool) -> Any:
        """Put edges of bins at quantiles of the rows as they are, weighted or not.

        scikit-learn 1.8 and later weigh the quantiles too, one call for each of 255 a column: 200
        times the time of the trees, for edges a little elsewhere. Loss and leaves stay weighted.
        """
        del sample_weight
        return super()._bin_data(X, None, is_training_data)


class EncodedXGBoost(ClassifierMixin, BaseEstimator):
    """XGBoost by histograms, for any class numbers: its own wants 0, 1, 2… without a hole.

    Chen and Guestrin 2016, doi:10.1145/2939672.2939785. An unknown parameter raises `EpochalError`,
    which XGBoost itself would take without a word.
    """

    def __init__(self, *, seed: int = 0, params: dict[str, Any] | None = None) -> None:
        self.seed = seed
        self.params = params

    def fit(
        self,
        X: Any,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        validation: tuple[Any, np.ndarray, np.ndarray | None] | None = None,
        rounds: int | None = None,
    ) -> EncodedXGBoost:
        """Fit; with `validation` (columns, classes, weights) until its loss has not fallen."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.model_ = make_xgboost(self.seed, self.params or {}, rounds=rounds)
        judged: dict[str, Any] = {}
        if validation is not None:
            columns, classes, weights = validation
            judged["eval_set"] = [(columns, np.searchsorted(self.classes_, classes))]
            judged["sample_weight_eval_set"] = None if weights is None else [weights]
        self.model_.fit(X, codes, sample_weight=sample_weight, verbose=False, **judged)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return `(n_epochs, n_classes)`."""
        return np.asarray(self.model_.predict_proba(X), dtype=np.float64)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def make_xgboost(seed: int, params: dict[str, Any], *, rounds: int | None = None) -> Any:
    """Return XGBoost's own classifier; one thread, since models are fitted side by side."""
    from xgboost import XGBClassifier

    defaults = {"n_estimators": 200, "learning_rate": 0.1, "max_depth": 6, "subsample": 0.8,
                "colsample_bytree": 0.5, "min_child_weight": 5, "tree_method": "hist"}  # fmt: skip
    fixed = {"random_state": seed, "n_jobs": 1, "early_stopping_rounds": rounds}
    refuse_unknown(params, XGBClassifier().get_params().keys() - fixed.keys())
    return XGBClassifier(**{**defaults, **params, **fixed})
