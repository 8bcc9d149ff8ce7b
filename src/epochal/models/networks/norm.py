"""BatchNorm that takes a batch of any size."""

from __future__ import annotations

import torch
from torch import nn


class BatchNorm1d(nn.BatchNorm1d):
    """PyTorch's, but a single value a channel is scaled by the running statistics.

    A pass's last batch may be one epoch with one frame, which has no spread of its own.
    """

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the frames scaled: `(N, C)` or `(N, C, T)`."""
        if self.training and frames.numel() == self.num_features:
            mean, variance = self.running_mean, self.running_var
            return nn.functional.batch_norm(
                frames, mean, variance, self.weight, self.bias, eps=self.eps
            )
        return super().forward(frames)
