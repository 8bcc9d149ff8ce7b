"""The training of a network, written once for every classifier that wears one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import torch
from torch import nn

from epochal.errors import EpochalError
from epochal.models.training.curves import Pass

MAX_GRADIENT = 1.0  # the norm that gradients are clipped to
ONE_AT_A_TIME = threading.Lock()  # networks share torch's random numbers and its threads


def train_network(
    network: nn.Module,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    n_rows: int,
    *,
    seed: int,
    n_epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
) -> Iterator[Pass]:
    """Train by AdamW with a one-cycle learning rate; yield each pass's mean loss, and the rate.

    `loss_of` takes the places of a batch's rows, `(n_batch,)`, and returns their mean loss. The
    order of the rows follows from the seed alone. One that diverges raises `EpochalError`.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    n_batches = -(-n_rows // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, learning_rate, total_steps=n_epochs * n_batches
    )
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n_epochs):
        total = torch.zeros(())
        for batch in torch.randperm(n_rows, generator=generator).split(batch_size):
            optimiser.zero_grad()
            loss = loss_of(batch)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
            optimiser.step()
            schedule.step()
            total += loss.detach().cpu() * len(batch)
        refuse_divergence(network)
        yield Pass(float(total / n_rows), float(optimiser.param_groups[0]["lr"]))


def refuse_divergence(network: nn.Module) -> None:
    """Raise `EpochalError` where a weight is no number any more: every epoch would be the same."""
    if not all(bool(weights.isfinite().all()) for weights in network.state_dict().values()):
        raise EpochalError(
            "the training diverged: weights have become infinite, or no numbers; lower its "
            "learning_rate"
        )
