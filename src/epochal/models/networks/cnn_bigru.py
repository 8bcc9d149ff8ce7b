"""A front end and two layers of GRUs over minutes of epochs."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import nn

from epochal.models.networks.context_network import ContextNetwork
from epochal.models.networks.shape import Shape


class CNNBiGRU(ContextNetwork):
    """Layers of GRUs in both directions over what the front end makes of each epoch.

    Cho et al. 2014, arXiv:1406.1078; two layers over a long sequence of epochs after SeqSleepNet
    (Phan et al. 2019, arXiv:1809.10932). It looks ahead.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        n_filters: int = 32,
        units: int = 48,
        n_layers: int = 2,
        dropout: float = 0.2,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(width=width, n_filters=n_filters, dropout=dropout, **shape)
        self.recur = nn.GRU(
            width,
            units,
            num_layers=n_layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if n_layers > 1 else 0.0,
        )
        self.norm = nn.LayerNorm(2 * units)
        self.finish(2 * units, head=head)

    def relate(self, epochs: torch.Tensor) -> torch.Tensor:
        """Return `(B, L, 2 * units)`."""
        hidden, _ = self.recur(epochs)
        return self.norm(hidden)
