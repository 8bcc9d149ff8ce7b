"""Hidden-Markov smoothing of a sequence of class probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.labels import encode

_FLOOR = 1e-9


def estimate_transitions(
    epochs: pd.DataFrame, classes: tuple[str, ...], *, self_weight: float = 1.0
) -> np.ndarray:
    """Return the row-stochastic `(n_classes, n_classes)` transition matrix of scored neighbours.

    Every pair has a prior count of 1, so none is impossible (REM at onset is a symptom);
    `self_weight` is added to the diagonal. Pairs across a gap or an unscored epoch do not count.
    """
    counts = np.ones((len(classes), len(classes))) + self_weight * np.eye(len(classes))
    for _, rows in epochs.sort_values("epoch").groupby(["recording_id", "run"], sort=False):
        codes = encode(rows["label"], classes)
        scored = (codes[:-1] >= 0) & (codes[1:] >= 0)
        np.add.at(counts, (codes[:-1][scored], codes[1:][scored]), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def estimate_prior(epochs: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """Return the classes' shares among scored epochs, none of them 0."""
    codes = encode(epochs["label"], classes)
    counts = np.bincount(codes[codes >= 0], minlength=len(classes)) + 1.0
    return counts / counts.sum()


def forward(proba: np.ndarray, transitions: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return P(class | all epochs up to this one), `(n_epochs, n_classes)`: causal.

    `proba` are a classifier's posteriors; divided by the prior they are likelihoods up to a
    factor (Rabiner 1989, doi:10.1109/5.18626, in the scaled form).
    """
    likelihood = np.maximum(proba, _FLOOR) / prior
    filtered = np.empty_like(likelihood)
    expected = prior
    for index, evidence in enumerate(likelihood):
        joint = expected * evidence
        filtered[index] = joint / joint.sum()
        expected = filtered[index] @ transitions
    return filtered


def forward_backward(proba: np.ndarray, transitions: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return P(class | all epochs), `(n_epochs, n_classes)`: it looks ahead."""
    likelihood = np.maximum(proba, _FLOOR) / prior
    smoothed = forward(proba, transitions, prior)
    message = np.ones(proba.shape[1])
    for index in range(len(proba) - 2, -1, -1):
        message = transitions @ (likelihood[index + 1] * message)
        message /= message.sum()
        joint = smoothed[index] * message
        smoothed[index] = joint / joint.sum()
    return smoothed


SMOOTHERS = {"forward": forward, "forward_backward": forward_backward}
