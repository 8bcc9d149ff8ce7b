"""A residual network and a GRU over the time inside a long window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Unpack

import torch
from torch import nn

from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.front_end import embed_each
from epochal.models.networks.residual1d import stack_blocks
from epochal.models.networks.shape import Shape

FRAME_HZ = 25.0  # the stem strides early: what follows costs an eighth of 200 Hz
KERNEL = 5  # frames
MIDDLE = 5  # a part in so many of the window, around its middle, is read by itself


class ResNetGRU(EpochNetwork):
    """Residual blocks, then a GRU in both directions over the time inside each window.

    He et al. 2016, arXiv:1512.03385; Cho et al. 2014, arXiv:1406.1078; made for 50 s of intensive
    care EEG, whose experts saw all of it and judged the middle 10 s (Jing et al. 2023,
    doi:10.1212/WNL.0000000000207127): the mean over the middle fifth is read beside mean and
    maximum over the window. Each of `n_filters` halves the 25 Hz that the stem leaves. Windows that
    leave nothing raise `EpochalError`.
    """

    CAUSAL: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_filters: Sequence[int] = (32, 48, 64),
        units: int = 48,
        dropout: float = 0.2,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(**shape)
        self.blocks = stack_blocks(self, n_filters, frame_hz=FRAME_HZ, kernel=KERNEL)
        self.recur = nn.GRU(n_filters[-1], units, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(dropout)
        self.finish(6 * units, head=head)

    def embed(self, signal: torch.Tensor, spectrogram: torch.Tensor | None) -> torch.Tensor:
        """Return embeddings `(B, L, 6 * units)`."""
        del spectrogram
        return embed_each(self.read, signal)

    def read(self, windows: torch.Tensor) -> torch.Tensor:
        """Return window and middle: `(N, n_channels, n_times)` → `(N, 6 * units)`."""
        frames = self.blocks(windows).transpose(1, 2)  # (N, n_frames, n_filters)
        hidden, _ = self.recur(frames)
        first = hidden.shape[1] * (MIDDLE // 2) // MIDDLE
        middle = hidden[:, first : hidden.shape[1] - first]
        read = [hidden.mean(dim=1), hidden.amax(dim=1), middle.mean(dim=1)]
        return self.drop(torch.cat(read, dim=-1))
