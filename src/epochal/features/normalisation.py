"""Robust z-scores of one recording's features: over the session, its start, or what just passed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.errors import EpochalError, did_you_mean
from epochal.options.features import SessionOptions

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


def against_session(
    features: pd.DataFrame, epochs: pd.DataFrame, session: SessionOptions | None
) -> pd.DataFrame:
    """Return z-scores by the whole recording, or by the stretch of it that counts as the session.

    A recording that begins in the afternoon is mostly awake: its medians are not those of a night.
    """
    if session is None:
        return robust_z(features, features)
    return robust_z(features, features[find_session(features, epochs, session)])


def find_session(
    features: pd.DataFrame, epochs: pd.DataFrame, session: SessionOptions
) -> pd.Series:
    """Say which epochs are of the session; all where the recording is no longer than it.

    A column that the features lack raises `EpochalError`.
    """
    for name in session.lowest:
        if name not in features:
            raise EpochalError(
                f"context.session.lowest: no column '{name}'{did_you_mean(name, features)}"
            )
    step_s = float(epochs["onset_s"].diff().median()) if len(epochs) > 1 else session.length_s
    n_epochs = max(1, round(session.length_s / step_s))
    ranks = features[list(session.lowest)].rank().mean(axis=1)
    level = ranks.rolling(n_epochs, min_periods=max(1, n_epochs // 2)).mean().iloc[n_epochs - 1 :]
    if len(features) <= n_epochs or level.isna().all():
        return pd.Series(True, features.index)
    last = features.index.get_loc(level.idxmin())
    place = pd.Series(range(len(features)), features.index)
    return place.between(last - n_epochs + 1, last)


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
    second = _spread_of_past(features, n_epochs, wanted=spread == 0)
    return _scale(features - past.median(), spread, second)


def _spread_of_past(features: pd.DataFrame, n_epochs: int, *, wanted: pd.DataFrame) -> pd.DataFrame:
    """Return the standard deviation of the last epochs where it is wanted, each from them alone.

    A running one (`rolling.std`) carries rounding from epochs long gone, which a stream never saw.
    """
    values = features.to_numpy(dtype=np.float64)
    found = np.full(values.shape, np.nan)
    for row, column in np.argwhere(wanted.to_numpy()):
        past = values[max(0, row + 1 - n_epochs) : row + 1, column]
        found[row, column] = np.std(past[np.isfinite(past)], ddof=1)
    return pd.DataFrame(found, features.index, features.columns)


def _scale(
    centred: pd.DataFrame, spread: pd.Series | pd.DataFrame, second: pd.Series | pd.DataFrame
) -> pd.DataFrame:
    spread = spread.where(spread > 0, second).replace(0.0, 1.0)
    return (centred / spread).clip(-_LIMIT, _LIMIT)
