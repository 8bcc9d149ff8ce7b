"""Robust z-scores of one recording's features: over the session, its start, or what just passed."""

from __future__ import annotations

import pandas as pd

MAD_TO_SD = 1.4826  # a normal distribution's standard deviation in median absolute deviations
IQR_TO_SD = 0.7413  # and in interquartile ranges
_LIMIT = 20.0
_FIRST_SHARE = 6  # a sixth of the running window must have passed


def robust_z(values: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Return z-scores by the reference's median and median absolute deviation.

    A feature that does not vary in the reference is divided by its standard deviation, and by 1
    where that is 0 too.
    """
    median = reference.median()
    spread = (reference - median).abs().median() * MAD_TO_SD
    return _scale(values - median, spread, reference.std())


def against_start(
    features: pd.DataFrame, epochs: pd.DataFrame, calibration_s: float
) -> pd.DataFrame:
    """Return z-scores by the calibration period, NaN inside it."""
    start_s = epochs["onset_s"].min()
    calibrating = epochs["onset_s"] + epochs["length_s"] <= start_s + calibration_s
    scored = robust_z(features, features[calibrating])
    return scored.mask(epochs["onset_s"] < start_s + calibration_s)


def against_past(features: pd.DataFrame, epochs: pd.DataFrame, running_s: float) -> pd.DataFrame:
    """Return z-scores by median and interquartile range of the last `running_s`, as a stream can.

    The epoch itself counts among them; NaN until a sixth of that time has passed.
    """
    step_s = float(epochs["onset_s"].diff().median()) if len(epochs) > 1 else running_s
    n_epochs = max(2, round(running_s / step_s))
    past = features.rolling(n_epochs, min_periods=max(2, n_epochs // _FIRST_SHARE))
    spread = (past.quantile(0.75) - past.quantile(0.25)) * IQR_TO_SD
    return _scale(features - past.median(), spread, past.std())


def _scale(
    centred: pd.DataFrame, spread: pd.Series | pd.DataFrame, second: pd.Series | pd.DataFrame
) -> pd.DataFrame:
    spread = spread.where(spread > 0, second).replace(0.0, 1.0)
    return (centred / spread).clip(-_LIMIT, _LIMIT)
