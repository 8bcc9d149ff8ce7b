"""How long the fits and predictions of each fold and model take."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

_LOG = logging.getLogger(__name__)
FINAL = "final"


class NotFitted:
    """Stands where the final fit of a model was not asked for."""

    classes_: tuple[int, ...] = ()

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NotFitted:
        """Do nothing."""
        del X, y, sample_weight
        return self


class Clock:
    """Watches the estimators that a cross-fit builds, one after the other, and keeps the seconds.

    `records` has `model, fold, fit_s, predict_s`; the fold of the last fit, on all rows, is
    "final". Without a final fit the estimator that would be it stays unfitted.
    """

    def __init__(self, *, n_folds: int, final: bool) -> None:
        self.n_folds, self.final = n_folds, final
        self.records: list[dict[str, Any]] = []

    def watch(self, name: str, build: Callable[..., Any]) -> Callable[..., Any]:
        """Return the builder of a model whose estimators are timed."""
        built = 0

        def build_timed(seed: int, **params: Any) -> Any:
            nonlocal built
            fold, built = built, built + 1
            if fold == self.n_folds and not self.final:
                return NotFitted()
            label = FINAL if fold == self.n_folds else f"{fold + 1}/{self.n_folds}"
            record = {"model": name, "fold": label, "fit_s": None, "predict_s": None}
            self.records.append(record)
            return _time_methods(build(seed, **params), record)

        return build_timed


def _time_methods(estimator: Any, record: dict[str, Any]) -> Any:
    """Time an estimator's own methods, so that it stays what it is to whoever exports it."""
    timed = {"fit": "fit_s", "predict_proba": "predict_s"}
    if record["fold"] == FINAL:  # nothing is predicted with it here, but to check its export
        del timed["predict_proba"]
    for method, key in timed.items():
        setattr(estimator, method, _timed(getattr(estimator, method), record, key))
    return estimator


def _timed(call: Callable[..., Any], record: dict[str, Any], key: str) -> Callable[..., Any]:
    @wraps(call)  # its signature says what it takes: weights, or none
    def measure(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        result = call(*args, **kwargs)
        if record[key] is None:
            record[key] = round(time.perf_counter() - start, 3)
            if key == "fit_s":
                _LOG.info("fold %s %s: fit %.1f s", record["fold"], record["model"], record[key])
        return result

    return measure
