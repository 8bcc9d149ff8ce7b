"""The roster of schemes: a name in conf, a function that gives every epoch its role and fold."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from epochal.options.splitting import SplitOptions
from epochal.splits.balance import keep_balanced
from epochal.splits.in_time import split_by_blocks, split_by_chance, split_by_time
from epochal.splits.of_subjects import (
    hold_out,
    leave_one_group_out,
    leave_one_subject_out,
    split_by_group,
    split_by_label,
    split_nested,
)
from epochal.splits.quotas import split_by_quota

Scheme = Callable[[pd.DataFrame, SplitOptions, "pd.DataFrame | None", int], pd.DataFrame]
SCHEMES: dict[str, Scheme] = {
    "group_folds": split_by_group,
    "stratified_group_folds": split_by_label,
    "quota_stratified": split_by_quota,
    "nested": split_nested,
    "hold_out": hold_out,
    "leave_one_subject_out": leave_one_subject_out,
    "leave_one_group_out": leave_one_group_out,
    "temporal": split_by_time,
    "rolling_window": split_by_time,
    "contiguous_blocks": split_by_blocks,
    "shuffled": split_by_chance,
}
KEYS = ["recording_id", "epoch", "subject_id"]


def split_subjects(
    epochs: pd.DataFrame,
    options: SplitOptions,
    *,
    seed: int,
    recordings: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return `recording_id, epoch, subject_id, role, fold` for every epoch of a scored subject.

    `fold` numbers the cross-fitting folds over train and val and is −1 in test; some schemes add
    columns (`splits.table`). Subjects without any label take no part, nor do epochs in the gap of
    a scheme that follows time. `recordings` is the recordings' summary, for schemes by site, day,
    age or sex. Who is where follows from the seed and never from the order of the rows. Fewer
    subjects than the scheme needs, or a fact that nobody knows, raise `EpochalError`.
    """
    epochs = epochs.reset_index(drop=True)
    subjects = epochs["subject_id"].astype(str)
    scored = subjects.isin(subjects[epochs["label"].notna()].unique())
    rows = epochs[scored].assign(subject_id=subjects[scored])
    rows = rows.sort_values(["recording_id", "epoch"])
    given = SCHEMES[options.scheme](rows, options, recordings, seed)
    splits = rows[KEYS].join(given, how="right")
    if options.balance:
        splits["kept"] = keep_balanced(splits.join(rows["label"]), seed=seed)
    return splits.sort_index().reset_index(drop=True)
