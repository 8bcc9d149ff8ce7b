"""Guards that stop a run in which information flows from where it must not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.errors import LeakageError

# A clock, a counter or an expanding sum orders a session's epochs almost perfectly; slow
# physiology (skin temperature) does not reach this in half of the sessions.
CLOCK_CORRELATION = 0.98
_MIN_EPOCHS = 10


def refuse_shared_subjects(splits: pd.DataFrame) -> None:
    """Raise `LeakageError` naming the subjects that have two roles or two folds."""
    for column in ("role", "fold"):
        counts = splits.groupby("subject_id")[column].nunique()
        shared = counts.index[counts > 1].tolist()
        if shared:
            raise LeakageError(
                f"Subjects in more than one {column}: {', '.join(map(str, shared))}; "
                "a whole subject belongs to one"
            )


def refuse_clocks(features: pd.DataFrame, epochs: pd.DataFrame) -> None:
    """Raise `LeakageError` naming the feature columns that tell the time in session.

    A column is a clock when, in half of the recordings or more, it orders the epochs by time
    (absolute rank correlation with the onset of at least .98): a clock, an epoch index, a
    cumulative or expanding statistic.
    """
    merged = features.merge(
        epochs[["recording_id", "epoch", "onset_s"]], on=["recording_id", "epoch"]
    )
    columns = features.columns.difference(["recording_id", "epoch"])
    correlations = pd.DataFrame(
        [_rank_correlation(rows, columns) for _, rows in merged.groupby("recording_id")]
    )
    clocks = columns[(correlations.abs().median() >= CLOCK_CORRELATION).reindex(columns)]
    if len(clocks):
        raise LeakageError(
            f"Features that carry time in session: {', '.join(clocks)}. The protocol's "
            "tasks follow a fixed order, so time alone tells the class; drop them "
            "(feature_engineering.drop)"
        )


def _rank_correlation(rows: pd.DataFrame, columns: pd.Index) -> pd.Series:
    """Return each column's Spearman correlation with the onset within one recording."""
    known = rows[columns].notna().sum() >= _MIN_EPOCHS
    varying = known & (rows[columns].nunique() > 1)
    values = rows[columns[varying]]
    # the onset is ranked among the epochs that the column knows: a hole must not hide a clock
    onsets = values.astype(float).mask(values.notna(), rows["onset_s"], axis=0)
    return values.rank().corrwith(onsets.rank()).reindex(columns).fillna(0.0)


def refuse_in_sample(predictions: pd.DataFrame, splits: pd.DataFrame) -> None:
    """Raise `LeakageError` when a row predicted as test or out of fold was one to train on.

    Out-of-fold rows carry the fold that was left out, and it must be their own; `test` and `val`
    rows must have that role; there is no other.
    """
    merged = predictions.merge(
        splits[["recording_id", "epoch", "role", "fold"]],
        on=["recording_id", "epoch"],
        suffixes=("", "_split"),
        validate="many_to_one",
    )
    own_fold = (merged["fold"] == merged["fold_split"]) & (merged["role_split"] != "test")
    own_role = (merged["role"] == merged["role_split"]) & (merged["role"] != "train")
    wrong = np.flatnonzero(~np.where(merged["role"] == "oof", own_fold, own_role))
    if len(wrong):
        row = merged.iloc[wrong[0]]
        raise LeakageError(
            f"Model '{row['model']}' predicts {len(wrong)} rows that it may have seen, first "
            f"{row['recording_id']} epoch {row['epoch']}"
        )
