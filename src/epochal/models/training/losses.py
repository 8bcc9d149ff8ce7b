"""What a network is punished for: losses of logits against labels or experts' votes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from epochal.errors import EpochalError, did_you_mean

RowLoss = Callable[[Tensor, Tensor], Tensor]  # log-probabilities and shares (N, K) → (N,)


@dataclass(frozen=True)
class Loss:
    """A loss of logits `(N, K)` against class codes `(N,)`, -1 unknown, or votes `(N, K)`.

    Votes are counts or shares; a row without any, or with a missing one, is unknown. `vote_power`
    weighs a row by its number of votes to that power: 0 counts all rows alike.
    """

    of_rows: RowLoss
    vote_power: float = 0.0

    def __call__(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean over the known rows, each with its weight `(N,)`; 0 without any."""
        shares, counted = self._read(logits, targets)
        if weights is not None:
            counted = counted * weights.to(counted.dtype)
        total = (self._each(logits, shares) * counted).sum()
        return total / counted.sum().clamp(min=torch.finfo(total.dtype).tiny)

    def per_row(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return each row's loss without its weight, `(N,)`; NaN where the target is unknown."""
        shares, counted = self._read(logits, targets)
        return torch.where(counted > 0, self._each(logits, shares), torch.nan)

    def _each(self, logits: Tensor, shares: Tensor) -> Tensor:
        return self.of_rows(torch.log_softmax(logits.float(), dim=-1), shares)

    def _read(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return targets as shares `(N, K)` and what each row counts `(N,)`; unknown rows 0."""
        n_classes = logits.shape[-1]
        if targets.ndim == 1:
            known = targets >= 0
            shares = torch.nn.functional.one_hot(targets.clamp(min=0).long(), n_classes)
            return shares.float(), known.float()
        totals = targets.float().sum(dim=-1)
        known = totals > 0  # of a missing vote the sum is NaN
        counts = torch.where(known, totals, 1.0)
        shares = torch.where(known[:, None], targets.float() / counts[:, None], 1 / n_classes)
        return shares, torch.where(known, counts**self.vote_power, 0.0)


def weighted_cross_entropy(*, label_smoothing: float = 0.0) -> Loss:
    """Cross-entropy; smoothing gives every class its part of `label_smoothing` (0 to 1).

    The weights are the rows' own: those of rare classes, for one. Szegedy et al. 2016,
    arXiv:1512.00567, for the smoothing.
    """
    _check_between("label_smoothing", label_smoothing, 0, 1)
    return Loss(partial(_smoothed_cross_entropy, label_smoothing=label_smoothing))


def focal(*, gamma: float = 2.0) -> Loss:
    """Cross-entropy times (1 − p)^γ: what is right already counts little; γ 0 is cross-entropy.

    Lin et al. 2017, arXiv:1708.02002. It learns the hard and also the mislabelled, and its
    probabilities are too low: calibrate.
    """
    _check_between("gamma", gamma, 0, float("inf"))
    return Loss(partial(_focused, gamma=gamma))


def ordinal(*, power: float = 2.0) -> Loss:
    """How far probability must be carried along the classes' order: Σ |P(≤ k) − target(≤ k)|^power.

    The squared earth mover's distance of Hou et al. 2016, arXiv:1611.05916; with `power` 1 the
    distance itself. An error by two classes costs more than two by one.
    """
    _check_between("power", power, 1, float("inf"))
    return Loss(partial(_carried, power=power))


def generalised_cross_entropy(*, q: float = 0.7) -> Loss:
    """(1 − p^q) / q: near 0 cross-entropy, at 1 the mean absolute error, which noise cannot lead.

    Zhang and Sabuncu 2018, arXiv:1805.07836, whose q of 0.7 is the default; without their
    truncation. A row that the network holds for wrong pulls less the longer it does.
    """
    _check_between("q", q, 1e-3, 1)
    return Loss(partial(_generalised, q=q))


def kl_votes(*, vote_power: float = 1.0) -> Loss:
    """Kullback-Leibler divergence of the network from the experts' shares of votes.

    A row counts by its number of votes to `vote_power`: with 1 the mean is that over votes, with 0
    that over rows. A single label is a vote.
    """
    return Loss(_divergence, vote_power=vote_power)


LOSSES: dict[str, Callable[..., Loss]] = {
    "weighted_cross_entropy": weighted_cross_entropy,
    "focal": focal,
    "ordinal": ordinal,
    "generalised_cross_entropy": generalised_cross_entropy,
    "kl_votes": kl_votes,
}


def make_loss(kind: str, **params: Any) -> Loss:
    """Return a loss of the roster; an unknown kind or parameter raises `EpochalError`."""
    if kind not in LOSSES:
        raise EpochalError(f"no loss '{kind}'{did_you_mean(kind, LOSSES)}")
    allowed = inspect.signature(LOSSES[kind]).parameters
    for name in params.keys() - allowed.keys():
        raise EpochalError(f"the loss '{kind}' takes no '{name}'{did_you_mean(name, allowed)}")
    return LOSSES[kind](**params)


def _check_between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise EpochalError(f"{name} is {value:g}; it goes from {low:g} to {high:g}")


def _smoothed_cross_entropy(log_proba: Tensor, shares: Tensor, *, label_smoothing: float) -> Tensor:
    smoothed = (1 - label_smoothing) * shares + label_smoothing / shares.shape[-1]
    return -(smoothed * log_proba).sum(dim=-1)


def _focused(log_proba: Tensor, shares: Tensor, *, gamma: float) -> Tensor:
    # No power of 0 has a gradient below γ = 1: 1 − p stays above it.
    missed = (-torch.expm1(log_proba)).clamp(min=1e-6)
    return -(shares * missed**gamma * log_proba).sum(dim=-1)


def _carried(log_proba: Tensor, shares: Tensor, *, power: float) -> Tensor:
    carried = (log_proba.exp() - shares).cumsum(dim=-1)[..., :-1]  # the last is 0
    return (carried.abs() ** power).sum(dim=-1)


def _generalised(log_proba: Tensor, shares: Tensor, *, q: float) -> Tensor:
    return (shares * -torch.expm1(q * log_proba)).sum(dim=-1) / q


def _divergence(log_proba: Tensor, shares: Tensor) -> Tensor:
    return (torch.special.xlogy(shares, shares) - shares * log_proba).sum(dim=-1)
