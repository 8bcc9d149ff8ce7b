"""A recurrent network over the samples of a window."""

from __future__ import annotations

import torch
from torch import nn


class WindowLSTM(nn.Module):
    """An LSTM layer read at its last step, a dense layer: `(B, n_channels, n_times)` → logits.

    Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; the forget gate of Gers et al.
    2000, doi:10.1162/089976600300015015, open at first (a bias of 1: Jozefowicz et al. 2015), since
    what a window's first second says must survive hundreds of steps. Any `n_times` will do.
    """

    def __init__(
        self,
        n_channels: int,
        n_times: int,
        n_classes: int,
        *,
        units: int = 64,
        dense_units: int = 32,
    ) -> None:
        super().__init__()
        del n_times  # the weights are the same for every length
        self.recur = nn.LSTM(n_channels, units, batch_first=True)
        self.classify = nn.Sequential(
            nn.Linear(units, dense_units), nn.ReLU(), nn.Linear(dense_units, n_classes)
        )
        with torch.no_grad():
            for name in ("bias_ih_l0", "bias_hh_l0"):  # the two are added: 1 in all
                getattr(self.recur, name)[units : 2 * units] = 0.5

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Return logits `(B, n_classes)`."""
        hidden, _ = self.recur(windows.transpose(1, 2))  # (B, T, units)
        return self.classify(hidden[:, -1])
