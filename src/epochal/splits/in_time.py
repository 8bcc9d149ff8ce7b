"""Schemes that cut through subjects: by time, or by rows where no subject is known.

They answer other questions than the schemes by subject: how well a model does on later epochs of
people it knows, or on rows of whom nobody knows whose they are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, TimeSeriesSplit

from epochal.errors import EpochalError
from epochal.options.splitting import SplitOptions
from epochal.splits.table import HELD_OUT

_TOLERANCE_S = 1e-6


def split_by_time(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Cut each subject's epochs into blocks of time; a block is predicted from earlier ones.

    The last share of every subject is test, the share before it val. The first block is fold 0,
    which has no past and is never predicted. Under `rolling_window` only the `window_folds` blocks
    before it train a fold; the refit sees all of train. A subject's recordings follow one another
    by name. Too few epochs raise `EpochalError`.
    """
    del recordings, seed
    ordered = rows.sort_values(["subject_id", "recording_id", "onset_s"])
    parts = pd.concat(
        [_cut_subject(subject, part, options) for subject, part in ordered.groupby("subject_id")]
    )
    width = options.window_folds if options.scheme == "rolling_window" else None
    first = 0 if width is None else (parts["fold"] - width).clip(lower=0)
    return leave_gaps(ordered, parts.assign(unit="time", first_seen_fold=first), options.gap_s)


def split_by_blocks(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Cut all rows, as they follow one another, into as many contiguous blocks as folds.

    The last rows are test, those before them val.
    """
    del recordings, seed
    ordered = rows.sort_values(["recording_id", "onset_s"])
    n_test, n_val = _count_rows(len(ordered), options)
    roles = _name_from_the_end(len(ordered), n_test=n_test, n_val=n_val)
    folds = _fold_rows(len(ordered) - n_test, KFold(options.n_folds), np.arange(len(ordered)))
    parts = pd.DataFrame({"role": roles, "fold": folds, "unit": "row"}, index=ordered.index)
    return leave_gaps(ordered, parts, options.gap_s)


def split_by_chance(
    rows: pd.DataFrame, options: SplitOptions, recordings: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """Deal single rows to roles and folds: what papers on data without subjects do."""
    del recordings
    n_test, n_val = _count_rows(len(rows), options)
    order = np.random.default_rng(seed).permutation(len(rows))
    roles = np.empty(len(rows), dtype=object)
    roles[order] = _name_from_the_end(len(rows), n_test=n_test, n_val=n_val)
    splitter = KFold(options.n_folds, shuffle=True, random_state=seed)
    folds = _fold_rows(len(rows) - n_test, splitter, order)
    return pd.DataFrame({"role": roles, "fold": folds, "unit": "row"}, index=rows.index)


def leave_gaps(ordered: pd.DataFrame, parts: pd.DataFrame, gap_s: float) -> pd.DataFrame:
    """Return the parts without the epochs that reach within `gap_s` of the recording's next part.

    An epoch that overlaps the next part goes in any case. A part that nothing is left of raises
    `EpochalError`.
    """
    part = parts["role"] + parts["fold"].astype(str)
    same = ordered["recording_id"].eq(ordered["recording_id"].shift(-1))
    cut = same & part.ne(part.shift(-1))
    # the first onset of whatever comes after this epoch's part, within its recording
    next_s = ordered["onset_s"].shift(-1).where(cut).groupby(ordered["recording_id"]).bfill()
    end_s = ordered["onset_s"] + ordered["length_s"]
    clear = next_s.isna() | (end_s + gap_s <= next_s + _TOLERANCE_S)
    lost = sorted(set(part) - set(part[clear]))
    if lost:
        raise EpochalError(
            f"A gap of {gap_s:g} s (splitting.gap_s) leaves nothing of {len(lost)} parts; "
            "make it shorter, or the folds fewer (splitting.n_folds)"
        )
    return parts[clear]


def _cut_subject(subject: str, rows: pd.DataFrame, options: SplitOptions) -> pd.DataFrame:
    """Return role and fold of one subject's epochs, which are in order."""
    n_test, n_val = (round(share * len(rows)) for share in (options.test_share, options.val_share))
    n_fitting = len(rows) - n_test
    if n_fitting - n_val < 1 or n_fitting < options.n_folds:
        raise EpochalError(
            f"Subject {subject} has {len(rows)} epochs, too few for {options.n_folds} blocks of "
            "time and the shares held out (splitting.n_folds, test_share, val_share)"
        )
    folds = np.zeros(len(rows), dtype=int)
    # its gap counts epochs; ours is in seconds (`leave_gaps`), since recordings have holes
    blocks = TimeSeriesSplit(options.n_folds - 1).split(np.arange(n_fitting))
    for fold, (_, block) in enumerate(blocks, start=1):
        folds[block] = fold
    folds[n_fitting:] = HELD_OUT
    roles = _name_from_the_end(len(rows), n_test=n_test, n_val=n_val)
    return pd.DataFrame({"role": roles, "fold": folds}, index=rows.index)


def _count_rows(n_rows: int, options: SplitOptions) -> tuple[int, int]:
    n_test, n_val = (round(share * n_rows) for share in (options.test_share, options.val_share))
    if n_rows - n_test < options.n_folds or n_rows - n_test - n_val < 1:
        raise EpochalError(
            f"{n_rows} scored rows are too few for {options.n_folds} folds and the shares held out "
            "(splitting.n_folds, test_share, val_share)"
        )
    return n_test, n_val


def _name_from_the_end(n_rows: int, *, n_test: int, n_val: int) -> np.ndarray:
    return np.repeat(["train", "val", "test"], [n_rows - n_test - n_val, n_val, n_test])


def _fold_rows(n_fitting: int, splitter: KFold, order: np.ndarray) -> np.ndarray:
    """Return the fold of each row; −1 for those beyond the first `n_fitting` of an order."""
    folds = np.full(len(order), HELD_OUT)
    for fold, (_, left_out) in enumerate(splitter.split(np.arange(n_fitting))):
        folds[order[left_out]] = fold
    return folds
