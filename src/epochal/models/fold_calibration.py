"""Calibration across folds: each fold by the others, the refit by all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.labels import encode, proba_columns
from epochal.models.calibrators import Calibration, fit_calibration
from epochal.options.models import CalibrationKind


def calibrate_folds(
    out_of_fold: pd.DataFrame,
    labels: pd.Series,
    classes: tuple[str, ...],
    kind: CalibrationKind,
) -> tuple[pd.DataFrame, Calibration]:
    """Return each fold's predictions calibrated by the others', and what calibrates the refit."""
    columns = proba_columns(classes)
    proba = out_of_fold[columns].to_numpy()
    fold = out_of_fold["fold"].to_numpy()
    codes = encode(labels, classes)
    calibrated = np.empty_like(proba)
    for left_out in np.unique(fold):
        others = (fold != left_out) & (codes >= 0)
        calibration = fit_calibration(kind, proba[others], codes[others])
        calibrated[fold == left_out] = calibration.apply(proba[fold == left_out])
    final = fit_calibration(kind, proba[codes >= 0], codes[codes >= 0])
    result = out_of_fold.copy()
    result[columns] = calibrated
    return result, final
