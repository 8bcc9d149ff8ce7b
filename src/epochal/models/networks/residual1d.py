"""Residual blocks over samples, with or without squeeze-and-excitation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from epochal.models.networks.base import EpochNetwork
from epochal.models.networks.front_end import (
    check_long_enough,
    convolution,
    odd_samples,
    stride_to,
)
from epochal.models.networks.norm import BatchNorm1d

STEM_S = 0.25


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut: `(N, n_in, T)` → `(N, n_out, ceil(T / stride))`.

    He et al. 2016, arXiv:1512.03385, in one dimension. With `squeeze`, the channels are weighed by
    what they say over the whole window. `kernel` is odd.
    """

    def __init__(
        self, n_in: int, n_out: int, *, kernel: int, stride: int = 1, squeeze: bool = False
    ) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            nn.Conv1d(n_in, n_out, kernel, stride=stride, padding=kernel // 2, bias=False),
            BatchNorm1d(n_out),
            nn.ReLU(),
            nn.Conv1d(n_out, n_out, kernel, padding=kernel // 2, bias=False),
            BatchNorm1d(n_out),
            *([SqueezeExcitation(n_out)] if squeeze else []),
        )
        self.shortcut = _shortcut(n_in, n_out, stride)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return `(N, n_out, ceil(T / stride))`."""
        return torch.relu(self.convolve(frames) + self.shortcut(frames))


def stack_blocks(
    shape: EpochNetwork,
    n_filters: Sequence[int],
    *,
    frame_hz: float,
    kernel: int,
    squeeze: bool = False,
) -> nn.Sequential:
    """Return a stem and blocks over windows of a network's shape: `(N, C, T)` → `(N, n_out, T')`.

    The stem brings any rate near to `frame_hz`; each of `n_filters` halves what is left. Windows
    that leave nothing raise `EpochalError`.
    """
    stride = stride_to(frame_hz, shape.sfreq)
    check_long_enough(shape.n_times, stride * 2 ** len(n_filters), shape.sfreq)
    stem = odd_samples(STEM_S, shape.sfreq)
    return nn.Sequential(
        *convolution(shape.n_channels, n_filters[0], stem, stride=stride),
        *(
            ResidualBlock(n_in, n_out, kernel=kernel, stride=2, squeeze=squeeze)
            for n_in, n_out in pairwise((n_filters[0], *n_filters))
        ),
    )


class SqueezeExcitation(nn.Module):
    """Weigh each channel by a gate that has seen all of them, `(N, C, T)` kept.

    Hu et al. 2018, arXiv:1709.01507.
    """

    def __init__(self, n_channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        n_squeezed = max(4, n_channels // reduction)
        self.gate = nn.Sequential(
            nn.Linear(n_channels, n_squeezed),
            nn.ReLU(),
            nn.Linear(n_squeezed, n_channels),
            nn.Sigmoid(),
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the frames with their channels weighed."""
        return frames * self.gate(frames.mean(dim=-1)).unsqueeze(-1)


def _shortcut(n_in: int, n_out: int, stride: int) -> nn.Module:
    if n_in == n_out and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv1d(n_in, n_out, 1, stride=stride, bias=False), BatchNorm1d(n_out))
