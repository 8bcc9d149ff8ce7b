"""A network with the scaling of its inputs, as one module to train and to export."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from epochal.models.networks.base import EpochNetwork

_LEAST_SHARE = 1e-6  # of the mean: what varies less is constant, but for rounding


class ScaledNetwork(nn.Module):
    """Fill, scale, then the network: inputs as prepared in, logits out.

    `scales` hold by input the `(middle, spread)` of training: of signals and spectrograms per
    channel, of side features per column. A value that is missing counts as the middle.
    """

    def __init__(
        self, network: EpochNetwork, scales: dict[str, tuple[np.ndarray, np.ndarray]]
    ) -> None:
        super().__init__()
        self.network = network
        self.names = tuple(scales)
        for name, (middle, spread) in scales.items():
            spread = np.where(spread > _LEAST_SHARE * np.abs(middle), spread, 1.0)
            self.register_buffer(f"{name}_middle", torch.as_tensor(middle, dtype=torch.float32))
            self.register_buffer(f"{name}_spread", torch.as_tensor(spread, dtype=torch.float32))

    def scale(self, name: str, values: torch.Tensor) -> torch.Tensor:
        """Return an input with mean 0 and spread 1 where training had it so."""
        middle, spread = getattr(self, f"{name}_middle"), getattr(self, f"{name}_spread")
        known = torch.where(values.abs() < torch.inf, values, middle)  # no NaN is below it
        return (known - middle) / spread

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return logits `(B, L, n_classes)`; the inputs come in the order of `names`."""
        return self.network(**self.scale_all(dict(zip(self.names, inputs, strict=True))))

    def scale_all(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the network's inputs scaled, of a batch that may hold more."""
        return {name: self.scale(name, inputs[name]) for name in self.names}


class Probabilities(nn.Module):
    """A scaled network that says probabilities: what is exported."""

    def __init__(self, scaled: ScaledNetwork) -> None:
        super().__init__()
        self.scaled = scaled

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return probabilities `(B, L, n_classes)`."""
        return torch.softmax(self.scaled(*inputs), dim=-1)


def measure_scale(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and spread along all but one axis, shaped to be broadcast from there on.

    What is not finite does not count.
    """
    others = tuple(place for place in range(values.ndim) if place != axis)
    masked = np.ma.masked_invalid(values)
    shape = (values.shape[axis],) + (1,) * (values.ndim - axis - 1)
    middle = np.ma.filled(masked.mean(axis=others), 0.0).reshape(shape)
    spread = np.ma.filled(masked.std(axis=others), 1.0).reshape(shape)
    return middle.astype(np.float32), spread.astype(np.float32)
