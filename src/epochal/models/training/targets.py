"""What networks over windows learn of a table's rows, and who validates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit

from epochal.errors import EpochalError
from epochal.labels import encode
from epochal.models.fitting import class_weights, read_votes
from epochal.options.models import ModelOptions


@dataclass(frozen=True)
class RowTargets:
    """What is to be learnt of each row.

    `targets` are class codes `(n_rows,)`, -1 where unknown, or numbers of votes `(n_rows,
    n_classes)`; `weights` `(n_rows,)` weigh the rows' losses; `subjects` `(n_rows,)` say whom a
    row is of. `classes` are the classes' names.
    """

    targets: np.ndarray
    weights: np.ndarray
    subjects: np.ndarray
    classes: tuple[str, ...]

    @property
    def soft(self) -> bool:
        """Whether votes are to be learnt."""
        return self.targets.ndim == 2

    @property
    def known(self) -> np.ndarray:
        """Which rows have a label, or a vote."""
        return self.targets.sum(axis=1) > 0 if self.soft else self.targets >= 0

    @property
    def codes(self) -> np.ndarray:
        """Each row's class, -1 where unknown; of votes the one with the most."""
        most = self.targets.argmax(axis=1) if self.soft else self.targets
        return np.where(self.known, most, -1)

    @property
    def present(self) -> np.ndarray:
        """The classes that any row has, or that anybody voted for."""
        if self.soft:
            return np.flatnonzero(self.targets[self.known].sum(axis=0) > 0)
        return np.unique(self.codes[self.known])

    def among(self, present: np.ndarray) -> RowTargets:
        """Return the same with only the classes that are present, numbered anew."""
        names = tuple(self.classes[code] for code in present)
        if self.soft:
            return replace(self, targets=self.targets[:, present], classes=names)
        renumbered = np.full(len(self.classes) + 1, -1)  # the last place is that of -1
        renumbered[present] = np.arange(len(present))
        return replace(self, targets=renumbered[self.targets], classes=names)


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
    if not len(made.present):
        raise EpochalError("No labelled epoch to fit on")
    if len(made.present) == 1:
        raise EpochalError(
            f"All {int(made.known.sum())} epochs to fit on are {classes[made.present[0]]}: nothing "
            "to tell apart"
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
