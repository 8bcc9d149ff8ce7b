"""A front end and an LSTM over the epochs around."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import nn

from epochal.models.networks.context_network import ContextNetwork
from epochal.models.networks.shape import Shape


class CNNBiLSTM(ContextNetwork):
    """An LSTM in both directions over what the front end makes of each epoch; thought for ±3.

    After DeepSleepNet (Supratak et al. 2017, arXiv:1703.04046), whose shortcut past the recurrence
    it keeps. With `bidirectional: false` it only looks back, and is causal.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        n_filters: int = 32,
        units: int = 64,
        dropout: float = 0.2,
        bidirectional: bool = True,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(width=width, n_filters=n_filters, dropout=dropout, **shape)
        self.CAUSAL = not bidirectional  # type: ignore[misc]  # of this one, by its options
        n_out = units * (2 if bidirectional else 1)
        self.recur = nn.LSTM(width, units, batch_first=True, bidirectional=bidirectional)
        self.shortcut = nn.Linear(width, n_out)
        self.drop = nn.Dropout(dropout)
        self.finish(n_out, head=head)

    def relate(self, epochs: torch.Tensor) -> torch.Tensor:
        """Return `(B, L, units)`, twice as wide in both directions."""
        hidden, _ = self.recur(epochs)
        return self.drop(hidden) + self.shortcut(epochs)
