"""A convolutional network over the samples of a window."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch
from torch import nn

from epochal.errors import EpochalError
from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.front_end import embed_each
from epochal.models.networks.norm import BatchNorm1d
from epochal.models.networks.shape import Shape

N_FILTERS = (16, 32, 64)
KERNELS = (11, 7, 5)  # samples; at 125 Hz the first sees a spindle's cycle
POOL = 4


class CNN1D(EpochNetwork):
    """Three blocks of convolution and pooling over each window by itself.

    After the convolutional stagers of Tsinalis et al. 2016, arXiv:1610.01683, and Chambon et al.
    2018, doi:10.1109/TNSRE.2018.2813138. What the last block says stays in its order, where a mean
    over time would forget when in the window it was. BatchNorm (Ioffe and Szegedy 2015,
    arXiv:1502.03167) because norms over a single window would erase its amplitude; once trained it
    is fixed, so that a window's output does not depend on its batch. Kernels are counted in
    samples, whatever `sfreq`. Windows shorter than 64 samples raise `EpochalError`.
    """

    CAUSAL: ClassVar[bool] = True

    def __init__(
        self, *, dropout: float = 0.3, head: str = "linear", **shape: Unpack[Shape]
    ) -> None:
        super().__init__(**shape)
        n_left = self.n_times // POOL ** len(N_FILTERS)
        if n_left < 1:
            raise EpochalError(
                f"windows of {self.n_times} samples are too short for the convolutional network, "
                f"which needs {POOL ** len(N_FILTERS)} (downsample less)"
            )
        n_given = (self.n_channels, *N_FILTERS)
        self.blocks = nn.Sequential(
            *map(_block, n_given[:-1], N_FILTERS, KERNELS), nn.Flatten(), nn.Dropout(dropout)
        )
        self.finish(N_FILTERS[-1] * n_left, head=head)

    def embed(self, signal: torch.Tensor, spectrogram: torch.Tensor | None) -> torch.Tensor:
        """Return embeddings `(B, L, width)`."""
        del spectrogram
        return embed_each(self.blocks, signal)


def _block(n_given: int, n_filters: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(n_given, n_filters, kernel, padding=kernel // 2, bias=False),
        BatchNorm1d(n_filters),
        nn.ReLU(),
        nn.MaxPool1d(POOL),
    )
