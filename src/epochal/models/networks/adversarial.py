"""A classifier of sites that a network is trained against, so that it forgets where it looks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: torch.Tensor, strength: float) -> torch.Tensor:
        context.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return -context.strength * gradients[0], None


def reverse_gradient(values: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    """Return the values; their gradient comes back times −strength (Ganin et al. 2016)."""
    return _Reversal.apply(values, strength)


def reversal_strength(progress: float, *, steepness: float = 10.0) -> float:
    """Return 2 / (1 + e^(−10 p)) − 1: from 0 at the start of training (p = 0) to 1 at its end.

    Ganin et al. 2016, arXiv:1505.07818: a classifier that knows nothing yet has nothing to teach.
    """
    return 2 / (1 + math.exp(-steepness * progress)) - 1


class SiteAdversary(nn.Module):
    """Tells sites (laboratories, devices, cohorts) from embeddings; for training only.

    The domain-adversarial training of Ganin et al. 2016, arXiv:1505.07818: the classifier learns
    the sites, and the network, by the reversed gradient, to leave no trace of them. Its optimiser
    is the network's. A site must not be a subject, nor sites differ in what is to be learnt (a
    study of patients at one and of the healthy at the other), or that is forgotten as well.
    """

    def __init__(self, width: int, n_sites: int, *, n_hidden: int = 64) -> None:
        super().__init__()
        self.classify = nn.Sequential(
            nn.Linear(width, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_sites)
        )

    def forward(self, embedding: torch.Tensor, *, strength: float = 1.0) -> torch.Tensor:
        """Return logits `(B, L, n_sites)` of embeddings `(B, L, width)`."""
        return self.classify(reverse_gradient(embedding, strength))

    def loss(
        self, embedding: torch.Tensor, sites: torch.Tensor, *, strength: float = 1.0
    ) -> torch.Tensor:
        """Return the mean cross-entropy over epochs; `sites` `(B,)` are codes, -1 unknown.

        Add it to the network's loss: the reversal has the sign. No known site is 0.
        """
        logits = self(embedding, strength=strength)  # (B, L, n_sites)
        codes = sites[:, None].expand(logits.shape[:2])
        losses = nn.functional.cross_entropy(
            logits.flatten(0, 1), codes.flatten(), ignore_index=-1, reduction="sum"
        )
        return losses / (codes >= 0).sum().clamp(min=1)
