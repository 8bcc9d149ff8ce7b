"""Paired comparisons: is a model better than the best single one, on the same subjects?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from epochal.evaluation.scored import Scored
from epochal.intervals import bounds, two_sided_p
from epochal.metrics import kappa

SINGLE = ("classical", "deep")
COLUMNS = ["model", "reference", "role", "data_source", "figure", "n_epochs", "n_subjects",
           "value", "reference_value", "difference", "low", "high", "p", "p_holm"]  # fmt: skip
_LEAST_PROBA = 1e-15


class Sums(NamedTuple):
    """What figures are made of, by subject: confusion tables, summed log losses, epochs."""

    tables: np.ndarray  # (n_subjects, n_classes, n_classes)
    losses: np.ndarray  # (n_subjects,)
    n_epochs: np.ndarray  # (n_subjects,)


def compare_with_best_single(
    scored: list[Scored], leaderboard: pd.DataFrame, *, n_bootstrap: int, seed: int
) -> pd.DataFrame:
    """Return how every model differs from the best single one in κ, accuracy and log loss.

    The reference is the best out of fold for all roles. Both models are judged on the epochs that
    both predict, and the same subjects are drawn for both. A study without a single model gives
    an empty table.
    """
    reference = choose_reference(leaderboard)
    bases = {one.role: one for one in scored if one.model == reference}
    parts = [pd.DataFrame(columns=COLUMNS)]
    for role, base in bases.items():
        others = [one for one in scored if one.role == role and one.model != reference]
        compared = [_compare(one, base, n_bootstrap=n_bootstrap, seed=seed) for one in others]
        rows = [row for rows in compared for row in rows]
        parts += [_correct(pd.DataFrame(rows))] if rows else []
    table = pd.concat(parts[1:] or parts, ignore_index=True)
    return table.assign(reference=reference).reindex(columns=COLUMNS)


def choose_reference(leaderboard: pd.DataFrame) -> str | None:
    """Return the classical or deep model of the best out-of-fold κ, if there is one."""
    single = leaderboard["family"].isin(SINGLE) & (leaderboard["role"] == "oof")
    board = leaderboard[single]
    return str(board.loc[board["kappa"].idxmax(), "model"]) if len(board) else None


def correct_holm(p: np.ndarray) -> np.ndarray:
    """Return p-values for as many tests as there are; NaN stays NaN, and counts for none.

    Holm 1979, https://www.jstor.org/stable/4615733.
    """
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * steps), 1.0)
    return corrected


def bootstrap_difference(
    first: np.ndarray, second: np.ndarray, difference: float, *, n_subjects: int
) -> tuple[float, float, float]:
    """Return the 95 % interval of first − second over paired resamples, and a two-sided p-value.

    The p-value goes by the share of resamples on the other side of 0 (Efron and Tibshirani 1993,
    chapter 15), of which there is always one more. Without resamples all three are NaN.
    """
    if not len(first):
        return np.nan, np.nan, np.nan
    differences = first - second
    low, high = bounds(differences, n_subjects)
    against = np.sum(differences <= 0) if difference > 0 else np.sum(differences >= 0)
    share = float(against + 1) / (len(differences) + 1)
    return float(low), float(high), two_sided_p(share, n_subjects)


def _compare(one: Scored, base: Scored, *, n_bootstrap: int, seed: int) -> list[dict[str, Any]]:
    """Return a row per figure on the epochs that the two models share."""
    shared, places, base_places = np.intersect1d(
        one.epochs, base.epochs, assume_unique=True, return_indices=True
    )
    if not len(shared):
        return []
    subjects = np.unique(one.subjects[places], return_inverse=True)[1]
    pair = _sum_by_subject(one, places, subjects), _sum_by_subject(base, base_places, subjects)
    n_subjects = int(subjects.max()) + 1
    drawn = _draw(n_subjects, n_bootstrap, seed)
    described = one.described | {"n_epochs": len(shared), "n_subjects": n_subjects}
    return [
        described | {"figure": figure} | _differ(measure, pair, drawn)
        for figure, measure in FIGURES.items()
    ]


def _differ(
    measure: Callable[[Sums, np.ndarray], np.ndarray], pair: tuple[Sums, Sums], drawn: np.ndarray
) -> dict[str, float]:
    once = np.ones((1, len(pair[0].n_epochs)))
    value, reference = (float(measure(sums, once)[0]) for sums in pair)
    first, second = (measure(sums, drawn) for sums in pair)
    low, high, p = bootstrap_difference(
        first, second, value - reference, n_subjects=len(pair[0].n_epochs)
    )
    return {
        "value": value,
        "reference_value": reference,
        "difference": value - reference,
        "low": low,
        "high": high,
        "p": p,
    }


def _sum_by_subject(one: Scored, places: np.ndarray, subjects: np.ndarray) -> Sums:
    proba, truth = one.proba[places], one.truth[places]
    n_classes, n_subjects = proba.shape[1], subjects.max() + 1
    cells = (subjects * n_classes + truth) * n_classes + proba.argmax(axis=1)
    counts = np.bincount(cells, minlength=n_subjects * n_classes**2)
    share = proba[np.arange(len(truth)), truth] / proba.sum(axis=1)
    losses = -np.log(np.maximum(share, _LEAST_PROBA))
    return Sums(
        tables=counts.reshape(n_subjects, n_classes, n_classes),
        losses=np.bincount(subjects, weights=losses),
        n_epochs=np.bincount(subjects),
    )


def _draw(n_subjects: int, n_bootstrap: int, seed: int) -> np.ndarray:
    """Return how often each resample holds each subject; no resample of fewer than two."""
    if n_subjects < 2:
        return np.empty((0, n_subjects))
    even = np.full(n_subjects, 1 / n_subjects)
    random = np.random.default_rng(seed)
    return random.multinomial(n_subjects, even, n_bootstrap).astype(float)  # floats multiply fast


def _kappas(sums: Sums, drawn: np.ndarray) -> np.ndarray:
    return np.asarray(kappa(np.tensordot(drawn, sums.tables, axes=1)))


def _accuracies(sums: Sums, drawn: np.ndarray) -> np.ndarray:
    return drawn @ np.trace(sums.tables, axis1=1, axis2=2) / (drawn @ sums.n_epochs)


def _log_losses(sums: Sums, drawn: np.ndarray) -> np.ndarray:
    return drawn @ sums.losses / (drawn @ sums.n_epochs)


FIGURES: dict[str, Callable[[Sums, np.ndarray], np.ndarray]] = {
    "kappa": _kappas,
    "accuracy": _accuracies,
    "log_loss": _log_losses,
}


def _correct(table: pd.DataFrame) -> pd.DataFrame:
    """Correct each figure for the number of models that are compared in it."""
    corrected = table.groupby("figure")["p"].transform(lambda p: correct_holm(p.to_numpy()))
    return table.assign(p_holm=corrected)
