"""The columns of the splits table, and what a model may be fitted on by them.

`role` and `fold` are always there. `unit` is what stays whole where that is not the subject
(`recording`, `time`, `row`); `first_seen_fold` says that only earlier folds, from that one on,
train the model of a fold; `inner_fold` numbers the folds within the training rows; `kept` is false
for an epoch that balanced subsampling leaves out of fitting.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from epochal.errors import EpochalError

HELD_OUT = -1  # the fold of epochs that no cross-fitting touches
SPLIT_COLUMNS = ("role", "fold", "unit", "first_seen_fold", "inner_fold", "kept")


def unit_of(splits: pd.DataFrame) -> str:
    """Return what stays whole across roles and folds: `subject`, `recording`, `time` or `row`."""
    return str(splits["unit"].iloc[0]) if "unit" in splits and len(splits) else "subject"


def rows_to_fit(table: pd.DataFrame, *, fold: int | None = None) -> pd.DataFrame:
    """Return the rows that may train the model which predicts `fold`; without one, the refit's.

    The refit sees train alone; a fold's model sees the other folds of train and val, or, where the
    scheme follows time, those before it.
    """
    if fold is None:
        return table[table["role"] == "train"]
    others = table[(table["role"] != "test") & (table["fold"] != fold)]
    if "first_seen_fold" not in table:
        return others
    first = table.loc[table["fold"] == fold, "first_seen_fold"].min()
    return others[others["fold"].between(first, fold - 1)]


def folds_to_predict(table: pd.DataFrame) -> list[int]:
    """Return the folds that are predicted out of fold: all, but for one that has no past."""
    folds = table.loc[table["role"] != "test", "fold"]
    chained = "first_seen_fold" in table
    return [int(fold) for fold in np.sort(folds.unique()) if not chained or fold > folds.min()]


def kept_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that balanced subsampling keeps for fitting; all where there was none."""
    return rows[rows["kept"].to_numpy(bool)] if "kept" in rows else rows


def inner_parts(
    rows: pd.DataFrame, *, n_folds: int = 3, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return `(train, validation)` masks over training rows, for tuning and early stopping.

    By the table's `inner_fold` where the scheme is nested, else by scikit-learn's `GroupKFold`:
    no subject is on both sides. Fewer subjects than folds raise `EpochalError`.
    """
    if "inner_fold" in rows:
        inner = rows["inner_fold"].to_numpy()
        return [(inner != fold, inner == fold) for fold in np.unique(inner)]
    subjects = rows["subject_id"].to_numpy().astype(str)
    if len(np.unique(subjects)) < n_folds:
        raise EpochalError(
            f"{len(np.unique(subjects))} subjects to train on for {n_folds} inner folds; "
            "give more recordings, or fewer folds"
        )
    splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
    places = np.arange(len(rows))
    return [
        (np.isin(places, train), np.isin(places, validation))
        for train, validation in splitter.split(rows, groups=subjects)
    ]
