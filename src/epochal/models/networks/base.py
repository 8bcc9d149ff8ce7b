"""What every network has in common: its inputs, its side features, its head."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from epochal.models.networks.heads import make_head


class EpochNetwork(nn.Module):
    """Sequences of epochs in, logits per epoch out; a network of the roster says how it embeds.

    `n_times` samples at `sfreq` from each of `n_channels` make an epoch's window; `n_features` side
    features, scaled by whoever calls, are laid beside the embedding (a hybrid). A subclass sets
    `width`, the size of its embedding, before it calls `finish`, and writes `embed`. `INPUTS` names
    what it looks at; one that sees each epoch by itself is not `SEQUENTIAL`; one whose output for
    an epoch depends on no later epoch is `CAUSAL`.
    """

    INPUTS: ClassVar[tuple[str, ...]] = ("signal",)  # of: signal, spectrogram; (): columns alone
    SEQUENTIAL: ClassVar[bool] = False
    CAUSAL: ClassVar[bool] = False

    width: int
    head: nn.Module

    def __init__(
        self, *, n_channels: int, n_times: int, sfreq: float, n_classes: int, n_features: int = 0
    ) -> None:
        super().__init__()
        self.n_channels, self.n_times, self.sfreq = n_channels, n_times, sfreq
        self.n_classes, self.n_features = n_classes, n_features

    def finish(self, width: int, *, head: str = "linear") -> None:
        """Set the embedding's size and make the head that reads it and the side features."""
        self.width = width
        self.head = make_head(head, width + self.n_features, self.n_classes)
        if head == "crf":  # its marginals look at the whole sequence
            self.CAUSAL = False  # type: ignore[misc]

    def embed(self, signal: torch.Tensor, spectrogram: torch.Tensor | None) -> torch.Tensor:
        """Return embeddings `(B, L, width)` of the inputs that the network looks at.

        `signal` is `(B, L, C, T)`, `spectrogram` `(B, L, C, F, T)`.
        """
        raise NotImplementedError

    def represent(
        self,
        signal: torch.Tensor | None = None,
        features: torch.Tensor | None = None,
        spectrogram: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return what the head reads: embeddings with the side features, `(B, L, width + F)`."""
        embedded = self.embed(signal, spectrogram)  # type: ignore[arg-type]  # INPUTS says which
        return embedded if features is None else torch.cat([embedded, features], dim=-1)

    def forward(
        self,
        signal: torch.Tensor | None = None,
        features: torch.Tensor | None = None,
        spectrogram: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return logits `(B, L, n_classes)`: their softmax is each epoch's probabilities."""
        return self.head(self.represent(signal, features, spectrogram))
