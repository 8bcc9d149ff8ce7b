"""Roles and folds; whole subjects only."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut

from epochal.errors import EpochalError
from epochal.options import SplitOptions

HELD_OUT = -1  # the fold of epochs that no cross-fitting touches


def split_subjects(epochs: pd.DataFrame, options: SplitOptions, *, seed: int) -> pd.DataFrame:
    """Return `recording_id, epoch, subject_id, role, fold` for every epoch of a scored subject.

    `fold` numbers the cross-fitting folds over train and val and is −1 in test. Subjects without
    any label take no part. Fewer subjects than the scheme needs raise `EpochalError`.
    """
    scored = epochs.loc[epochs["label"].notna(), "subject_id"].unique()
    rows = epochs.loc[epochs["subject_id"].isin(scored), ["recording_id", "epoch", "subject_id"]]
    subjects = np.sort(scored.astype(str))
    if options.scheme == "leave_one_subject_out":
        roles = dict.fromkeys(subjects, "train")
        folds = _number_folds(subjects, LeaveOneGroupOut(), needed=2)
    else:
        roles = _draw_roles(subjects, options, seed)
        rest = np.array([subject for subject in subjects if roles[subject] != "test"])
        splitter = GroupKFold(options.n_folds, shuffle=True, random_state=seed)
        folds = _number_folds(rest, splitter, needed=options.n_folds)
    role = rows["subject_id"].map(roles)
    fold = rows["subject_id"].map(folds).fillna(HELD_OUT).astype(int)
    return rows.assign(role=role, fold=fold).reset_index(drop=True)


def _draw_roles(subjects: np.ndarray, options: SplitOptions, seed: int) -> dict[str, str]:
    """Draw the held-out subjects; at least one in test, and in val where a share is wanted."""
    drawn = np.random.default_rng(seed).permutation(subjects)
    n_test = max(1, round(options.test_share * len(subjects)))
    n_val = max(1, round(options.val_share * len(subjects))) if options.val_share else 0
    if n_test + n_val >= len(subjects):
        raise EpochalError(
            f"{n_test} test and {n_val} val of {len(subjects)} scored subjects leave none to train "
            "on; give more recordings, or smaller shares (splitting.test_share, val_share)"
        )
    names = ["test"] * n_test + ["val"] * n_val
    names += ["train"] * (len(subjects) - len(names))
    return dict(zip(drawn, names, strict=True))


def _number_folds(subjects: np.ndarray, splitter: object, *, needed: int) -> dict[str, int]:
    if len(subjects) < needed:
        raise EpochalError(
            f"{len(subjects)} scored subjects for {needed} folds; give more recordings, or fewer "
            "folds (splitting.n_folds)"
        )
    parts = splitter.split(subjects, groups=subjects)  # type: ignore[attr-defined]
    return {
        subject: fold for fold, (_, left_out) in enumerate(parts) for subject in subjects[left_out]
    }
