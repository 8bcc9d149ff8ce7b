"""Calibration across folds: each by those that its model may have seen, the refit by train."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.labels import proba_columns
from epochal.leakage import refuse_fitting_on
from epochal.models.calibrators import Calibration, fit_calibration
from epochal.options.models import CalibrationKind
from epochal.splits import rows_to_fit


def calibrate_folds(
    out_of_fold: pd.DataFrame,
    shares: np.ndarray,
    splits: pd.DataFrame,
    classes: tuple[str, ...],
    kind: CalibrationKind,
) -> tuple[pd.DataFrame, Calibration]:
    """Return each fold's predictions calibrated by the others', and what calibrates the refit.

    `shares` `(n_rows, n_classes)` is what was learnt (`fitting.target_shares`), `splits` the same
    rows in the split: val is no row to calibrate the refit by, nor what comes later one to
    calibrate a fold by, where the scheme follows time: the first fold then stays as it is.
    """
    columns = proba_columns(classes)
    proba = out_of_fold[columns].to_numpy()
    fold = out_of_fold["fold"].to_numpy()
    known = shares.any(axis=1)

    def fit(judged: np.ndarray, left_out: int | None = None) -> Calibration:
        given = splits.index.isin(rows_to_fit(splits, fold=left_out).index) & known
        refuse_fitting_on("A calibration", fitted_on=splits[given], judged_on=splits[judged])
        return fit_calibration(kind, proba[given], shares[given])

    calibrated, folds = proba.copy(), np.unique(fold)
    has_no_past = "first_seen_fold" in splits and len(folds) > 1
    for left_out in folds[1:] if has_no_past else folds:
        rows = fold == left_out
        calibrated[rows] = fit(rows, int(left_out)).apply(proba[rows])
    result = out_of_fold.copy()
    result[columns] = calibrated
    return result, fit((splits["role"] == "val").to_numpy())
