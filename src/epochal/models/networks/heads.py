"""Heads: from what a network makes of an epoch to the logits of its classes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import softplus

from epochal.errors import EpochalError, did_you_mean
from epochal.models.networks.crf import ConditionalRandomField

LEAST_GAP = 0.01  # between two thresholds, so that no class has probability 0


class OrdinalHead(nn.Module):
    """One score against ordered thresholds: `(B, L, n_in)` → log-probabilities `(B, L, n_classes)`.

    P(class > k) = σ(w·x + b_k), one w for all k (the cumulative link of McCullagh 1980,
    doi:10.1111/j.2517-6161.1980.tb01109.x; CORAL, Cao et al. 2020, arXiv:1901.07884), classes in
    their order. CORAL proves that its biases end in order; here they cannot leave it, being a first
    one and what each lies below the one before. Before training, classes are alike at w·x = 0.
    Fewer than two classes raise `EpochalError`.
    """

    def __init__(self, n_in: int, n_classes: int) -> None:
        super().__init__()
        if n_classes < 2:
            raise EpochalError(f"an order needs two classes at least, not {n_classes}")
        self.score = nn.Linear(n_in, 1, bias=False)
        beyond = torch.arange(n_classes - 1, 0, -1) / n_classes  # P(class > k), classes alike
        biases = torch.log(beyond / (1 - beyond))
        self.first = nn.Parameter(biases[:1])
        self.gaps = nn.Parameter(_undo_softplus(biases[:-1] - biases[1:] - LEAST_GAP))

    def thresholds(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the biases b_k `(n_classes - 1,)`, falling, and the gaps between them."""
        gaps = softplus(self.gaps) + LEAST_GAP
        return torch.cat([self.first, self.first - gaps.cumsum(0)]), gaps

    def forward(self, representation: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities, which are their own log-softmax."""
        biases, gaps = self.thresholds()
        links = self.score(representation) + biases  # (B, L, n_classes - 1)
        beyond, not_beyond = -softplus(-links), -softplus(links)  # log σ, log (1 − σ)
        # σ(a) − σ(b) = σ(a) (1 − σ(b)) (1 − e^(b − a)): a difference that never cancels.
        between = beyond[..., :-1] + not_beyond[..., 1:] + torch.log(1 - torch.exp(-gaps))
        return torch.cat([not_beyond[..., :1], between, beyond[..., -1:]], dim=-1)


HEADS: dict[str, Callable[[int, int], nn.Module]] = {
    "linear": nn.Linear,
    "ordinal": OrdinalHead,
    "crf": ConditionalRandomField,
}


def make_head(kind: str, n_in: int, n_classes: int) -> nn.Module:
    """Return the head of a kind: `(B, L, n_in)` → logits `(B, L, n_classes)`.

    An unknown kind raises `EpochalError`.
    """
    if kind not in HEADS:
        raise EpochalError(f"no head '{kind}'{did_you_mean(kind, HEADS)}")
    return HEADS[kind](n_in, n_classes)


def _undo_softplus(values: torch.Tensor) -> torch.Tensor:
    least = math.log(math.expm1(1e-3))
    return torch.log(torch.expm1(values.clamp(min=1e-3))).clamp(min=least)
