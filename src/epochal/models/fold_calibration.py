"""Calibration across folds: each fold by the others, the refit by all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.labels import proba_columns
from epochal.models.calibrators import Calibration, fit_calibration
from epochal.options.models import CalibrationKind


def calibrate_folds(
    out_of_fold: pd.DataFrame,
    shares: np.ndarray,
    classes: tuple[str, ...],
    kind: CalibrationKind,
) -> tuple[pd.DataFrame, Calibration]:
    """Return each fold's predictions calibrated by the others', and what calibrates the refit.

    `shares` `(n_rows, n_classes)` is what was learnt (`fitting.target_shares`).
    """
    columns = proba_columns(classes)
    proba = out_of_fold[columns].to_numpy()
    fold = out_of_fold["fold"].to_numpy()
    known = shares.any(axis=1)
    calibrated = np.empty_like(proba)
    for left_out in np.unique(fold):
        others = (fold != left_out) & known
        calibration = fit_calibration(kind, proba[others], shares[others])
        calibrated[fold == left_out] = calibration.apply(proba[fold == left_out])
    final = fit_calibration(kind, proba[known], shares[known])
    result = out_of_fold.copy()
    result[columns] = calibrated
    return result, final
