"""A front end and Conformer blocks over minutes of epochs."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import nn

from epochal.errors import EpochalError
from epochal.models.networks.attention import SelfAttention
from epochal.models.networks.context_network import ContextNetwork
from epochal.models.networks.norm import BatchNorm1d
from epochal.models.networks.shape import Shape


class Conformer(ContextNetwork):
    """Attention for the whole sequence and convolution for the neighbours, block by block.

    Gulati et al. 2020, arXiv:2005.08100, over epochs instead of frames of speech: half a dense
    step, attention with relative places, convolution, half a dense step, a norm. It looks ahead.
    `kernel` is in epochs; an even one, which has no middle, raises `EpochalError`.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        n_filters: int = 32,
        n_blocks: int = 2,
        n_heads: int = 4,
        kernel: int = 7,
        dropout: float = 0.1,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        if kernel % 2 == 0:
            raise EpochalError(f"a kernel of {kernel} epochs has no middle; it must be odd")
        super().__init__(width=width, n_filters=n_filters, dropout=dropout, **shape)
        self.blocks = nn.Sequential(
            *(_Block(width, n_heads, kernel, dropout=dropout) for _ in range(n_blocks))
        )
        self.finish(width, head=head)

    def relate(self, epochs: torch.Tensor) -> torch.Tensor:
        """Return `(B, L, width)`."""
        return self.blocks(epochs)


class _Block(nn.Module):
    """One block: `(B, L, width)` kept."""

    def __init__(self, width: int, n_heads: int, kernel: int, *, dropout: float) -> None:
        super().__init__()
        self.before = _dense(width, dropout)
        self.attend = nn.Sequential(
            nn.LayerNorm(width),
            SelfAttention(width, n_heads, dropout=dropout, relative=True),
            nn.Dropout(dropout),
        )
        self.convolve = _Convolution(width, kernel, dropout=dropout)
        self.after = _dense(width, dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, epochs: torch.Tensor) -> torch.Tensor:
        epochs = epochs + 0.5 * self.before(epochs)
        epochs = epochs + self.attend(epochs)
        epochs = epochs + self.convolve(epochs)
        return self.norm(epochs + 0.5 * self.after(epochs))


class _Convolution(nn.Module):
    """The gated depth-wise convolution over epochs of the paper's figure 2: shape kept."""

    def __init__(self, width: int, kernel: int, *, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Sequential(
            nn.Conv1d(width, 2 * width, 1),
            nn.GLU(dim=1),
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False),
            BatchNorm1d(width),
            nn.SiLU(),
            nn.Conv1d(width, width, 1),
            nn.Dropout(dropout),
        )

    def forward(self, epochs: torch.Tensor) -> torch.Tensor:
        return self.mix(self.norm(epochs).transpose(1, 2)).transpose(1, 2)


def _dense(width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, 2 * width),
        nn.SiLU(),
        nn.Dropout(dropout),
        nn.Linear(2 * width, width),
        nn.Dropout(dropout),
    )
