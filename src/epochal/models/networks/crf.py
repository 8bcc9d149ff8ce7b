"""A linear-chain conditional random field: an epoch's class depends on its neighbours' classes."""

from __future__ import annotations

import torch
from torch import nn


class ConditionalRandomField(nn.Module):
    """Scores of classes and of their transitions: `(B, L, n_in)` → log marginals `(B, L, K)`.

    Lafferty et al. 2001 (ICML), by the forward-backward recursions in logarithms (Rabiner 1989,
    doi:10.1109/5.18626). No scores for a sequence's start and end: sequences are cut from
    recordings anywhere. The marginals look at the whole sequence, so the head is not causal. The
    recursion is a loop over epochs: an exported graph holds one length L.
    """

    def __init__(self, n_in: int, n_classes: int) -> None:
        super().__init__()
        self.emit = nn.Linear(n_in, n_classes)
        self.transitions = nn.Parameter(torch.zeros(n_classes, n_classes))  # from, to

    def forward(self, representation: torch.Tensor) -> torch.Tensor:
        """Return log P(class of an epoch | all of the sequence)."""
        emissions = self._emit(representation)  # (B, L, K)
        joint = self._forward(emissions) + self._backward(emissions)
        return torch.log_softmax(joint, dim=-1)

    def loss(
        self, representation: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Return the negative log-likelihood of the known targets per unit of weight.

        `targets` `(B, L)` are class codes; -1 is unknown and summed out exactly. By the chain rule
        a sequence's likelihood is the product over its epochs of P(class | the known classes
        before it, the whole input); `weights` `(B, L)` weigh those factors' logarithms. With equal
        weights that is the likelihood of the sequence. Nothing known, or no weight, is 0.
        """
        emissions = self._emit(representation)
        known = targets >= 0
        behind, ahead = self._forward(_clamp(emissions, targets)), self._backward(emissions)
        evidence = torch.logsumexp(behind + ahead, dim=-1)  # (B, L): targets to here, all else free
        nothing_known = torch.logsumexp(emissions[:, 0] + ahead[:, 0], dim=-1)
        before = torch.cat([nothing_known[:, None], evidence[:, :-1]], dim=1)
        counted = torch.where(known, weights.to(evidence.dtype), 0.0)
        total = (counted * (before - evidence)).sum()
        return total / counted.sum().clamp(min=torch.finfo(total.dtype).tiny)

    def _emit(self, representation: torch.Tensor) -> torch.Tensor:
        """Return scores of classes, in 32 bits at least: sums of many need them."""
        emissions = self.emit(representation)
        return emissions.to(torch.promote_types(emissions.dtype, torch.float32))

    def _forward(self, emissions: torch.Tensor) -> torch.Tensor:
        """Return log sums over all that may come before and at an epoch, `(B, L, K)`."""
        steps = [emissions[:, 0]]
        for place in range(1, emissions.shape[1]):
            arriving = torch.logsumexp(steps[-1][:, :, None] + self.transitions, dim=1)
            steps.append(arriving + emissions[:, place])
        return torch.stack(steps, dim=1)

    def _backward(self, emissions: torch.Tensor) -> torch.Tensor:
        """Return log sums over all that may come after an epoch, `(B, L, K)`."""
        steps = [torch.zeros_like(emissions[:, 0])]
        for place in range(emissions.shape[1] - 1, 0, -1):
            following = (steps[-1] + emissions[:, place])[:, None, :]
            steps.append(torch.logsumexp(self.transitions + following, dim=2))
        return torch.stack(steps[::-1], dim=1)


def _clamp(emissions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Forbid every class but the known one; where none is known, none is forbidden."""
    codes = torch.arange(emissions.shape[-1], device=emissions.device)
    allowed = (targets[..., None] == codes) | (targets[..., None] < 0)
    return emissions.masked_fill(~allowed, -torch.inf)
