"""The conditional random field against the enumeration of all sequences of classes."""

from itertools import product

import pytest
import torch

from epochal.models.networks.crf import ConditionalRandomField

N_IN, N_CLASSES = 3, 3
LENGTHS = [1, 2, 5]


def make(seed=0, n_classes=N_CLASSES):
    torch.manual_seed(seed)
    field = ConditionalRandomField(N_IN, n_classes).double()
    with torch.no_grad():
        field.transitions.normal_()
    return field


def inputs(n_epochs, n_sequences=2):
    generator = torch.Generator().manual_seed(n_epochs)
    return torch.randn(n_sequences, n_epochs, N_IN, generator=generator, dtype=torch.float64)


def enumerate_paths(field, values):
    """Return all sequences of classes, and the log score of each for one sequence of inputs."""
    emissions, n_epochs = field.emit(values), values.shape[0]
    paths = torch.tensor(list(product(range(field.transitions.shape[0]), repeat=n_epochs)))
    scores = emissions[torch.arange(n_epochs), paths].sum(dim=1)
    return paths, scores + field.transitions[paths[:, :-1], paths[:, 1:]].sum(dim=1)


@torch.no_grad()
def log_likelihood(field, values, targets):
    """Return log P(the known targets | the inputs) by enumeration."""
    paths, scores = enumerate_paths(field, values)
    agrees = ((paths == targets) | (targets < 0)).all(dim=1)
    return torch.logsumexp(scores[agrees], 0) - torch.logsumexp(scores, 0)


@pytest.mark.parametrize("n_epochs", LENGTHS)
def test_marginals_are_those_of_all_sequences_of_classes(n_epochs):
    field, values = make(), inputs(n_epochs)
    marginals = field(values).detach().exp()
    for index in range(2):
        paths, scores = enumerate_paths(field, values[index])
        proba = torch.softmax(scores.detach(), 0)
        for place, code in product(range(n_epochs), range(N_CLASSES)):
            expected = proba[paths[:, place] == code].sum()
            assert float(marginals[index, place, code]) == pytest.approx(expected.item(), abs=1e-9)


@pytest.mark.parametrize("n_epochs", LENGTHS)
def test_the_loss_is_the_likelihood_of_the_sequence_per_epoch(n_epochs):
    field, values = make(), inputs(n_epochs)
    targets = torch.randint(N_CLASSES, (2, n_epochs), generator=torch.Generator().manual_seed(3))
    expected = sum(log_likelihood(field, v, t) for v, t in zip(values, targets, strict=True))
    loss = field.loss(values, targets, torch.ones(2, n_epochs))
    assert loss.item() == pytest.approx(-expected.item() / (2 * n_epochs), abs=1e-9)


@pytest.mark.parametrize(
    "targets", [[[0, -1, 2, -1, 1]], [[-1, -1, 0, 0, -1]], [[-1, 2, -1, -1, -1]]]
)
def test_unknown_classes_are_summed_out(targets):
    field, values, codes = make(), inputs(5, 1), torch.tensor(targets)
    expected = log_likelihood(field, values[0], codes[0])
    loss = field.loss(values, codes, torch.ones(1, 5))
    assert loss.item() == pytest.approx(-expected.item() / int((codes >= 0).sum()), abs=1e-9)


def test_weights_weigh_the_factors_of_the_chain_rule():
    field, values = make(), inputs(3, 1)
    targets, weights = torch.tensor([[1, 0, 2]]), torch.tensor([[2.0, 0.5, 1.0]])
    known = [torch.tensor(codes) for codes in ([-1, -1, -1], [1, -1, -1], [1, 0, -1], [1, 0, 2])]
    evidence = torch.stack([log_likelihood(field, values[0], codes) for codes in known])
    expected = -(weights[0] * evidence.diff()).sum() / weights.sum()
    assert field.loss(values, targets, weights).item() == pytest.approx(expected.item(), abs=1e-9)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_sequence_without_a_known_epoch_is_no_loss(weight):
    field, values = make(), inputs(4)
    loss = field.loss(values, torch.full((2, 4), -1), torch.full((2, 4), weight))
    loss.backward()
    assert loss.item() == 0
    assert all(torch.isfinite(weights.grad).all() for weights in field.parameters())


def test_the_gradient_is_that_of_finite_differences():
    field, values = make(), inputs(4)
    targets, weights = torch.tensor([[0, -1, 2, 1], [-1, 1, 1, -1]]), torch.rand(2, 4).double()
    values.requires_grad_()
    field.loss(values, targets, weights).backward()
    step = torch.zeros_like(values)
    step[1, 2, 0] = 1e-5
    with torch.no_grad():
        rise = field.loss(values + step, targets, weights) - field.loss(
            values - step, targets, weights
        )
    assert float(values.grad[1, 2, 0]) == pytest.approx(float(rise) / 2e-5, abs=1e-6)


def test_without_transitions_it_is_a_softmax_of_each_epoch():
    field, values = make(), inputs(6)
    with torch.no_grad():
        field.transitions.zero_()
    assert torch.allclose(field(values), torch.log_softmax(field.emit(values), -1))


@pytest.mark.slow
def test_a_long_sequence_of_large_scores_stays_finite():
    field, values = make().float(), 100 * inputs(400).float()
    targets = torch.zeros(2, 400, dtype=torch.long)
    loss = field.loss(values, targets, torch.ones(2, 400))
    loss.backward()
    assert torch.isfinite(field(values)).all()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(weights.grad).all() for weights in field.parameters())


@pytest.mark.slow
def test_it_learns_that_states_last_and_smooths_a_doubtful_epoch():
    generator = torch.Generator().manual_seed(0)
    states = torch.randint(2, (40, 8), generator=generator).repeat_interleave(5, dim=1)
    seen = torch.nn.functional.one_hot(states, 2).float()
    seen = seen + 0.8 * torch.randn(seen.shape, generator=generator)
    torch.manual_seed(0)
    field = ConditionalRandomField(2, 2)
    optimiser = torch.optim.Adam(field.parameters(), lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        field.loss(seen, states, torch.ones(states.shape)).backward()
        optimiser.step()
    stays = field.transitions.diagonal().sum() - field.transitions.fliplr().diagonal().sum()
    right = (field(seen).argmax(-1) == states).float().mean()
    alone = (field.emit(seen).argmax(-1) == states).float().mean()
    assert stays.item() > 1
    assert right > alone + 0.05
