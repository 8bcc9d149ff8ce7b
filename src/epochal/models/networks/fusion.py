"""The signal's network and the spectrogram's, weighed against each other for every epoch."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

import torch
from torch import nn

from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.resnet_gru import ResNetGRU
from epochal.models.networks.shape import Shape
from epochal.models.networks.spectrogram_net import SpectrogramNet

BRANCHES = ("signal", "spectrogram")
ABSENT = -1e4  # an attention score that leaves nothing, finite so that two absent ones share


class AttentionFusion(EpochNetwork):
    """ResNet1D-GRU on the signal and SpectrogramNet on the spectrogram, fused by gated attention.

    Each branch's embedding is brought to one size and scored, tanh(V h) ⊙ σ(U h) → one number; the
    softmax of the two scores weighs the branches (Ilse et al. 2018, arXiv:1802.04712). A branch
    whose input is all zeros is absent: its weight is 0. While training, one branch of a sequence's
    epoch is taken away with probability `branch_dropout`, so that either can do alone.
    `signal_params` and `spectrogram_params` go to the branches.
    """

    INPUTS: ClassVar[tuple[str, ...]] = BRANCHES
    SEQUENTIAL: ClassVar[bool] = ResNetGRU.SEQUENTIAL
    CAUSAL: ClassVar[bool] = ResNetGRU.CAUSAL and SpectrogramNet.CAUSAL

    def __init__(
        self,
        *,
        spectrogram_shape: tuple[int, int, int],
        width: int = 64,
        branch_dropout: float = 0.1,
        signal_params: dict[str, Any] | None = None,
        spectrogram_params: dict[str, Any] | None = None,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(**shape)
        self.spectrogram_shape = spectrogram_shape
        self.branch_dropout = branch_dropout
        branch: Shape = {**shape, "n_features": 0}  # side features are laid beside the fusion
        self.signal_branch = ResNetGRU(**branch, **(signal_params or {}))
        self.spectrogram_branch = SpectrogramNet(
            **branch, spectrogram_shape=spectrogram_shape, **(spectrogram_params or {})
        )
        self.bring = nn.ModuleList(map(self._bring, self._branches, [width] * len(BRANCHES)))
        self.score = _GatedScore(width)
        self.finish(width, head=head)

    def embed(self, signal: torch.Tensor, spectrogram: torch.Tensor | None) -> torch.Tensor:
        """Return the weighted sum of the branches, `(B, L, width)`."""
        embedded, weights = self._attend(signal, spectrogram)
        return (weights[..., None] * embedded).sum(dim=2)

    def branch_weights(self, signal: torch.Tensor, spectrogram: torch.Tensor) -> torch.Tensor:
        """Return how much each of `BRANCHES` counts for an epoch, `(B, L, 2)`; they sum to 1."""
        return self._attend(signal, spectrogram)[1]

    @property
    def _branches(self) -> tuple[EpochNetwork, ...]:
        return self.signal_branch, self.spectrogram_branch

    @staticmethod
    def _bring(branch: EpochNetwork, width: int) -> nn.Sequential:
        branch.head = (
            nn.Identity()
        )  # the fusion has its own; weights without use confuse optimisers
        return nn.Sequential(nn.Linear(branch.width, width), nn.LayerNorm(width), nn.GELU())

    def _attend(
        self, signal: torch.Tensor, spectrogram: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the branches' embeddings `(B, L, 2, width)` and their weights `(B, L, 2)`."""
        assert spectrogram is not None, "the fusion is given spectrograms beside the signal"
        embedded = torch.stack(
            [
                bring(branch.embed(signal, spectrogram))
                for bring, branch in zip(self.bring, self._branches, strict=True)
            ],
            dim=2,
        )
        present = torch.stack([_is_there(signal), _is_there(spectrogram)], dim=-1)  # (B, L, 2)
        scores = self.score(embedded)
        if self.training:
            present = present & ~self._take_away(scores)
        scores = torch.where(present, scores, torch.full_like(scores, ABSENT))
        return embedded, torch.softmax(scores, dim=-1)

    def _take_away(self, scores: torch.Tensor) -> torch.Tensor:
        """Choose, for some epochs, one branch to go without, `(B, L, 2)`."""
        goes = torch.rand_like(scores[..., :1]) < self.branch_dropout
        first = torch.rand_like(scores[..., :1]) < 0.5
        return goes & torch.cat([first, ~first], dim=-1)


class _GatedScore(nn.Module):
    """One number per embedding, `(..., width)` → `(...)`."""

    def __init__(self, width: int, n_hidden: int = 32) -> None:
        super().__init__()
        self.content = nn.Sequential(nn.Linear(width, n_hidden), nn.Tanh())
        self.gate = nn.Sequential(nn.Linear(width, n_hidden), nn.Sigmoid())
        self.weigh = nn.Linear(n_hidden, 1, bias=False)

    def forward(self, embedded: torch.Tensor) -> torch.Tensor:
        return self.weigh(self.content(embedded) * self.gate(embedded)).squeeze(-1)


def _is_there(values: torch.Tensor) -> torch.Tensor:
    """Return for each epoch whether its input is more than zeros, `(B, L)`."""
    return values.flatten(2).abs().amax(dim=2) > 0
