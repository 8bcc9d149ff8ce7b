"""A front end and a Transformer's encoder over minutes of epochs."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import nn

from epochal.models.networks.attention import SelfAttention, count_places, encode_places
from epochal.models.networks.context_network import ContextNetwork
from epochal.models.networks.shape import Shape


class CNNTransformer(ContextNetwork):
    """Four layers of attention over what the front end makes of each epoch.

    Vaswani et al. 2017, arXiv:1706.03762, with the norms before the layers (Xiong et al. 2020,
    arXiv:2002.04745), which needs no warm-up; over epochs of sleep after SleepTransformer (Phan et
    al. 2022, arXiv:2105.11043). With `causal: true` no epoch attends to a later one.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        n_filters: int = 32,
        n_layers: int = 4,
        n_heads: int = 4,
        dropout: float = 0.1,
        causal: bool = False,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(width=width, n_filters=n_filters, dropout=dropout, **shape)
        self.CAUSAL = causal  # type: ignore[misc]  # of this one, by its options
        self.layers = nn.ModuleList(
            _Layer(width, n_heads, dropout=dropout, causal=causal) for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.finish(width, head=head)

    def relate(self, epochs: torch.Tensor) -> torch.Tensor:
        """Return `(B, L, width)`."""
        hidden = epochs + encode_places(count_places(epochs), epochs.shape[-1])
        for layer in self.layers:
            hidden = layer(hidden)
        return self.norm(hidden)


class _Layer(nn.Module):
    """Attention, then two dense layers, each beside a shortcut: `(B, L, width)` kept."""

    def __init__(self, width: int, n_heads: int, *, dropout: float, causal: bool) -> None:
        super().__init__()
        self.attend = nn.Sequential(
            nn.LayerNorm(width),
            SelfAttention(width, n_heads, dropout=dropout, causal=causal),
            nn.Dropout(dropout),
        )
        self.think = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, epochs: torch.Tensor) -> torch.Tensor:
        epochs = epochs + self.attend(epochs)
        return epochs + self.think(epochs)
