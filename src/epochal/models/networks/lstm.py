"""A recurrent network over the samples of a window."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch
from torch import nn

from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.front_end import embed_each
from epochal.models.networks.shape import Shape


class LSTM(EpochNetwork):
    """An LSTM layer over each window by itself, read at its last step, and a dense layer.

    Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; the forget gate of Gers et al.
    2000, doi:10.1162/089976600300015015, open at first (a bias of 1: Jozefowicz et al. 2015), since
    what a window's first second says must survive hundreds of steps. Any `n_times` will do.
    """

    CAUSAL: ClassVar[bool] = True

    def __init__(
        self,
        *,
        units: int = 64,
        dense_units: int = 32,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(**shape)
        self.recur = nn.LSTM(self.n_channels, units, batch_first=True)
        self.dense = nn.Sequential(nn.Linear(units, dense_units), nn.ReLU())
        self.finish(dense_units, head=head)
        with torch.no_grad():
            for name in ("bias_ih_l0", "bias_hh_l0"):  # the two are added: 1 in all
                getattr(self.recur, name)[units : 2 * units] = 0.5

    def embed(self, signal: torch.Tensor, spectrogram: torch.Tensor | None) -> torch.Tensor:
        """Return embeddings `(B, L, dense_units)`."""
        del spectrogram
        return embed_each(self.read, signal)

    def read(self, windows: torch.Tensor) -> torch.Tensor:
        """Return what the last step knows: `(N, n_channels, n_times)` → `(N, dense_units)`."""
        hidden, _ = self.recur(windows.transpose(1, 2))  # (N, T, units)
        return self.dense(hidden[:, -1])
