"""Figures with intervals by subject, and paired differences, for the benchmarks of real models.

A figure is made of sums by subject, so that a resample of subjects is a matrix product. The same
resamples serve every model: differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from epochal.evaluation.paired import bootstrap_difference
from epochal.intervals import bounds
from epochal.metrics import kappa

N_BOOTSTRAP, N_BINS = 2000, 15
_LEAST = 1e-15


class Sums(NamedTuple):
    """What figures are made of, by subject."""

    tables: np.ndarray  # (n_subjects, n_classes, n_classes), truth in rows
    losses: np.ndarray  # (n_subjects,)
    hits: np.ndarray  # (n_subjects, N_BINS): right answers by the confidence they were given with
    confidence: np.ndarray  # (n_subjects, N_BINS), summed
    n_epochs: np.ndarray  # (n_subjects,)


def sum_up(proba: np.ndarray, truth: np.ndarray, subjects: np.ndarray) -> Sums:
    """Return the sums of `(n_epochs, n_classes)` probabilities; subjects are numbers from 0."""
    n_subjects, n_classes = int(subjects.max()) + 1, proba.shape[1]
    proba = proba / proba.sum(axis=1, keepdims=True)
    said, sure = proba.argmax(axis=1), proba.max(axis=1)
    bins = np.clip(np.ceil(sure * N_BINS).astype(int) - 1, 0, N_BINS - 1)

    def count(places: np.ndarray, *shape: int, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(places, weights, int(np.prod(shape))).reshape(shape)

    in_bin = subjects * N_BINS + bins
    losses = -np.log(np.maximum(proba[np.arange(len(truth)), truth], _LEAST))
    cells = (subjects * n_classes + truth) * n_classes + said
    return Sums(
        tables=count(cells, n_subjects, n_classes, n_classes),
        losses=count(subjects, n_subjects, weights=losses),
        hits=count(in_bin, n_subjects, N_BINS, weights=(said == truth).astype(float)),
        confidence=count(in_bin, n_subjects, N_BINS, weights=sure),
        n_epochs=count(subjects, n_subjects),
    )


def draw(n_subjects: int, *, seed: int = 0) -> np.ndarray:
    """Return how often each resample holds each subject, `(N_BOOTSTRAP, n_subjects)`."""
    random = np.random.default_rng(seed)
    return random.multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects), N_BOOTSTRAP).astype(
        float
    )


def describe(sums: Sums, drawn: np.ndarray) -> dict[str, dict[str, float]]:
    """Return each figure's value and 95 % interval."""
    found = {}
    for name, measure in FIGURES.items():
        low, high = bounds(measure(sums, drawn), drawn.shape[1])
        found[name] = {"value": _once(measure, sums), "low": float(low), "high": float(high)}
    return {name: _rounded(figure) for name, figure in found.items()}


def compare(sums: Sums, reference: Sums, drawn: np.ndarray) -> dict[str, dict[str, float]]:
    """Return each figure's difference from the reference, its 95 % interval and p."""
    found = {}
    for name, measure in FIGURES.items():
        value = _once(measure, sums) - _once(measure, reference)
        pair = measure(sums, drawn), measure(reference, drawn)
        low, high, p = bootstrap_difference(*pair, value, n_subjects=drawn.shape[1])
        found[name] = {"difference": value, "low": low, "high": high, "p": p}
    return {name: _rounded(figure) for name, figure in found.items()}


def f1_by_class(sums: Sums) -> list[float]:
    """Return the F1 of each class."""
    return [round(float(f1), 4) for f1 in _f1(sums.tables.sum(axis=0))]


def _once(measure: Callable[[Sums, np.ndarray], np.ndarray], sums: Sums) -> float:
    return float(measure(sums, np.ones((1, len(sums.n_epochs))))[0])


def _rounded(figure: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in figure.items()}


def _f1(tables: np.ndarray) -> np.ndarray:
    right = np.diagonal(tables, axis1=-2, axis2=-1)
    return 2 * right / np.maximum(tables.sum(axis=-1) + tables.sum(axis=-2), 1)


def _resample(sums: Sums, drawn: np.ndarray) -> np.ndarray:
    return np.tensordot(drawn, sums.tables, axes=1)


def _accuracy(sums: Sums, drawn: np.ndarray) -> np.ndarray:
    return drawn @ np.trace(sums.tables, axis1=1, axis2=2) / (drawn @ sums.n_epochs)


def _macro_f1(sums: Sums, drawn: np.ndarray) -> np.ndarray:
    return _f1(_resample(sums, drawn)).mean(axis=-1)


def _kappa(sums: Sums, drawn: np.ndarray) -> np.ndarray:
    return np.asarray(kappa(_resample(sums, drawn)))


def _log_loss(sums: Sums, drawn: np.ndarray) -> np.ndarray:
    return drawn @ sums.losses / (drawn @ sums.n_epochs)


def _ece(sums: Sums, drawn: np.ndarray) -> np.ndarray:
    gaps = np.abs(drawn @ (sums.hits - sums.confidence)).sum(axis=1)
    return gaps / (drawn @ sums.n_epochs)


FIGURES: dict[str, Callable[[Sums, np.ndarray], np.ndarray]] = {
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "kappa": _kappa,
    "log_loss": _log_loss,
    "ece": _ece,
}
