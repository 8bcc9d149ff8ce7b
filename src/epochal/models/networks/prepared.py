"""A trained network with what stood before and behind it, as one module to export."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class PreparedNetwork(nn.Module):
    """Fill gaps with medians, scale, classify, softmax: `(B, n_features)` → `(B, n_classes)`."""

    median: torch.Tensor
    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(
        self, network: nn.Module, *, median: np.ndarray, mean: np.ndarray, scale: np.ndarray
    ) -> None:
        super().__init__()
        self.network = network
        for name, values in {"median": median, "mean": mean, "scale": scale}.items():
            self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return probabilities."""
        known = torch.where(torch.isnan(features), self.median, features)
        return torch.softmax(self.network((known - self.mean) / self.scale), dim=1)
