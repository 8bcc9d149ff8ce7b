"""Residual blocks over samples, with or without squeeze-and-excitation."""

from __future__ import annotations

import torch
from torch import nn


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
            nn.BatchNorm1d(n_out),
            nn.ReLU(),
            nn.Conv1d(n_out, n_out, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(n_out),
            *([SqueezeExcitation(n_out)] if squeeze else []),
        )
        self.shortcut = _shortcut(n_in, n_out, stride)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return `(N, n_out, ceil(T / stride))`."""
        return torch.relu(self.convolve(frames) + self.shortcut(frames))


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
    return nn.Sequential(
        nn.Conv1d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm1d(n_out)
    )
