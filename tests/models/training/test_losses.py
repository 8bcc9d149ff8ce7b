import math

import pytest
import torch

from epochal.errors import EpochalError
from epochal.models.training.losses import LOSSES, make_loss

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.3, -2.0], [1.0, 1.0, 1.0], [-3.0, 0.0, 4.0]])
CODES = torch.tensor([0, 2, 1, 2])


def one_hot(codes):
    return torch.nn.functional.one_hot(codes, 3).float()


def value(loss, *given):
    return loss(*given).item()


@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_is_finite_falls_towards_the_truth_and_has_a_gradient(kind):
    loss = make_loss(kind)
    logits = LOGITS.clone().requires_grad_()
    loss(logits, CODES).backward()
    assert torch.isfinite(logits.grad).all()
    nearer = LOGITS - 0.5 * logits.grad
    assert value(loss, nearer, CODES) < value(loss, LOGITS, CODES)


@pytest.mark.parametrize("kind", LOSSES)
def test_codes_and_their_one_hot_shares_are_the_same_target(kind):
    loss = make_loss(kind)
    assert value(loss, LOGITS, CODES) == pytest.approx(value(loss, LOGITS, one_hot(CODES)))


@pytest.mark.parametrize("kind", LOSSES)
def test_unknown_rows_do_not_count(kind):
    loss = make_loss(kind)
    expected = value(loss, LOGITS[:2], CODES[:2])
    unknown = torch.tensor([0, 2, -1, -1])
    assert value(loss, LOGITS, unknown) == pytest.approx(expected)
    votes = one_hot(CODES)
    votes[2], votes[3, 0] = 0, torch.nan  # no votes, and a missing one
    assert value(loss, LOGITS, votes) == pytest.approx(expected)


@pytest.mark.parametrize("kind", LOSSES)
def test_nothing_known_is_no_loss_and_no_gradient(kind):
    logits = LOGITS.clone().requires_grad_()
    loss = make_loss(kind)(logits, torch.full((4,), -1), torch.ones(4))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


@pytest.mark.parametrize("kind", LOSSES)
def test_the_loss_is_the_weighted_mean_of_its_rows(kind):
    loss, weights = make_loss(kind), torch.tensor([1.0, 0.0, 3.0, 0.5])
    rows = loss.per_row(LOGITS, CODES)
    expected = (rows * weights).sum() / weights.sum()
    assert value(loss, LOGITS, CODES, weights) == pytest.approx(expected.item())
    assert value(loss, LOGITS, CODES, 7 * weights) == pytest.approx(expected.item())


@pytest.mark.parametrize("kind", LOSSES)
def test_an_unknown_rows_own_loss_is_unknown(kind):
    rows = make_loss(kind).per_row(LOGITS, torch.tensor([0, -1, 1, 2]))
    assert rows.isnan().tolist() == [False, True, False, False]


@pytest.mark.parametrize("kind", LOSSES)
def test_adding_a_constant_to_the_logits_changes_nothing(kind):
    loss = make_loss(kind)
    shifted = value(loss, LOGITS + 50, CODES)
    assert shifted == pytest.approx(value(loss, LOGITS, CODES), rel=1e-4)


@pytest.mark.parametrize("kind", LOSSES)
def test_certain_logits_right_or_wrong_leave_finite_gradients(kind):
    logits = torch.tensor([[200.0, 0.0, -200.0]] * 2, requires_grad=True)
    make_loss(kind)(logits, torch.tensor([0, 2])).backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("kind", LOSSES)
def test_half_precision_logits_are_raised_to_32_bits(kind):
    loss = make_loss(kind)(LOGITS.half(), CODES)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(value(make_loss(kind), LOGITS, CODES), rel=1e-2)


def test_cross_entropy_is_that_of_torch():
    weights = torch.tensor([1.0, 2.0, 0.5, 1.0])
    rows = torch.nn.functional.cross_entropy(LOGITS, CODES, reduction="none")
    expected = (rows * weights).sum() / weights.sum()
    found = value(make_loss("weighted_cross_entropy"), LOGITS, CODES, weights)
    assert found == pytest.approx(expected.item())


def test_smoothing_is_that_of_torch():
    expected = torch.nn.functional.cross_entropy(LOGITS, CODES, label_smoothing=0.2).item()
    smoothed = make_loss("weighted_cross_entropy", label_smoothing=0.2)
    assert value(smoothed, LOGITS, CODES) == pytest.approx(expected)


def test_focal_without_focus_is_cross_entropy():
    cross_entropy = value(make_loss("weighted_cross_entropy"), LOGITS, CODES)
    assert value(make_loss("focal", gamma=0.0), LOGITS, CODES) == pytest.approx(cross_entropy)


def test_focal_discounts_what_is_right_already():
    logits = torch.tensor([[math.log(9.0), 0.0]])  # p = 0.9
    expected = 0.1**2 * -math.log(0.9)
    found = value(make_loss("focal"), logits, torch.tensor([0]))
    assert found == pytest.approx(expected, rel=1e-4)


def test_an_ordinal_error_costs_more_the_further_it_is():
    sure_of_first = torch.tensor([[30.0, 0.0, 0.0, 0.0]]).expand(4, 4)
    squared = make_loss("ordinal").per_row(sure_of_first, torch.arange(4))
    distance = make_loss("ordinal", power=1.0).per_row(sure_of_first, torch.arange(4))
    assert squared.tolist() == pytest.approx([0, 1, 2, 3], abs=1e-5)
    assert distance.tolist() == pytest.approx([0, 1, 2, 3], abs=1e-5)


def test_squared_distance_prefers_doubt_between_two_to_certainty_of_one_end():
    halves = torch.tensor([[0.5, 0.5, 1e-9]]).log()
    assert make_loss("ordinal").per_row(halves, torch.tensor([1])).item() == pytest.approx(0.25)


@pytest.mark.parametrize(("q", "expected"), [(1.0, 0.75), (0.5, 1.0)])
def test_generalised_cross_entropy_is_one_minus_a_power(q, expected):
    quarter = torch.tensor([[0.25, 0.75]]).log()
    loss = make_loss("generalised_cross_entropy", q=q)
    assert value(loss, quarter, torch.tensor([0])) == pytest.approx(expected)


def test_generalised_cross_entropy_nears_cross_entropy_as_q_falls():
    loss = make_loss("generalised_cross_entropy", q=1e-3)
    expected = value(make_loss("weighted_cross_entropy"), LOGITS, CODES)
    assert value(loss, LOGITS, CODES) == pytest.approx(expected, rel=0.01)


def test_the_divergence_is_zero_only_where_the_network_says_what_was_voted():
    votes = torch.tensor([[3.0, 1.0, 0.0]])
    proba = torch.tensor([[0.75, 0.25, 1e-12]])
    loss = make_loss("kl_votes")
    assert value(loss, proba.log(), votes) == pytest.approx(0, abs=1e-5)
    expected = 0.75 * math.log(0.75 * 3) + 0.25 * math.log(0.25 * 3)
    assert value(loss, torch.zeros(1, 3), votes) == pytest.approx(expected, abs=1e-6)


def test_rows_count_by_their_votes_or_alike():
    votes = torch.tensor([[9.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    rows = make_loss("kl_votes").per_row(LOGITS[:2], votes)
    by_votes = value(make_loss("kl_votes"), LOGITS[:2], votes)
    alike = value(make_loss("kl_votes", vote_power=0.0), LOGITS[:2], votes)
    assert by_votes == pytest.approx(((9 * rows[0] + rows[1]) / 10).item())
    assert alike == pytest.approx(rows.mean().item())


@pytest.mark.parametrize(
    ("kind", "params", "reason"),
    [
        ("fokal", {}, "no loss 'fokal'; did you mean 'focal'"),
        ("focal", {"gama": 1}, "'focal' takes no 'gama'; did you mean 'gamma'"),
        ("focal", {"gamma": -1}, "gamma is -1; it goes from 0"),
        ("generalised_cross_entropy", {"q": 2}, "q is 2; it goes from 0.001 to 1"),
        ("weighted_cross_entropy", {"label_smoothing": 1.5}, "label_smoothing is 1.5"),
        ("ordinal", {"power": 0.5}, "power is 0.5"),
    ],
)
def test_what_a_loss_does_not_know_is_refused_by_name(kind, params, reason):
    with pytest.raises(EpochalError, match=reason):
        make_loss(kind, **params)


def draw_blobs(n_rows, centres, generator):
    codes = torch.randint(len(centres), (n_rows,), generator=generator)
    noise = torch.randn(n_rows, centres.shape[1], generator=generator)
    return centres[codes] + noise, codes


def plant_noise(codes, share, n_classes, generator):
    """Give a share of the rows one of the other classes, each as likely."""
    wrong = torch.rand(len(codes), generator=generator) < share
    others = torch.randint(1, n_classes, codes.shape, generator=generator)
    return torch.where(wrong, (codes + others) % n_classes, codes)


def accuracy_under_noise(kind, seed, share, n_classes=4):
    """Train a network that could learn every label by heart on noisy ones; judge on clean ones."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(n_classes, 10, generator=generator)
    inputs, codes = draw_blobs(300, centres, generator)
    labels = plant_noise(codes, share, n_classes, generator)
    torch.manual_seed(seed)
    network = torch.nn.Sequential(
        torch.nn.Linear(10, 128), torch.nn.ReLU(), torch.nn.Linear(128, n_classes)
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    loss = make_loss(kind)
    for _ in range(200):
        optimiser.zero_grad()
        loss(network(inputs), labels).backward()
        optimiser.step()
    fresh, truth = draw_blobs(1000, centres, generator)
    return (network(fresh).argmax(1) == truth).float().mean().item()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.4])
def test_under_planted_noise_generalised_cross_entropy_ends_better_on_clean_labels(share):
    gains = [
        accuracy_under_noise("generalised_cross_entropy", seed, share)
        - accuracy_under_noise("weighted_cross_entropy", seed, share)
        for seed in range(5)
    ]
    assert min(gains) > 0  # in each of five worlds
    assert sum(gains) / 5 > 0.1


@pytest.mark.slow
def test_without_noise_it_loses_nothing():
    robust, plain = (
        accuracy_under_noise(kind, 0, 0.0)
        for kind in ("generalised_cross_entropy", "weighted_cross_entropy")
    )
    assert robust > plain - 0.03
