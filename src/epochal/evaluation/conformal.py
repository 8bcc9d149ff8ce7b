"""Conformal prediction sets: all classes that cannot be ruled out, right as often as was asked.

Epochs of one subject are not exchangeable, subjects are: the size of a set is fitted on the
out-of-fold epochs of the other subjects, each of whom counts the same however long they slept.
Hierarchical data after Lee, Barber and Willett 2023, arXiv:2306.06342; without their allowance
for a subject worse than all seen, which with a dozen subjects would put every class in the set.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.answers import nonconformity, predict_sets
from epochal.evaluation.leaving_out import (
    NOBODY,
    accumulate,
    first_point,
    make_grid,
    pair_with_out_of_fold,
    sum_others,
)
from epochal.evaluation.scored import Scored
from epochal.options.results import SetOptions

COLUMNS = ["model", "role", "data_source", "level", "name", "n_epochs", "n_subjects", "coverage",
           "mean_set_size", "single_share", "subject_coverage", "subjects_above_floor",
           "threshold"]  # fmt: skip
_ROUNDING = 1e-12  # a share of .9 of ten subjects is .9, whatever their sum's last bit says


def measure_sets(scored: list[Scored], options: SetOptions) -> pd.DataFrame:
    """Return coverage and size of the sets of each model: over all, by class and by subject.

    A subject's sets come from the other subjects' out-of-fold rows, whatever the role.
    """
    parts = [pd.DataFrame(columns=COLUMNS)]
    for one, known in pair_with_out_of_fold(scored):
        judged = np.append(np.unique(one.subjects), NOBODY)
        thresholds = fit_by_class(known, judged, options)
        own = thresholds[np.searchsorted(judged[:-1], one.subjects)]
        sets = predict_sets(one.proba, own, options.score)
        parts.append(_describe_sets(one, sets, thresholds[-1], options.subject_floor))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def fit_by_class(known: Scored, judged: np.ndarray, options: SetOptions) -> np.ndarray:
    """Return thresholds `(n_judged, n_classes)`, the same for all classes unless `per_class`.

    A class that never occurs keeps the threshold of all epochs.
    """
    scores = _of_truth(nonconformity(known.proba, options.score), known.truth)
    columns = [fit_thresholds(scores, known.subjects, judged, options)] * len(known.classes)
    for code in np.unique(known.truth) if options.per_class else []:
        of_class = known.truth == code
        subjects = known.subjects[of_class]
        columns[code] = fit_thresholds(scores[of_class], subjects, judged, options)
    return np.stack(columns, axis=1)


def fit_thresholds(
    scores: np.ndarray, subjects: np.ndarray, judged: np.ndarray, options: SetOptions
) -> np.ndarray:
    """Return for each judged subject the least score that covers the *other* subjects as asked.

    `scores` `(n_epochs,)` are the true class's, `subjects` their numbers. As asked means:
    `coverage` on average over subjects, and at least `subject_floor` in a `subject_share` of
    them. Where nobody else is there to fit on, the threshold is infinite: nothing is ruled out.
    """
    grid = make_grid(scores)
    counts = accumulate(scores, subjects, grid)
    covered = counts / np.maximum(counts[:, -1:], 1)
    above = covered >= options.subject_floor
    n_others = sum_others(covered, judged)[:, -1:]
    fulfilled = sum_others(covered, judged) >= options.coverage * n_others - _ROUNDING
    fulfilled &= sum_others(above, judged) >= options.subject_share * n_others - _ROUNDING
    return first_point(grid, fulfilled & (n_others > 0), otherwise=np.inf)


def _describe_sets(
    one: Scored, sets: np.ndarray, thresholds: np.ndarray, floor: float
) -> pd.DataFrame:
    """Return a row for all epochs, one for each class and one for each subject."""
    covered, size = _of_truth(sets, one.truth), sets.sum(axis=1)
    subjects = _describe("subject", one.subjects, one.names, covered, size).assign(n_subjects=1)
    classes = _describe("class", one.truth, np.array(one.classes), covered, size)
    pairs = np.unique(np.stack([one.truth, one.subjects]), axis=1)
    whole = _describe("all", np.zeros_like(one.truth), np.array(["all"]), covered, size)
    return pd.concat(
        [
            whole.assign(
                n_subjects=len(subjects),
                subject_coverage=subjects["coverage"].mean(),
                subjects_above_floor=(subjects["coverage"] > floor).mean(),
            ),
            classes.assign(
                n_subjects=np.unique(pairs[0], return_counts=True)[1],
                threshold=thresholds[np.unique(one.truth)],
            ),
            subjects,
        ]
    ).assign(**one.described)[COLUMNS]


def _describe(
    level: str, groups: np.ndarray, names: np.ndarray, covered: np.ndarray, size: np.ndarray
) -> pd.DataFrame:
    """Return a row for each group that occurs; `groups` `(n_epochs,)` are numbers of the names."""
    n_all = np.bincount(groups, minlength=len(names))
    present = n_all > 0
    sums = [
        np.bincount(groups, weights=of, minlength=len(names)) for of in (covered, size, size == 1)
    ]
    shares = np.stack(sums)[:, present] / n_all[present]
    table = dict(zip(("coverage", "mean_set_size", "single_share"), shares, strict=True))
    return pd.DataFrame(
        {"level": level, "name": names[present], "n_epochs": n_all[present]} | table
    )


def _of_truth(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the column of each row's true class: `(n_epochs,)`."""
    return values[np.arange(len(truth)), truth]
