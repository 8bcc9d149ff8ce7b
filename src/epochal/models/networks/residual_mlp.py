"""A residual multilayer perceptron over the features of an epoch."""

from __future__ import annotations

import torch
from torch import nn


class ResidualMLP(nn.Module):
    """Pre-normalised residual blocks: `(B, n_features)` → logits `(B, n_classes)`.

    LayerNorm before each block (Xiong et al. 2020, arXiv:2002.04745) rather than BatchNorm, so that
    an epoch's output does not depend on its batch.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        *,
        width: int = 128,
        n_blocks: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(n_features, width)
        self.blocks = nn.ModuleList(_block(width, dropout) for _ in range(n_blocks))
        self.classify = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, n_classes))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        hidden = self.embed(features)  # (B, width)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.classify(hidden)


def _block(width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, 2 * width),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(2 * width, width),
    )
