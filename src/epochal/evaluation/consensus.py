"""Several scorers of the same recordings: each against the consensus of the others, and in pairs.

The scorer who is judged never has a vote in the consensus that judges. Codes are `(n_scorers,
n_epochs)` class numbers, −1 where a scorer gave none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.evaluation.agreement import (
    Figure,
    accuracy,
    f1,
    kappa_per_class,
    macro_f1,
    resample,
    tabulate_pair,
)
from epochal.metrics import kappa

Scorings = Mapping[str, np.ndarray]  # recording -> codes (n_scorers, n_epochs)


def count_votes(codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return how many scorers chose each class `(n_classes, n_epochs)`."""
    return (codes[:, None, :] == np.arange(n_classes)[:, None]).sum(axis=0)


def soft_agreement(codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return each scorer's mean agreement with the votes of all others, 0 to 1.

    An epoch counts the votes that the scorer's class has among the others, by those of their most
    voted class (Guillot et al. 2020, doi:10.1109/TNSRE.2020.3011181). NaN for a scorer of nothing
    that anyone else scored.
    """
    votes = count_votes(codes, n_classes)
    values = np.full(len(codes), np.nan)
    for scorer, own in enumerate(codes):
        others = votes - (own == np.arange(n_classes)[:, None])
        known = np.flatnonzero((own >= 0) & (others.max(axis=0) > 0))
        if len(known):
            values[scorer] = np.mean(others[own[known], known] / others[:, known].max(axis=0))
    return values


def elect(codes: np.ndarray, n_classes: int, ranking: np.ndarray) -> np.ndarray:
    """Return the class with most votes per epoch, −1 where nobody scored.

    Ties go to the class of the scorer with the highest `ranking` among those who chose a tied one.
    """
    votes = count_votes(codes, n_classes)
    most = votes.max(axis=0)
    winner = np.where(most > 0, votes.argmax(axis=0), -1)
    tied = (votes == most).sum(axis=0) > 1
    for epoch in np.flatnonzero(tied & (most > 0)):
        first = np.flatnonzero(votes[:, epoch] == most[epoch])
        backers = [s for s in np.argsort(-ranking, kind="stable") if codes[s, epoch] in first]
        winner[epoch] = codes[backers[0], epoch]
    return winner


def leave_one_out(codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return for each scorer the consensus of the others `(n_scorers, n_epochs)`.

    Ties go to whichever of the others agrees most with all scorers over this recording.
    """
    if len(codes) < 3:
        raise EpochalError(f"{len(codes)} scorers: a consensus of the others needs at least 3")
    ranking = np.nan_to_num(soft_agreement(codes, n_classes), nan=-1.0)
    scorers = range(len(codes))
    others = [[other for other in scorers if other != scorer] for scorer in scorers]
    return np.stack([elect(codes[rest], n_classes, ranking[rest]) for rest in others])


def judge_scorers(
    scorings: Scorings, scorers: Sequence[str], classes: Sequence[str], *, seed: int = 0
) -> pd.DataFrame:
    """Return a row per scorer, and `all`: agreement with the consensus of the others.

    Columns are those of `figures_of`; intervals resample recordings. In `all` a recording counts
    once for each scorer, and all of them are drawn together.
    """
    tables = np.stack(
        [_against_others(codes, len(classes)) for _, codes in sorted(scorings.items())]
    )  # (n_recordings, n_scorers, n_classes, n_classes)
    rows = [
        {"scorer": name, **figures_of(tables[:, index], classes, seed=seed)}
        for index, name in enumerate(scorers)
    ]
    return pd.DataFrame([*rows, {"scorer": "all", **figures_of(tables.sum(1), classes, seed=seed)}])


def _against_others(codes: np.ndarray, n_classes: int) -> np.ndarray:
    consensus = leave_one_out(codes, n_classes)
    pairs = zip(consensus, codes, strict=True)
    return np.stack([tabulate_pair(other, own, n_classes) for other, own in pairs])


def judge_pairs(
    scorings: Scorings, scorers: Sequence[str], classes: Sequence[str], *, seed: int = 0
) -> pd.DataFrame:
    """Return a row per pair of scorers, and `all`: agreement with each other."""
    pairs = list(combinations(range(len(scorers)), 2))
    tables = np.stack(
        [
            [tabulate_pair(codes[a], codes[b], len(classes)) for a, b in pairs]
            for _, codes in sorted(scorings.items())
        ]
    )
    rows = [
        {"scorer": f"{scorers[a]} – {scorers[b]}", **figures_of(tables[:, i], classes, seed=seed)}
        for i, (a, b) in enumerate(pairs)
    ]
    return pd.DataFrame([*rows, {"scorer": "all", **figures_of(tables.sum(1), classes, seed=seed)}])


def figures_of(tables: np.ndarray, classes: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """Return `accuracy, kappa, macro_f1`, and κ and F1 per class, each with `_low` and `_high`.

    `tables` is a confusion table per recording; figures are of all epochs pooled.
    """
    figures: dict[str, Figure] = {"accuracy": accuracy, "kappa": kappa, "macro_f1": macro_f1}
    for code, name in enumerate(classes):
        figures[f"kappa_{name}"] = _of_class(kappa_per_class, code)
        figures[f"f1_{name}"] = _of_class(f1, code)
    row: dict[str, Any] = {"n_recordings": len(tables), "n_epochs": int(tables.sum())}
    for name, figure in figures.items():
        value, low, high = resample(tables, figure, seed=seed)
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row


def _of_class(figure: Any, code: int) -> Figure:
    return lambda tables: figure(tables)[..., code]
