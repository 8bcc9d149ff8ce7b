"""Schemes that keep whole subjects (or whole sites, labs, days) together."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, StratifiedGroupKFold

from epochal.errors import EpochalError, did_you_mean
from epochal.options.splitting import SplitOptions
from epochal.splits.facts import group_rows
from epochal.splits.table import HELD_OUT

_MEND = "give more recordings, or {less}"


def split_by_group(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Draw val and test among the subjects; deal the others and val to equally many folds."""
    del recordings
    roles = draw_roles(_subjects(rows), options, seed)
    return assign(rows, roles, _fold_subjects(_not_test(roles), options, seed))


def split_by_label(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Draw roles as `split_by_group`; choose folds whose class shares are as equal as can be."""
    del recordings
    roles = draw_roles(_subjects(rows), options, seed)
    fitting = rows[rows["label"].notna() & (rows["subject_id"].map(roles) != "test")]
    splitter = StratifiedGroupKFold(options.n_folds, shuffle=True, random_state=seed)
    groups = fitting["subject_id"].to_numpy().astype(str)
    folds = _number_folds(
        groups, splitter, needed=options.n_folds, labels=fitting["label"].to_numpy().astype(str)
    )
    if len(set(folds.values())) < options.n_folds:
        raise EpochalError(
            f"No {options.n_folds} folds of whole subjects can share the classes: one stays empty; "
            + _MEND.format(less="fewer folds (splitting.n_folds)")
        )
    return assign(rows, roles, folds)


def split_nested(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Split as `split_by_group`, with folds for tuning within the training rows of every fold.

    One `inner_fold` per subject serves all outer folds: each outer fold's subjects are dealt to the
    inner folds in turn, so that whichever is left out, the rest stay equally many.
    """
    splits = split_by_group(rows, options, recordings, seed)
    outer = splits["fold"].groupby(rows["subject_id"]).first()
    drawn = outer[outer != HELD_OUT].sample(frac=1.0, random_state=seed)
    ordered = drawn.sort_values(kind="stable")
    inner = pd.Series(np.arange(len(ordered)) % options.n_inner_folds, ordered.index)
    for fold in ordered.unique():
        if inner[ordered != fold].nunique() < options.n_inner_folds:
            raise EpochalError(
                f"Without fold {fold}, {(ordered != fold).sum()} subjects are too few for "
                f"{options.n_inner_folds} inner folds; "
                + _MEND.format(less="fewer folds (splitting.n_inner_folds)")
            )
    return splits.assign(inner_fold=rows["subject_id"].map(inner).fillna(HELD_OUT).astype(int))


def leave_one_subject_out(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Make each subject a fold, and hold nobody out."""
    del options, recordings, seed
    subjects = _subjects(rows)
    folds = _number_folds(subjects, LeaveOneGroupOut(), needed=2)
    return assign(rows, dict.fromkeys(subjects, "train"), folds)


def leave_one_group_out(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Make each site, day or lab (`group`) a fold, and hold nobody out."""
    del seed
    groups = group_rows(rows, recordings, str(options.group))
    folds = _number_folds(
        groups.unique(), LeaveOneGroupOut(), needed=2, what=f"values of '{options.group}'"
    )
    return pd.DataFrame({"role": "train", "fold": groups.map(folds)})


def hold_out(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Hold out what is named: sites, days, labs (`group`), or subjects; fold the other subjects."""
    groups = group_rows(rows, recordings, options.group or "subject_id")
    unknown = [value for value in options.held_out if value not in set(groups)]
    if unknown:
        raise EpochalError(
            f"No '{unknown[0]}' in '{options.group or 'subject_id'}' to hold out "
            f"(splitting.held_out){did_you_mean(unknown[0], groups.unique())}"
        )
    test = groups.isin(options.held_out)
    rest = np.sort(rows.loc[~test, "subject_id"].unique())
    roles = draw_roles(rest, options.model_copy(update={"test_share": 0.0}), seed)
    splits = assign(rows, roles, _fold_subjects(rest, options, seed))
    splits.loc[test, ["role", "fold"]] = ["test", HELD_OUT]
    return splits.assign(unit="recording") if options.known_subjects else splits


def assign(rows: pd.DataFrame, roles: dict[str, str], folds: dict[str, int]) -> pd.DataFrame:
    """Return the role and the fold of each row by its subject; test where there is no role."""
    return pd.DataFrame(
        {
            "role": rows["subject_id"].map(roles).fillna("test"),
            "fold": rows["subject_id"].map(folds).fillna(HELD_OUT).astype(int),
        }
    )


def draw_roles(subjects: np.ndarray, options: SplitOptions, seed: int) -> dict[str, str]:
    """Draw the held-out subjects; at least one in test and in val where a share is wanted."""
    n_test, n_val = count_held_out(len(subjects), options)
    drawn = np.random.default_rng(seed).permutation(subjects)
    names = ["test"] * n_test + ["val"] * n_val
    names += ["train"] * (len(subjects) - len(names))
    return dict(zip(drawn, names, strict=True))


def count_held_out(n_subjects: int, options: SplitOptions) -> tuple[int, int]:
    """Return how many subjects are test and val; none left to train on raises `EpochalError`."""
    at_least = options.min_test_subjects
    n_test = max(at_least, round(options.test_share * n_subjects)) if options.test_share else 0
    n_val = max(1, round(options.val_share * n_subjects)) if options.val_share else 0
    if n_test + n_val >= n_subjects:
        raise EpochalError(
            f"{n_test} test and {n_val} val of {n_subjects} scored subjects leave none to train "
            "on; give more recordings, or smaller shares (splitting.test_share, val_share, "
            "min_test_subjects)"
        )
    return n_test, n_val


def _subjects(rows: pd.DataFrame) -> np.ndarray:
    return np.sort(rows["subject_id"].unique().astype(str))


def _not_test(roles: dict[str, str]) -> np.ndarray:
    return np.sort([subject for subject, role in roles.items() if role != "test"])


def _fold_subjects(subjects: np.ndarray, options: SplitOptions, seed: int) -> dict[str, int]:
    splitter = GroupKFold(options.n_folds, shuffle=True, random_state=seed)
    return _number_folds(subjects, splitter, needed=options.n_folds)


def _number_folds(
    groups: np.ndarray,
    splitter: Any,
    *,
    needed: int,
    what: str = "scored subjects",
    labels: np.ndarray | None = None,
) -> dict[str, int]:
    """Return the fold in which scikit-learn's splitter leaves each group out."""
    groups = np.sort(groups.astype(str)) if labels is None else groups
    n_groups = len(np.unique(groups))
    if n_groups < needed:
        less = "fewer folds (splitting.n_folds)"
        raise EpochalError(f"{n_groups} {what} for {needed} folds; " + _MEND.format(less=less))
    try:
        with warnings.catch_warnings():  # a class rarer than the folds is shared as far as it goes
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            parts = list(splitter.split(groups, labels, groups=groups))
    except ValueError as error:
        raise EpochalError(f"No {needed} folds of these labels: {error}") from error
    return {str(group): fold for fold, (_, out) in enumerate(parts) for group in groups[out]}
