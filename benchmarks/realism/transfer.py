"""How separable the stages are, and whether models carry over between simulated and real nights.

LightGBM on log band powers with per-recording robust z-scores and centred context, as in the first
measurements on the real table.
"""

import lightgbm
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score
from sklearn.model_selection import GroupKFold

from band_table import COLUMNS  # isort: skip

STAGES = ["W", "N1", "N2", "N3", "REM"]
FLOOR = 1e-4
FOLDS = 5


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """Return model inputs, row for row: every column, its neighbours and its running medians."""
    nights = [_night(night) for _, night in table.groupby("recording_id", sort=False)]
    return pd.concat(nights)


def _night(night: pd.DataFrame) -> pd.DataFrame:
    logs = np.log(night[COLUMNS].clip(lower=FLOOR))
    spread = logs.quantile(0.95) - logs.quantile(0.05)
    scaled = (logs - logs.median()) / spread
    parts = [scaled]
    for width in (7, 15):
        parts.append(
            scaled.rolling(width, center=True, min_periods=1).mean().add_suffix(f"_{width}")
        )
    for shift in (-2, -1, 1, 2):
        parts.append(scaled.shift(shift).ffill().bfill().add_suffix(f"_at{shift}"))
    return pd.concat(parts, axis=1)


def fit(x: pd.DataFrame, y: np.ndarray) -> lightgbm.LGBMClassifier:
    model = lightgbm.LGBMClassifier(
        n_estimators=120, num_leaves=15, learning_rate=0.08, subsample=0.7, subsample_freq=1,
        colsample_bytree=0.5, min_child_samples=40, n_jobs=1, verbose=-1, random_state=0,
    )  # fmt: skip
    return model.fit(x, y)


def across_subjects(table: pd.DataFrame) -> dict[str, float]:
    """Return the figures of cross-validation by subject."""
    x, y = inputs(table), table["stage"].astype(str).to_numpy()
    predicted = np.empty(len(y), dtype=object)
    folds = GroupKFold(min(FOLDS, table["subject_id"].nunique()))
    for train, test in folds.split(x, y, table["subject_id"]):
        predicted[test] = fit(x.iloc[train], y[train]).predict(x.iloc[test])
    return figures(y, predicted)


def carried_over(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Return the figures of a model fitted to one table on the other."""
    model = fit(inputs(train), train["stage"].astype(str).to_numpy())
    return figures(test["stage"].astype(str).to_numpy(), model.predict(inputs(test)))


def figures(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    truth, predicted = truth.astype(str), predicted.astype(str)
    per_stage = f1_score(truth, predicted, labels=STAGES, average=None)
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "kappa": float(cohen_kappa_score(truth, predicted)),
        "macro_f1": float(per_stage.mean()),
    } | {f"f1_{stage}": float(f1) for stage, f1 in zip(STAGES, per_stage, strict=True)}
