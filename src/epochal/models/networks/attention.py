"""Attention between the epochs of a sequence, and how it is told their places."""

from __future__ import annotations

import math

import torch
from torch import nn

from epochal.errors import EpochalError

_LONGEST = 10_000.0  # of the sinusoids' wavelengths, in 2π epochs: the paper's


class SelfAttention(nn.Module):
    """Scaled dot-product attention in heads: `(B, L, width)` → `(B, L, width)`.

    Vaswani et al. 2017, arXiv:1706.03762. `causal` hides what comes later. `relative` adds what the
    distance between two epochs says (Dai et al. 2019, arXiv:1901.02860), so that no place in the
    sequence is special. A `width` that the heads cannot share raises `EpochalError`.
    """

    def __init__(
        self,
        width: int,
        n_heads: int,
        *,
        dropout: float = 0.0,
        causal: bool = False,
        relative: bool = False,
    ) -> None:
        super().__init__()
        if width % n_heads:
            raise EpochalError(f"a width of {width} cannot be shared by {n_heads} heads")
        self.n_heads, self.causal, self.scale = n_heads, causal, math.sqrt(width // n_heads)
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.merge = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)
        self.distance = RelativePlaces(width, n_heads) if relative else None

    def forward(self, epochs: torch.Tensor) -> torch.Tensor:
        """Return `(B, L, width)`."""
        query, key, value = (self._split(part) for part in self.project(epochs).chunk(3, dim=-1))
        scores = query @ key.transpose(-2, -1)  # (B, heads, L, L)
        if self.distance is not None:
            scores = scores + self.distance(query, key, count_places(epochs))
        scores = scores / self.scale
        if self.causal:
            scores = scores.masked_fill(_later(epochs), -torch.inf)
        mixed = self.drop(torch.softmax(scores, dim=-1)) @ value  # (B, heads, L, width / heads)
        return self.merge(mixed.transpose(1, 2).flatten(2))

    def _split(self, epochs: torch.Tensor) -> torch.Tensor:
        return epochs.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class RelativePlaces(nn.Module):
    """What distance adds to the scores of queries and keys.

    Terms b, c and d of Dai et al. 2019, arXiv:1901.02860, eq. 4.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.width, self.n_heads = width, n_heads
        self.project = nn.Linear(width, width, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(n_heads, 1, width // n_heads))
        self.place_bias = nn.Parameter(torch.zeros(n_heads, 1, width // n_heads))

    def forward(self, query: torch.Tensor, key: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Return `(B, heads, L, L)` for queries and keys `(B, heads, L, D)` at places `(L,)`."""
        distances = places[:, None] - places[None, :]  # (L, L)
        encoded = self.project(encode_places(distances, self.width))  # (L, L, width)
        encoded = encoded.unflatten(-1, (query.shape[1], -1)).permute(
            2, 0, 3, 1
        )  # (heads, L, D, L)
        by_place = ((query + self.place_bias).unsqueeze(-2) @ encoded).squeeze(-2)
        return by_place + self.content_bias @ key.transpose(-2, -1)


def count_places(epochs: torch.Tensor) -> torch.Tensor:
    """Return 0, 1, … L − 1 as floats, for `(…, L, width)`."""
    return torch.arange(epochs.shape[-2], device=epochs.device, dtype=torch.float32)


def encode_places(places: torch.Tensor, width: int) -> torch.Tensor:
    """Return sinusoids of places, `(…, width)`, after Vaswani et al. 2017, section 3.5."""
    steps = torch.arange(0, width, 2, device=places.device, dtype=torch.float32)
    angles = places.unsqueeze(-1) * torch.exp(steps * (-math.log(_LONGEST) / width))
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)[..., :width]


def _later(epochs: torch.Tensor) -> torch.Tensor:
    places = count_places(epochs)
    return places[None, :] > places[:, None]  # (L, L)
