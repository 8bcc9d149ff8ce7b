"""Conformal prediction sets: all classes that cannot be ruled out, right as often as was asked.

Epochs of one subject are not exchangeable, subjects are: the size of a set is fitted on the
out-of-fold epochs of the other subjects, each of whom counts the same however long they slept.
Hierarchical data after Lee, Barber and Willett 2023, arXiv:2306.06342; without their allowance
for a subject worse than all seen, which with a dozen subjects would put every class in the set.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from epochal.evaluation.leaving_out import (
    Judged,
    accumulate,
    each_model,
    first_point,
    make_grid,
    sum_others,
)
from epochal.labels import encode, proba_columns
from epochal.options.results import SetOptions, SetScore

COLUMNS = ["model", "role", "data_source", "level", "name", "n_epochs", "n_subjects", "coverage",
           "mean_set_size", "single_share", "subject_coverage", "subjects_above_floor",
           "threshold"]  # fmt: skip
_ROUNDING = 1e-12  # a share of .9 of ten subjects is .9, whatever their sum's last bit says


def measure_sets(
    scored: pd.DataFrame, options: SetOptions, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Return coverage and size of the sets of each model: over all, by class and by subject.

    `scored` are labelled predictions (`epochal.metrics.join_labels`). A subject's sets come from
    the other subjects' out-of-fold rows, whatever the role.
    """
    parts = [_describe_model(judged, options, classes) for judged in each_model(scored)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def nonconformity(proba: np.ndarray, score: SetScore) -> np.ndarray:
    """Return how ill each class fits: `(n_epochs, n_classes)`, 0 for the most probable one.

    `aps`: the probability of all classes that are more probable (Romano, Sesia and Candès 2020,
    arXiv:2006.02544, neither randomised nor ever empty); `lac`: what lacks to certainty
    (Sadinle, Lei and Wasserman 2019, doi:10.1080/01621459.2017.1395341).
    """
    order = np.argsort(-proba, axis=1, kind="stable")
    if score == "aps":
        falling = np.take_along_axis(proba, order, axis=1)
        values = np.empty_like(proba)
        np.put_along_axis(values, order, falling.cumsum(axis=1) - falling, axis=1)
    else:
        values = 1.0 - proba
    np.put_along_axis(values, order[:, :1], 0.0, axis=1)
    return values


def predict_sets(proba: np.ndarray, threshold: np.ndarray | float, score: SetScore) -> np.ndarray:
    """Return which classes are in each epoch's set: bool `(n_epochs, n_classes)`, never empty."""
    return nonconformity(proba, score) <= np.reshape(threshold, (-1, 1))


def fit_thresholds(
    scores: np.ndarray, subjects: np.ndarray, judged: np.ndarray, options: SetOptions
) -> np.ndarray:
    """Return for each judged subject the least score that covers the *other* subjects as asked.

    `scores` `(n_epochs,)` are the true class's. As asked means: `coverage` on average over
    subjects, and at least `subject_floor` in a `subject_share` of them.
    """
    grid = make_grid(scores)
    counts = accumulate(scores, subjects, grid)
    covered = counts.div(counts.iloc[:, -1], axis=0)
    n_others = sum_others(covered, judged)[:, -1:]
    above = (covered >= options.subject_floor).astype(float)
    fulfilled = sum_others(covered, judged) >= options.coverage * n_others - _ROUNDING
    fulfilled &= sum_others(above, judged) >= options.subject_share * n_others - _ROUNDING
    return first_point(grid, fulfilled, otherwise=grid[-1])


def _describe_model(
    judged: Judged, options: SetOptions, classes: tuple[str, ...]
) -> pd.DataFrame:
    columns = proba_columns(classes)
    known = judged.out_of_fold
    fitted_on = _of_truth(nonconformity(known[columns].to_numpy(), options.score), known, classes)
    subjects = known["subject_id"].to_numpy()
    names = judged.rows["subject_id"].unique()
    thresholds = fit_thresholds(fitted_on, subjects, np.append(names, ""), options)
    places = pd.Index(names).get_indexer(judged.rows["subject_id"])
    sets = predict_sets(judged.rows[columns].to_numpy(), thresholds[places], options.score)
    rows = judged.rows[["subject_id", "label", "data_source"]].assign(
        covered=_of_truth(sets, judged.rows, classes), size=sets.sum(axis=1)
    )
    described = [
        _describe(rows, "all", "all") | _describe_subjects(rows, options, thresholds[-1]),
        *(_describe(part, "class", name) for name, part in rows.groupby("label", sort=False)),
        *(_describe(part, "subject", name) for name, part in rows.groupby("subject_id")),
    ]
    table = pd.DataFrame(described).assign(model=judged.model, role=judged.role)
    return table.reindex(columns=COLUMNS)


def _of_truth(values: np.ndarray, rows: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """Return the column of each row's true class: `(n_epochs,)`."""
    return values[np.arange(len(rows)), encode(rows["label"], classes)]


def _describe(rows: pd.DataFrame, level: str, name: Any) -> dict[str, Any]:
    return {
        "level": level,
        "name": name,
        "data_source": "/".join(sorted(rows["data_source"].unique())),
        "n_epochs": len(rows),
        "n_subjects": rows["subject_id"].nunique(),
        "coverage": rows["covered"].mean(),
        "mean_set_size": rows["size"].mean(),
        "single_share": (rows["size"] == 1).mean(),
    }


def _describe_subjects(
    rows: pd.DataFrame, options: SetOptions, threshold: float
) -> dict[str, float]:
    coverage = rows.groupby("subject_id")["covered"].mean()
    return {
        "subject_coverage": coverage.mean(),
        "subjects_above_floor": (coverage > options.subject_floor).mean(),
        "threshold": threshold,
    }
