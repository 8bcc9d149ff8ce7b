"""A convolutional network over the samples of a window."""

from __future__ import annotations

import torch
from torch import nn

from epochal.errors import EpochalError

N_FILTERS = (16, 32, 64)
KERNELS = (11, 7, 5)  # samples; at 125 Hz the first sees a spindle's cycle
POOL = 4


class WindowCNN(nn.Module):
    """Three blocks of convolution and pooling: `(B, n_channels, n_times)` → logits.

    After the convolutional stagers of Tsinalis et al. 2016, arXiv:1610.01683, and Chambon et al.
    2018, doi:10.1109/TNSRE.2018.2813138. What the last block says stays in its order, where a mean
    over time would forget when in the window it was. BatchNorm (Ioffe and Szegedy 2015,
    arXiv:1502.03167) because norms over a single window would erase its amplitude; once trained it
    is fixed, so that a window's output does not depend on its batch. Windows shorter than 64
    samples raise `EpochalError`.
    """

    def __init__(
        self, n_channels: int, n_times: int, n_classes: int, *, dropout: float = 0.3
    ) -> None:
        super().__init__()
        n_left = n_times // POOL ** len(N_FILTERS)
        if n_left < 1:
            raise EpochalError(
                f"windows of {n_times} samples are too short for the convolutional network, which "
                f"needs {POOL ** len(N_FILTERS)} (downsample less)"
            )
        n_given = (n_channels, *N_FILTERS)
        self.blocks = nn.Sequential(*map(_block, n_given[:-1], N_FILTERS, KERNELS))
        self.classify = nn.Sequential(
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(N_FILTERS[-1] * n_left, n_classes)
        )

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Return logits `(B, n_classes)`."""
        return self.classify(self.blocks(windows))


def _block(n_given: int, n_filters: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(n_given, n_filters, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm1d(n_filters),
        nn.ReLU(),
        nn.MaxPool1d(POOL),
    )
