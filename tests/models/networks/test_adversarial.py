import math

import pytest
import torch

from epochal.models.networks.adversarial import SiteAdversary, reversal_strength, reverse_gradient

N_SITES, WIDTH = 3, 4


def test_values_pass_and_their_gradient_returns_reversed():
    values = torch.arange(3.0, requires_grad=True)
    reversed_values = reverse_gradient(values, 0.5)
    (reversed_values * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert torch.equal(reversed_values, values)
    assert values.grad.tolist() == [-0.5, -1.0, -1.5]


def test_the_strength_rises_from_nothing_to_one():
    assert reversal_strength(0.0) == 0
    assert reversal_strength(0.1) == pytest.approx(2 / (1 + math.exp(-1)) - 1)
    assert 0.999 < reversal_strength(1.0) < 1


def test_an_unknown_site_teaches_nothing():
    torch.manual_seed(0)
    adversary = SiteAdversary(WIDTH, N_SITES)
    embedding = torch.randn(3, 2, WIDTH)
    known = adversary.loss(embedding[:2], torch.tensor([0, 2]))
    with_unknown = adversary.loss(embedding, torch.tensor([0, 2, -1]))
    none = adversary.loss(embedding, torch.tensor([-1, -1, -1]))
    assert known.item() == pytest.approx(with_unknown.item())
    assert none.item() == 0


def test_the_loss_is_the_mean_cross_entropy_over_epochs():
    torch.manual_seed(0)
    adversary = SiteAdversary(WIDTH, N_SITES)
    embedding, sites = torch.randn(2, 5, WIDTH), torch.tensor([1, 0])
    expected = torch.nn.functional.cross_entropy(
        adversary(embedding).flatten(0, 1), sites.repeat_interleave(5)
    )
    assert adversary.loss(embedding, sites).item() == pytest.approx(expected.item())


def test_at_no_strength_the_network_hears_nothing_of_the_sites():
    embedding = torch.randn(2, 2, WIDTH, requires_grad=True)
    SiteAdversary(WIDTH, N_SITES).loss(embedding, torch.tensor([0, 1]), strength=0.0).backward()
    assert not embedding.grad.any()


def read_site(embedding, sites):
    """Return how well a fresh logistic regression tells the site from what is left of it."""
    reader = torch.nn.Linear(embedding.shape[1], 2)
    optimiser = torch.optim.Adam(reader.parameters(), lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(reader(embedding), sites).backward()
        optimiser.step()
    return float((reader(embedding).argmax(1) == sites).float().mean())


def train(strength):
    """Train an encoder of a class and a site, two separate inputs, to tell the class.

    The embedding is noisy, so that a trace of the site can be too small to be read.
    """
    torch.manual_seed(0)
    classes, sites = torch.randint(2, (400,)), torch.randint(2, (400,))
    values = torch.stack([classes, sites], 1) * 2.0 - 1 + 0.3 * torch.randn(400, 2)
    encoder, head = torch.nn.Linear(2, 4), torch.nn.Linear(4, 2)
    adversary = SiteAdversary(4, 2, n_hidden=16)
    parts = torch.nn.ModuleList([encoder, head, adversary])
    optimiser = torch.optim.Adam(parts.parameters(), lr=0.005, betas=(0.5, 0.99))
    n_steps = 300
    for step in range(n_steps):
        optimiser.zero_grad()
        embedded = encoder(values) + 0.3 * torch.randn(400, 4)
        loss = torch.nn.functional.cross_entropy(head(embedded), classes)
        now = strength * reversal_strength(step / n_steps)
        (loss + adversary.loss(embedded[:, None], sites, strength=now)).backward()
        optimiser.step()
    embedded = encoder(values).detach() + 0.3 * torch.randn(400, 4)
    right = float((head(embedded).argmax(1) == classes).float().mean())
    return right, read_site(embedded, sites)


@pytest.mark.slow
def test_trained_against_the_sites_a_network_forgets_them_and_keeps_the_classes():
    right, site_left = train(strength=1.0)
    right_without, site_without = train(strength=0.0)
    assert min(right, right_without) > 0.95
    assert site_without > 0.9
    assert site_left < 0.7
