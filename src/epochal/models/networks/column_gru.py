"""A recurrent network over the columns of following epochs, for tables that bring no samples."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch
from torch import nn

from epochal.errors import EpochalError
from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.shape import Shape


class ColumnGRU(EpochNetwork):
    """A layer for each epoch's columns, then GRUs over the sequence; the head reads both.

    Gated units (Cho et al. 2014, arXiv:1406.1078) in both directions over a long sequence of
    epochs, after SeqSleepNet (Phan et al. 2019, arXiv:1809.10932), with features where that has
    spectra. `clip` cuts scaled columns: one strange epoch must not drown its neighbours.
    `column_dropout` hides columns at random in training, so that none is leant on. Without columns
    it raises `EpochalError`.
    """

    INPUTS: ClassVar[tuple[str, ...]] = ()
    SEQUENTIAL: ClassVar[bool] = True

    def __init__(
        self,
        *,
        width: int = 64,
        units: int = 48,
        n_layers: int = 1,
        dropout: float = 0.5,
        column_dropout: float = 0.2,
        clip: float = 8.0,
        bidirectional: bool = True,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(**shape)
        if not self.n_features:
            raise EpochalError("column_gru sees columns alone: name some (`columns`)")
        self.CAUSAL = not bidirectional  # type: ignore[misc]
        self.clip = clip
        self.hide = nn.Dropout(min(column_dropout, dropout))  # without dropout there is none at all
        self.project = nn.Sequential(
            nn.Linear(self.n_features, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout)
        )
        self.recur = nn.GRU(
            width,
            units,
            num_layers=n_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if n_layers > 1 else 0.0,
        )
        n_hidden = (2 if bidirectional else 1) * units
        self.settle = nn.Sequential(nn.LayerNorm(n_hidden), nn.Dropout(dropout))
        self.finish(n_hidden + width, head=head)

    def finish(self, width: int, *, head: str = "linear") -> None:
        """Set the embedding's size and make the head, which reads the columns through it alone."""
        n_columns, self.n_features = self.n_features, 0
        super().finish(width, head=head)
        self.n_features = n_columns

    def represent(
        self,
        signal: torch.Tensor | None = None,
        features: torch.Tensor | None = None,
        spectrogram: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return what the sequence makes of its epochs beside the epochs, `(B, L, width)`."""
        del signal, spectrogram
        assert features is not None  # `__init__` has refused a study without
        epochs = self.project(self.hide(features.clamp(-self.clip, self.clip)))
        hidden, _ = self.recur(epochs)
        return torch.cat([self.settle(hidden), epochs], dim=-1)
