"""What networks over windows learn of a table's rows, and who validates."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit

from epochal.errors import EpochalError
from epochal.labels import encode
from epochal.models.fitting import class_weights, read_votes
from epochal.models.training.batches import RowTargets
from epochal.options.models import ModelOptions


def make_row_targets(
    rows: pd.DataFrame, classes: tuple[str, ...], options: ModelOptions
) -> RowTargets:
    """Return labels, or numbers of votes, of all rows of a table; unlabelled rows are context.

    Rows that the split does not keep count as unlabelled. Without a labelled row, or with rows of
    one class only, raise `EpochalError`.
    """
    kept = rows["kept"].to_numpy(dtype=bool) if "kept" in rows else np.ones(len(rows), dtype=bool)
    subjects = rows["subject_id"].to_numpy()
    weights = np.ones(len(rows))
    if options.targets == "votes":
        votes = np.where(kept[:, None], np.nan_to_num(read_votes(rows, classes)), 0.0)
        made = RowTargets(votes, weights, subjects, classes)
    else:
        codes = np.where(kept, encode(rows["label"], classes), -1)
        of_rows = class_weights(codes[codes >= 0], options.class_weight)
        weights[codes >= 0] = 1.0 if of_rows is None else of_rows
        made = RowTargets(codes, weights, subjects, classes)
    present = np.unique(made.codes[made.known])
    if not len(present):
        raise EpochalError("No labelled epoch to fit on")
    if len(present) == 1:
        raise EpochalError(
            f"All {int(made.known.sum())} epochs to fit on are {classes[present[0]]}: nothing to "
            "tell apart"
        )
    return made


def part_subjects(targets: RowTargets, share: float, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Set whole subjects aside for validation: which rows train, and which validate.

    With a single subject, or a share of 0, none validate.
    """
    known = targets.known
    nobody = np.zeros(len(known), dtype=bool)
    subjects = targets.subjects[known]
    if share == 0 or len(np.unique(subjects)) < 2:
        return known, nobody
    splitter = GroupShuffleSplit(1, test_size=share, random_state=seed)
    _, chosen = next(splitter.split(subjects, groups=subjects))
    validating = nobody.copy()
    validating[np.flatnonzero(known)[chosen]] = True
    return known & ~validating, validating
