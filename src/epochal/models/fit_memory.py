"""What one fit of a classical model may hold, and which models would take more than is allowed.

The bytes are measured (docs/explanation/scale.md), and include the copy that is handed to the
model; a test compares them with what fits take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.models.fitting import make_targets
from epochal.models.one_fit import Fitting
from epochal.models.training_table import are_scattered
from epochal.options.models import ModelOptions
from epochal.splits import folds_to_predict, kept_rows, rows_to_fit

_SAMPLE = 200_000  # rows by which LightGBM chooses its bins, held in double precision


class FitSize(NamedTuple):
    """How much is fitted on; `scattered` rows cannot be shared with the table."""

    n_rows: int
    n_columns: int
    n_classes: int = 2
    scattered: bool = False


def _lightgbm(size: FitSize, options: ModelOptions) -> float:
    copy = 4 * size.n_rows if size.scattered else 0
    return size.n_columns * (13 * min(size.n_rows, _SAMPLE) + 1.2 * size.n_rows + copy)


def _random_forest(size: FitSize, options: ModelOptions) -> float:
    """Count the columns, and as many nodes as the trees may have."""
    n_trees = options.params.get("n_estimators", 200)
    n_nodes = 2 * size.n_rows / options.params.get("min_samples_leaf", 5)
    return 12 * size.n_rows * size.n_columns + n_trees * n_nodes * (64 + 8 * size.n_classes)


def _by_value(n_bytes: float, fixed: float = 0.0) -> Callable[[FitSize, ModelOptions], float]:
    return lambda size, options: n_bytes * size.n_rows * size.n_columns + fixed


NEEDED: dict[str, Callable[[FitSize, ModelOptions], float]] = {
    "majority": _by_value(8),
    "logistic_regression": _by_value(18.5),
    "naive_bayes": _by_value(18.5),
    "random_forest": _random_forest,
    "hist_gradient_boosting": _by_value(20),
    "lightgbm": _lightgbm,
    "xgboost": _by_value(12, fixed=60e6),
}


def refuse_large_fits(fittings: Mapping[str, Fitting], allowed_mb: float | None) -> None:
    """Raise `EpochalError` naming the models whose largest fit would need more than is allowed.

    What is wrong with a model otherwise (its kind, its columns, its labels) is left to its fit.
    """
    if allowed_mb is None:
        return
    large = []
    for name, fitting in fittings.items():
        with suppress(EpochalError):
            size = largest_fit(fitting)
            needed_mb = NEEDED[fitting.options.kind](size, fitting.options) / 1e6
            if needed_mb > allowed_mb:
                large.append(
                    f"'{name}' needs {needed_mb:.0f} MB for {size.n_rows} epochs of "
                    f"{size.n_columns} columns"
                )
    if large:
        raise EpochalError(
            f"classical_models.fit_memory_mb allows {allowed_mb:g} MB a fit; {'; '.join(large)}. "
            "Fewer columns (`columns` of the model), fewer epochs of the frequent classes "
            "(splitting.balance) or fewer recordings need less"
        )


def largest_fit(fitting: Fitting) -> FitSize:
    """Return the size of the largest of a model's fits, folds and refit."""
    model = fitting.describe()
    known = model.describe_known(fitting.table)
    fits = [rows_to_fit(known, fold=fold) for fold in [*folds_to_predict(known), None]]
    places = max((_fitted(rows, fitting) for rows in fits), key=len)
    return FitSize(len(places), len(model.columns), len(model.classes), are_scattered(places))


def _fitted(rows: pd.DataFrame, fitting: Fitting) -> np.ndarray:
    kept = kept_rows(rows)
    targets = make_targets(kept, fitting.study.classes, fitting.options)
    return kept.index.to_numpy()[targets.places]
