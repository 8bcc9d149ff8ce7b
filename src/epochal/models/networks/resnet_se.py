"""A residual network with squeeze-and-excitation over the samples of a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Unpack

import torch
from torch import nn

from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.front_end import embed_each
from epochal.models.networks.residual1d import stack_blocks
from epochal.models.networks.shape import Shape

FRAME_HZ = 16.0
KERNEL = 7  # frames


class ResNetSE(EpochNetwork):
    """Residual blocks with squeeze-and-excitation over each window by itself.

    He et al. 2016, arXiv:1512.03385; Hu et al. 2018, arXiv:1709.01507; in one dimension as in
    Hannun et al. 2019, doi:10.1038/s41591-018-0268-3. The stem brings any rate above 16 Hz near to
    it; each of `n_filters` halves what is left. Windows that leave nothing raise `EpochalError`.
    """

    CAUSAL: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_filters: Sequence[int] = (32, 48, 64),
        dropout: float = 0.2,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(**shape)
        self.blocks = stack_blocks(self, n_filters, frame_hz=FRAME_HZ, kernel=KERNEL, squeeze=True)
        self.drop = nn.Dropout(dropout)
        self.finish(2 * n_filters[-1], head=head)

    def embed(self, signal: torch.Tensor, spectrogram: torch.Tensor | None) -> torch.Tensor:
        """Return embeddings `(B, L, 2 * n_filters[-1])`."""
        del spectrogram
        return embed_each(self.read, signal)

    def read(self, windows: torch.Tensor) -> torch.Tensor:
        """Return mean and maximum over time: `(N, n_channels, n_times)` → `(N, width)`."""
        frames = self.blocks(windows)
        return self.drop(torch.cat([frames.mean(dim=-1), frames.amax(dim=-1)], dim=-1))
