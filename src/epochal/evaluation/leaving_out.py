"""What the *other* subjects say: cumulative counts by subject, the judged one left out.

A rule (a threshold) that is fitted on a subject's own epochs flatters itself, since epochs of one
subject resemble each other. Counting every subject once on a common grid makes it cheap to fit
the rule anew without each of them in turn.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from epochal.evaluation.scored import Scored, without_baselines

N_POINTS = 1001  # a threshold on this grid is at most a thousandth of the epochs too careful
NOBODY = -1  # judged beside the subjects: the rule that all of them together give


def pair_with_out_of_fold(scored: list[Scored]) -> Iterator[tuple[Scored, Scored]]:
    """Yield each model's rows of each role beside its out-of-fold rows, which rules are fitted on.

    A baseline, and a model whose out-of-fold rows have a single subject, are passed over.
    """
    models = without_baselines(scored)
    known = {one.model: one for one in models if one.role == "oof" and one.n_subjects > 1}
    for one in models:
        if one.model in known:
            yield one, known[one.model]


def make_grid(values: np.ndarray) -> np.ndarray:
    """Return up to `N_POINTS` of the values, in rising order, the greatest always among them."""
    ordered = np.sort(values)
    places = np.ceil(np.linspace(0, 1, N_POINTS) * (len(ordered) - 1)).astype(int)
    return np.unique(ordered[places])


def accumulate(
    values: np.ndarray,
    subjects: np.ndarray,
    grid: np.ndarray,
    *,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return, by subject, the number (or the weights' sum) of values up to each grid point.

    `subjects` `(n_epochs,)` are numbers; the result is `(n_subjects, n_points)`, one row for each
    number up to the greatest.
    """
    n_subjects = subjects.max() + 1
    cells = subjects * len(grid) + np.searchsorted(grid, values)
    counts = np.bincount(cells, weights=weights, minlength=n_subjects * len(grid))
    return counts.reshape(n_subjects, len(grid)).cumsum(axis=1)


def sum_others(by_subject: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Return, for each judged subject's number, the sum over all others: `(n_judged, n_points)`."""
    known = (judged >= 0) & (judged < len(by_subject))
    own = by_subject[np.where(known, judged, 0)] * known[:, None]
    return by_subject.sum(axis=0) - own


def first_point(grid: np.ndarray, fulfilled: np.ndarray, *, otherwise: float) -> np.ndarray:
    """Return the first point of the grid where each row `(…, n_points)` of a condition holds."""
    return np.where(fulfilled.any(axis=-1), grid[fulfilled.argmax(axis=-1)], otherwise)
