import pytest
import torch
from torch import nn

from epochal.models.training.plain import train_network

X = torch.linspace(-1, 1, 50)[:, None]
Y = 3 * X + 1


def train(seed=0, n_epochs=40, seen=None):
    """Fit a line; return the losses, and its slope and offset."""
    torch.manual_seed(0)
    line = nn.Linear(1, 1)

    def loss_of(batch):
        if seen is not None:
            seen.append(batch.tolist())
        return ((line(X[batch]) - Y[batch]) ** 2).mean()

    passes = train_network(
        line, loss_of, len(X), seed=seed, n_epochs=n_epochs, batch_size=8,
        learning_rate=0.1, weight_decay=0.0,
    )  # fmt: skip
    return [one.loss for one in passes], line.weight.item(), line.bias.item()


@pytest.mark.slow
def test_a_line_is_found_and_the_loss_falls():
    losses, slope, offset = train()
    assert len(losses) == 40
    assert losses[-1] < 1e-3 < losses[0]
    assert (slope, offset) == (pytest.approx(3, abs=0.05), pytest.approx(1, abs=0.05))


def test_every_row_is_seen_once_an_epoch_the_last_batch_being_what_is_left():
    seen = []
    train(n_epochs=2, seen=seen)
    assert [len(batch) for batch in seen] == [8, 8, 8, 8, 8, 8, 2] * 2
    for epoch in (seen[:7], seen[7:]):
        assert sorted(row for batch in epoch for row in batch) == list(range(50))


def test_the_order_of_the_rows_follows_from_the_seed_alone():
    orders = [[], [], []]
    for seed, seen in zip((1, 1, 2), orders, strict=True):
        train(seed=seed, n_epochs=1, seen=seen)
    assert orders[0] == orders[1] != orders[2]
