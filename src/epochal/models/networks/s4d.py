"""A front end and diagonal state-space layers over the epochs so far."""

from __future__ import annotations

import math
from typing import ClassVar, Unpack

import torch
from torch import nn

from epochal.models.networks.attention import count_places
from epochal.models.networks.context_network import ContextNetwork
from epochal.models.networks.shape import Shape

STEPS = (0.02, 0.5)  # of the state's clock per epoch: it forgets to 1/e in 100 … 4 epochs


class S4D(ContextNetwork):
    """Layers of linear states that remember every epoch so far, and see none to come.

    S4D with the S4D-Lin initialisation (Gu et al. 2022, arXiv:2206.11893), in blocks of norm,
    states, gate and shortcut.
    """

    CAUSAL: ClassVar[bool] = True

    def __init__(
        self,
        *,
        width: int = 64,
        n_filters: int = 32,
        n_layers: int = 3,
        n_states: int = 16,
        dropout: float = 0.1,
        head: str = "linear",
        **shape: Unpack[Shape],
    ) -> None:
        super().__init__(width=width, n_filters=n_filters, dropout=dropout, **shape)
        self.layers = nn.ModuleList(_Layer(width, n_states, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        self.finish(width, head=head)

    def relate(self, epochs: torch.Tensor) -> torch.Tensor:
        """Return `(B, L, width)`."""
        for layer in self.layers:
            epochs = epochs + layer(epochs)
        return self.norm(epochs)


class DiagonalStates(nn.Module):
    """Each of `width` channels convolved with what `n_states` decaying oscillators answer.

    `x' = A x + B u`, `y = 2 Re(C x) + D u` with `A_n = −1/2 + iπn` at first (S4D-Lin), `B = 1` and
    a zero-order hold of a learnt step. `(B, L, width)` is kept. The convolution is a product with
    the kernel's lower triangle: sequences are short, and neither FFT nor complex numbers export.
    """

    def __init__(self, width: int, n_states: int) -> None:
        super().__init__()
        shape = (width, n_states)
        low, high = map(math.log, STEPS)
        self.log_step = nn.Parameter(low + (high - low) * torch.rand(width, 1))
        self.log_decay = nn.Parameter(torch.full(shape, math.log(0.5)))
        self.turn = nn.Parameter(math.pi * torch.arange(n_states).float().repeat(width, 1))
        self.readout = nn.Parameter(torch.randn(2, *shape) * math.sqrt(0.5))  # C, real, imaginary
        self.skip = nn.Parameter(torch.randn(width))  # D

    def make_kernel(self, places: torch.Tensor) -> torch.Tensor:
        """Return the answer to an impulse, places `(…)` later: `(width, …)`."""
        step, decay = self.log_step.exp(), self.log_decay.exp()  # (width, 1), (width, n_states)
        real, imaginary = self._weigh(step, decay)
        times = (step * places.flatten()).unsqueeze(1)  # (width, 1, n_places)
        angles = self.turn.unsqueeze(-1) * times  # (width, n_states, n_places)
        waves = real.unsqueeze(-1) * torch.cos(angles) - imaginary.unsqueeze(-1) * torch.sin(angles)
        kernel = 2 * (torch.exp(-decay.unsqueeze(-1) * times) * waves).sum(dim=1)
        return kernel.reshape(-1, *places.shape)

    def forward(self, epochs: torch.Tensor) -> torch.Tensor:
        """Return `(B, L, width)`."""
        places = count_places(epochs)
        ago = (places[:, None] - places[None, :]).long()  # (L, L)
        kernel = self.make_kernel(places)[:, ago.clamp(min=0)] * (ago >= 0)  # (width, L, L)
        answered = kernel @ epochs.permute(2, 1, 0)  # (width, L, B)
        return answered.permute(2, 1, 0) + self.skip * epochs

    def _weigh(self, step: torch.Tensor, decay: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return real and imaginary part of `C (exp(step A) − 1) / A`, the held input's weight."""
        fade = torch.exp(-decay * step)
        moved, turned = fade * torch.cos(self.turn * step) - 1, fade * torch.sin(self.turn * step)
        size = decay.square() + self.turn.square()
        held = (self.turn * turned - decay * moved) / size
        held_turned = -(decay * turned + self.turn * moved) / size
        real, imaginary = self.readout[0], self.readout[1]
        return real * held - imaginary * held_turned, real * held_turned + imaginary * held


class _Layer(nn.Sequential):
    """Norm, states, and a gated mix of the channels: `(B, L, width)` kept."""

    def __init__(self, width: int, n_states: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width),
            DiagonalStates(width, n_states),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, 2 * width),
            nn.GLU(dim=-1),
        )
