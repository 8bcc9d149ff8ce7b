"""Plain ways to put base models together, to compare the meta-learner with."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

_N_STEPS = 500
_LEAST_STEP = 1e-7


class WeightedMean(ClassifierMixin, BaseEstimator):
    """The mean of the base models' probabilities: of equal weights, or of the best ones.

    Columns are log probabilities, `<model>__<class>`, models one after the other, as
    `stacking.spread_models` orders them. `blend` fits weights that are not negative and sum to 1
    to the log loss, by expectation maximisation of a mixture (a linear opinion pool).
    """

    def __init__(self, *, blend: bool = False) -> None:
        self.blend = blend

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> WeightedMean:
        """Find out which models there are, and their weights."""
        models = list(dict.fromkeys(str(name).rsplit("__", 1)[0] for name in X))
        self.classes_ = np.arange(X.shape[1] // len(models))
        self.weights_ = np.full(len(models), 1 / len(models))
        if self.blend:
            proba = self._spread(X)
            self.weights_ = fit_weights(proba[np.arange(len(y)), :, y])
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return `(n_epochs, n_classes)`."""
        mixed = np.einsum("nmc,m->nc", self._spread(X), self.weights_)
        return mixed / mixed.sum(axis=1, keepdims=True)

    def _spread(self, X: pd.DataFrame) -> np.ndarray:
        """Return probabilities `(n_epochs, n_models, n_classes)`."""
        return np.exp(np.asarray(X, dtype=float)).reshape(len(X), -1, len(self.classes_))


def fit_weights(proba_of_truth: np.ndarray) -> np.ndarray:
    """Return the weights of the mixture that is likeliest, from `(n_epochs, n_models)`."""
    weights = np.full(proba_of_truth.shape[1], 1 / proba_of_truth.shape[1])
    for _ in range(_N_STEPS):
        shares = proba_of_truth * weights
        updated = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(updated - weights).max() < _LEAST_STEP:
            return updated
        weights = updated
    return weights
