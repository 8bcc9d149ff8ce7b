"""A hidden Markov chain over a classifier's probabilities: filtered, smoothed, or its best path.

Sequences are `(…, n_epochs, n_classes)`; a row that is not finite is an epoch that nobody saw: time
passes there, and nothing is learnt. Posteriors divided by the prior are likelihoods up to a factor
(Rabiner 1989, doi:10.1109/5.18626). `transitions` may be any potentials above 0, or 0 where a
transition is forbidden; their rows need no sum of 1.
"""

from __future__ import annotations

import numpy as np

_FLOOR = 1e-9


def forward(
    proba: np.ndarray,
    transitions: np.ndarray,
    prior: np.ndarray,
    *,
    expected: np.ndarray | None = None,
) -> np.ndarray:
    """Return P(class | all epochs up to this one): causal.

    `expected` is what earlier epochs lead to expect of the first, their last row @ `transitions`.
    """
    likelihood = _likelihood(proba, prior)
    filtered = np.empty_like(likelihood)
    expected = prior if expected is None else expected
    for index in range(likelihood.shape[-2]):
        filtered[..., index, :] = _share(expected * likelihood[..., index, :])
        expected = filtered[..., index, :] @ transitions
    return filtered


def forward_backward(proba: np.ndarray, transitions: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return P(class | all epochs): it looks ahead."""
    likelihood, followed = _likelihood(proba, prior), _followed(proba)
    smoothed = forward(proba, transitions, prior)
    message = np.ones_like(prior)
    for index in range(likelihood.shape[-2] - 2, -1, -1):
        ahead = _share((likelihood[..., index + 1, :] * message) @ transitions.T)
        message = np.where(followed[..., index, :], ahead, 1.0)
        smoothed[..., index, :] = _share(smoothed[..., index, :] * message)
    return smoothed


def viterbi(proba: np.ndarray, transitions: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return the best path's classes, as shares of the best paths through each: it looks ahead.

    The most probable class is that of the best path of all (Viterbi 1967,
    doi:10.1109/TIT.1967.1054010); the others have the probability of the best path that passes
    through them (max-marginals), which says more than 0 and 1 and less than `forward_backward`.
    """
    with np.errstate(divide="ignore"):  # a forbidden transition
        step = np.log(transitions)
    evidence, followed = np.log(_likelihood(proba, prior)), _followed(proba)
    score = np.empty_like(evidence)
    best = np.log(prior)
    for index in range(evidence.shape[-2]):
        score[..., index, :] = best + evidence[..., index, :]
        best = (score[..., index, :, None] + step).max(axis=-2)
    message = np.zeros_like(prior)
    for index in range(evidence.shape[-2] - 2, -1, -1):
        ahead = (step + (evidence[..., index + 1, :] + message)[..., None, :]).max(axis=-1)
        message = np.where(followed[..., index, :], ahead, 0.0)
        score[..., index, :] += message
    return _share(np.exp(score - score.max(axis=-1, keepdims=True)))


def _likelihood(proba: np.ndarray, prior: np.ndarray) -> np.ndarray:
    seen = np.isfinite(proba).all(axis=-1, keepdims=True)
    return np.maximum(np.where(seen, proba, prior), _FLOOR) / prior


def _followed(proba: np.ndarray) -> np.ndarray:
    """Say after which epochs another one was seen `(…, n_epochs, 1)`: others hear of no future."""
    seen = np.isfinite(proba).all(axis=-1)
    later = np.logical_or.accumulate(seen[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([later[..., 1:], np.zeros_like(later[..., :1])], axis=-1)[..., None]


def _share(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum(axis=-1, keepdims=True)
