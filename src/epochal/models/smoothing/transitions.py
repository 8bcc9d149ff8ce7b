"""How classes follow one another: estimated on training hypnograms, penalised, weakened."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from epochal.errors import EpochalError, did_you_mean
from epochal.labels import encode


def estimate_transitions(
    epochs: pd.DataFrame, classes: tuple[str, ...], *, self_weight: float = 1.0
) -> np.ndarray:
    """Return the row-stochastic `(n_classes, n_classes)` transition matrix of scored neighbours.

    Every pair has a prior count of 1, so none is impossible (REM at onset is a symptom);
    `self_weight` is added to the diagonal. Pairs across a gap or an unscored epoch do not count.
    """
    counts = np.ones((len(classes), len(classes))) + self_weight * np.eye(len(classes))
    for _, rows in epochs.sort_values("epoch").groupby(["recording_id", "run"], sort=False):
        codes, numbers = encode(rows["label"], classes), rows["epoch"].to_numpy()
        pairs = (codes[:-1] >= 0) & (codes[1:] >= 0) & (np.diff(numbers) == 1)
        np.add.at(counts, (codes[:-1][pairs], codes[1:][pairs]), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def estimate_prior(epochs: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """Return the classes' shares among scored epochs, none of them 0."""
    codes = encode(epochs["label"], classes)
    counts = np.bincount(codes[codes >= 0], minlength=len(classes)) + 1.0
    return counts / counts.sum()


def penalise(
    transitions: np.ndarray,
    classes: tuple[str, ...],
    pairs: Iterable[tuple[str, str]],
    *,
    factor: float,
) -> np.ndarray:
    """Return the matrix with the listed `(from, to)` transitions divided by `factor`.

    Rows have the sum 1 again. An infinite factor forbids them. A class that is not of the study, or
    one that may not stay what it is, raises `EpochalError`.
    """
    changed = transitions.copy()
    for pair in pairs:
        for name in pair:
            if name not in classes:
                raise EpochalError(
                    f"Transition {pair[0]} to {pair[1]}: '{name}' is no class; there are "
                    f"{', '.join(classes)}{did_you_mean(name, classes)}"
                )
        if pair[0] == pair[1]:
            raise EpochalError(f"Transition {pair[0]} to itself is not to be penalised")
        changed[classes.index(pair[0]), classes.index(pair[1])] /= factor
    return changed / changed.sum(axis=1, keepdims=True)


def weaken(transitions: np.ndarray, prior: np.ndarray, memory: float) -> np.ndarray:
    """Return potentials `transitions^memory · prior^(1 − memory)`, as rows that need no sum of 1.

    A classifier whose features cover several epochs knows much of the order already, and the whole
    transition matrix would count it twice. `memory` 1 is the Markov chain, 0 none at all: then
    smoothing changes nothing. In between it is a linear-chain conditional random field (Lafferty
    et al. 2001) with one weight on its transitions.
    """
    return transitions**memory * prior ** (1.0 - memory)
