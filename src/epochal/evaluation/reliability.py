"""Reliability: how often what was given the probability p turns out so, class by class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from epochal.evaluation.scored import Scored
from epochal.intervals import bounds
from epochal.options.results import EvaluationOptions

CHOSEN = "(chosen class)"
ALL = "(all classes)"
CURVE_COLUMNS = ["model", "role", "data_source", "class", "from_proba", "to_proba", "n_epochs",
                 "share", "mean_proba", "observed", "observed_low", "observed_high"]  # fmt: skip
CALIBRATION_COLUMNS = ["model", "role", "data_source", "class", "n_epochs", "prevalence",
                       "mean_proba", "ece", "adaptive_ece", "brier"]  # fmt: skip


class Event(NamedTuple):
    """What a probability was given to, and whether it came: both `(n_epochs,)`."""

    name: str
    proba: np.ndarray
    came: np.ndarray


def measure_calibration(scored: list[Scored], *, n_bins: int) -> pd.DataFrame:
    """Return calibration errors and Brier scores of each model and role, by class and over all.

    Of the row `(all classes)`, errors are the classes' mean, and `brier` their sum: that of
    Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2, from 0 to 2.
    """
    rows = []
    for one in scored:
        figures = [_score(event, n_bins) for event in list_events(one)]
        rows += [one.described | figure for figure in [*figures, _over_all(figures[:-1])]]
    return pd.DataFrame(rows, columns=CALIBRATION_COLUMNS)


def measure_reliability(
    scored: list[Scored], options: EvaluationOptions, *, seed: int
) -> pd.DataFrame:
    """Return the reliability curves of models, and how many epochs stand behind each bin.

    Intervals resample subjects; they are missing where there are fewer than two.
    """
    parts = [
        draw_curve(event, one.subjects, options, seed=seed).assign(**one.described)
        for one in scored
        for event in list_events(one)
    ]
    table = pd.concat(parts or [pd.DataFrame(columns=CURVE_COLUMNS)], ignore_index=True)
    return table[CURVE_COLUMNS]


def list_events(one: Scored) -> Iterator[Event]:
    """Yield each class, given its probability; then the chosen class, given its own."""
    for code, name in enumerate(one.classes):
        yield Event(name, one.proba[:, code], one.truth == code)
    yield Event(CHOSEN, one.confidence, ~one.wrong)


def equal_edges(n_bins: int) -> np.ndarray:
    """Return the edges of bins of equal width: `(n_bins + 1,)`."""
    return np.linspace(0, 1, n_bins + 1)


def adaptive_edges(proba: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the edges of bins with equally many epochs; equal probabilities stay together.

    After Nixon et al. 2019, arXiv:1904.01685.
    """
    inner = np.quantile(proba, np.linspace(0, 1, n_bins + 1)[1:-1])
    return np.unique(np.concatenate([[0.0], inner, [1.0]]))


def place_in_bins(proba: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the number of each probability's bin; one on an edge belongs below it."""
    return np.clip(np.searchsorted(edges, proba, side="left") - 1, 0, len(edges) - 2)


def calibration_gap(proba: np.ndarray, came: np.ndarray, edges: np.ndarray) -> float:
    """Return the mean over bins, weighted by their epochs, of |mean probability − share|."""
    bins = place_in_bins(proba, edges)
    gap = np.bincount(bins, weights=came - proba)
    return float(np.abs(gap).sum() / len(proba))


def draw_curve(
    event: Event, subjects: np.ndarray, options: EvaluationOptions, *, seed: int
) -> pd.DataFrame:
    """Return a row per bin that has an epoch: its edges, epochs, mean probability and share."""
    edges = equal_edges(options.n_calibration_bins)
    bins = place_in_bins(event.proba, edges)
    n_bins = len(edges) - 1
    n_epochs = np.bincount(bins, minlength=n_bins)
    divisor = np.maximum(n_epochs, 1)
    low, high = _interval(bins, event.came, subjects, options, seed=seed)
    table = {
        "class": event.name,
        "from_proba": edges[:-1],
        "to_proba": edges[1:],
        "n_epochs": n_epochs,
        "share": n_epochs / len(bins),
        "mean_proba": np.bincount(bins, weights=event.proba, minlength=n_bins) / divisor,
        "observed": np.bincount(bins, weights=event.came, minlength=n_bins) / divisor,
        "observed_low": low,
        "observed_high": high,
    }
    return pd.DataFrame(table)[n_epochs > 0]


def _interval(
    bins: np.ndarray,
    came: np.ndarray,
    subjects: np.ndarray,
    options: EvaluationOptions,
    *,
    seed: int,
) -> np.ndarray:
    """Return the 95 % interval of each bin's share over resampled subjects: `(2, n_bins)`."""
    codes = np.unique(subjects, return_inverse=True)[1]
    n_subjects, n_bins = codes.max() + 1, options.n_calibration_bins
    if n_subjects < 2 or not options.n_bootstrap:
        return np.full((2, n_bins), np.nan)
    cells, shape = codes * n_bins + bins, (n_subjects, n_bins)
    n_all = np.bincount(cells, minlength=n_subjects * n_bins).reshape(shape)
    n_came = np.bincount(cells, weights=came, minlength=n_subjects * n_bins).reshape(shape)
    random = np.random.default_rng(seed)
    even = np.full(n_subjects, 1 / n_subjects)
    drawn = random.multinomial(n_subjects, even, options.n_bootstrap).astype(float)
    n_drawn = drawn @ n_all
    # a resample without an epoch in the bin says nothing new: it counts as the bin itself
    observed = n_came.sum(axis=0) / np.maximum(n_all.sum(axis=0), 1)
    shares = np.where(n_drawn > 0, drawn @ n_came / np.maximum(n_drawn, 1), observed)
    return bounds(shares, int(n_subjects))


def _score(event: Event, n_bins: int) -> dict[str, object]:
    return {
        "class": event.name,
        "n_epochs": len(event.proba),
        "prevalence": event.came.mean(),
        "mean_proba": event.proba.mean(),
        "ece": calibration_gap(event.proba, event.came, equal_edges(n_bins)),
        "adaptive_ece": calibration_gap(
            event.proba, event.came, adaptive_edges(event.proba, n_bins)
        ),
        "brier": np.mean((event.proba - event.came) ** 2),
    }


def _over_all(figures: list[dict[str, object]]) -> dict[str, object]:
    table = pd.DataFrame(figures)
    return {
        "class": ALL,
        "n_epochs": table["n_epochs"].max(),
        "ece": table["ece"].mean(),
        "adaptive_ece": table["adaptive_ece"].mean(),
        "brier": table["brier"].sum(),
    }
