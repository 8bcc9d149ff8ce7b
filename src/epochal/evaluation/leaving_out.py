"""What the *other* subjects say: cumulative counts by subject, the judged one left out.

A rule (a threshold) that is fitted on a subject's own epochs flatters itself, since epochs of one
subject resemble each other. Counting every subject once on a common grid makes it cheap to fit
the rule anew without each of them in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

N_POINTS = 1001  # a threshold on this grid is at most a thousandth of the epochs too careful


class Judged(NamedTuple):
    """The rows of one model in one role, and its out-of-fold rows, which rules are fitted on."""

    model: str
    role: str
    rows: pd.DataFrame
    out_of_fold: pd.DataFrame


def each_model(scored: pd.DataFrame, *, least_subjects: int = 2) -> Iterator[Judged]:
    """Yield the models that are no baseline, role by role.

    A model whose out-of-fold rows have too few subjects to leave one out is passed over.
    """
    models = scored[scored["family"] != "baseline"]
    for name, rows in models.groupby("model", sort=False):
        out_of_fold = rows[rows["role"] == "oof"]
        if out_of_fold["subject_id"].nunique() < least_subjects:
            continue
        for role, part in rows.groupby("role"):
            yield Judged(str(name), str(role), part, out_of_fold)


def make_grid(values: np.ndarray) -> np.ndarray:
    """Return up to `N_POINTS` of the values, in rising order, the greatest always among them."""
    levels = np.linspace(0, 1, N_POINTS)
    return np.unique(np.quantile(values, levels, method="higher"))


def accumulate(
    values: np.ndarray,
    subjects: np.ndarray,
    grid: np.ndarray,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return, by subject, the number (or the weights' sum) of values up to each point of the grid.

    Rows are subjects, by name; columns `(n_points,)` the grid.
    """
    names, codes = np.unique(subjects, return_inverse=True)
    cells = codes * len(grid) + np.searchsorted(grid, values)
    counts = np.bincount(cells, weights=weights, minlength=len(names) * len(grid))
    return pd.DataFrame(
        counts.reshape(len(names), len(grid)).cumsum(axis=1), index=names, columns=grid
    )


def sum_others(by_subject: pd.DataFrame, judged: np.ndarray) -> np.ndarray:
    """Return, for each judged subject, the sum over all others: `(n_judged, n_points)`."""
    own = by_subject.reindex(judged, fill_value=0)
    return by_subject.to_numpy().sum(axis=0) - own.to_numpy()


def first_point(grid: np.ndarray, fulfilled: np.ndarray, *, otherwise: float) -> np.ndarray:
    """Return the first point of the grid where each row `(…, n_points)` of a condition holds."""
    return np.where(fulfilled.any(axis=-1), grid[fulfilled.argmax(axis=-1)], otherwise)
