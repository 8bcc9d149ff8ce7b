"""What the networks over sequences of epochs have in common."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch

from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.front_end import FrontEnd, embed_each
from epochal.models.networks.shape import Shape


class ContextNetwork(EpochNetwork):
    """A front end for each epoch, then what a subclass's `relate` makes of its neighbourhood.

    `width` is the front end's; a network that widens or narrows it tells `finish`. A subclass whose
    options decide whether it looks ahead sets `CAUSAL` on itself.
    """

    SEQUENTIAL: ClassVar[bool] = True

    def __init__(
        self, *, width: int, n_filters: int, dropout: float, **shape: Unpack[Shape]
    ) -> None:
        super().__init__(**shape)
        self.front_end = FrontEnd(
            n_channels=self.n_channels,
            n_times=self.n_times,
            sfreq=self.sfreq,
            width=width,
            n_filters=n_filters,
            dropout=dropout,
        )

    def relate(self, epochs: torch.Tensor) -> torch.Tensor:
        """Return what the sequence makes of its epochs: `(B, L, width)` → `(B, L, width)`."""
        raise NotImplementedError

    def embed(self, signal: torch.Tensor, spectrogram: torch.Tensor | None) -> torch.Tensor:
        """Return embeddings `(B, L, width)`."""
        del spectrogram
        return self.relate(embed_each(self.front_end, signal))
