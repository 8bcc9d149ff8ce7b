import numpy as np
import pytest

from epochal.errors import EpochalError
from epochal.models.training.sampling import (
    SAMPLERS,
    hard,
    make_sampler,
    oversample,
    shuffle,
    two_stage,
)
from epochal.options.networks import SamplingOptions

CLASSES = ("W", "N", "REM")
N_SEQUENCES = 40
UNKNOWN = 7  # a sequence without labels


def make_targets():
    """Return 40 sequences of 3 epochs: REM in every tenth, one of them unknown."""
    targets = np.zeros((N_SEQUENCES, 3), dtype=int)
    targets[:, 1] = 1
    targets[::10, 2] = 2
    targets[1::5, 0] = -1
    targets[UNKNOWN] = -1
    return targets


TARGETS = make_targets()
KNOWN = np.delete(np.arange(N_SEQUENCES), UNKNOWN)
VOTES = np.where(np.arange(N_SEQUENCES) % 4 == 0, 12.0, 3.0)[:, None] * np.ones(3)
OPTIONS = {
    "shuffle": SamplingOptions(),
    "oversample": SamplingOptions(kind="oversample", classes=("REM",), factor=3),
    "hard": SamplingOptions(kind="hard", first_epochs=1),
    "two_stage": SamplingOptions(kind="two_stage", first_epochs=1, min_votes=10),
}
LOSSES = np.linspace(0.01, 4, N_SEQUENCES)


def draw(kind, *, losses=LOSSES, epoch=3, seed=0):
    sampler = make_sampler(OPTIONS[kind], classes=CLASSES, votes=VOTES)
    return sampler(TARGETS, losses, epoch=epoch, seed=seed)


def test_a_study_can_name_every_order():
    assert set(OPTIONS) == set(SAMPLERS)


@pytest.mark.parametrize("kind", OPTIONS)
def test_seed_and_pass_alone_decide(kind):
    assert np.array_equal(draw(kind), draw(kind))
    assert not np.array_equal(draw(kind), draw(kind, seed=1))
    assert not np.array_equal(draw(kind), draw(kind, epoch=4))


@pytest.mark.parametrize("kind", OPTIONS)
def test_what_is_unlabelled_is_never_drawn(kind):
    for epoch in range(5):
        assert UNKNOWN not in draw(kind, epoch=epoch)


@pytest.mark.parametrize("kind", OPTIONS)
def test_nothing_given_is_changed(kind):
    targets, losses = TARGETS.copy(), LOSSES.copy()
    draw(kind, losses=losses)
    assert np.array_equal(targets, TARGETS)
    assert np.array_equal(losses, LOSSES)


def test_a_plain_pass_sees_every_sequence_once():
    order = shuffle(TARGETS, None, epoch=0, seed=0)
    assert sorted(order) == KNOWN.tolist()
    assert not np.array_equal(order, KNOWN)


@pytest.mark.parametrize("factor", [1.0, 2.0, 5.0])
def test_sequences_with_a_rare_class_are_seen_as_often_as_the_factor_says(factor):
    order = oversample(TARGETS, None, epoch=0, seed=0, codes=[2], factor=factor)
    times = np.bincount(order, minlength=N_SEQUENCES)
    assert set(times[::10]) == {factor}
    assert set(np.delete(times, [UNKNOWN, *range(0, N_SEQUENCES, 10)])) == {1}


def test_half_a_repeat_is_a_chance_in_every_pass():
    times = np.zeros(N_SEQUENCES)
    for epoch in range(400):
        order = oversample(TARGETS, None, epoch=epoch, seed=0, codes=[2], factor=1.5)
        times += np.bincount(order, minlength=N_SEQUENCES)
    assert times[::10] / 400 == pytest.approx(np.full(4, 1.5), abs=0.1)
    assert set(times[1:7]) == {400}


def draw_many_hard(losses, **params):
    """Return the share of each sequence in many passes."""
    drawn = [hard(TARGETS, losses, epoch=epoch, seed=0, **params) for epoch in range(300)]
    return np.bincount(np.concatenate(drawn), minlength=N_SEQUENCES) / (300 * len(KNOWN))


def test_hard_sequences_are_drawn_in_proportion_to_their_last_loss():
    share = draw_many_hard(LOSSES, uniform_share=0.0)
    expected = np.where(np.arange(N_SEQUENCES) == UNKNOWN, 0, LOSSES)
    assert share == pytest.approx(expected / expected.sum(), abs=0.006)


def test_part_of_the_draws_ignores_the_losses():
    losses = np.zeros(N_SEQUENCES)
    losses[0] = 1.0
    share = draw_many_hard(losses, uniform_share=0.5)
    assert share[0] == pytest.approx(0.5 + 0.5 / len(KNOWN), abs=0.02)
    assert share[1] == pytest.approx(0.5 / len(KNOWN), abs=0.005)


@pytest.mark.slow
def test_a_higher_power_looks_at_the_hardest_more():
    mild, strict = (draw_many_hard(LOSSES, power=power) for power in (0.5, 3.0))
    assert strict[-5:].sum() > 1.5 * mild[-5:].sum()


@pytest.mark.parametrize("losses", [None, np.full(N_SEQUENCES, np.nan)])
def test_without_a_loss_yet_every_sequence_is_seen_once(losses):
    assert sorted(hard(TARGETS, losses, epoch=5, seed=0)) == KNOWN.tolist()


def test_the_first_passes_see_every_sequence_once():
    assert sorted(draw("hard", epoch=0)) == KNOWN.tolist()
    assert sorted(draw("hard", epoch=1)) != KNOWN.tolist()


def test_a_sequence_not_yet_seen_counts_as_the_hardest():
    losses = np.where(np.arange(N_SEQUENCES) == 3, np.nan, LOSSES)
    share = draw_many_hard(losses, uniform_share=0.0)
    assert share[3] == pytest.approx(share[-1], rel=0.15)


def test_when_nothing_is_hard_all_are_alike():
    share = draw_many_hard(np.zeros(N_SEQUENCES), uniform_share=0.0)
    assert share[KNOWN] == pytest.approx(np.full(len(KNOWN), 1 / len(KNOWN)), abs=0.006)


def test_the_second_stage_sees_rows_with_many_votes_only():
    assert sorted(draw("two_stage", epoch=0)) == KNOWN.tolist()
    assert sorted(draw("two_stage", epoch=1)) == [n for n in KNOWN if n % 4 == 0]


def test_votes_of_an_epoch_without_a_target_do_not_count():
    votes = np.zeros(TARGETS.shape)
    votes[1, 0] = 50  # there its target is unknown
    votes[2, 1] = 50
    order = two_stage(TARGETS, None, epoch=20, seed=0, votes=votes)
    assert order.tolist() == [2]


def test_a_second_stage_without_rows_is_refused():
    with pytest.raises(EpochalError, match="has 99 votes for the second stage; the most is 12"):
        two_stage(TARGETS, None, epoch=20, seed=0, votes=VOTES, min_votes=99)


def test_two_stages_need_votes():
    with pytest.raises(EpochalError, match="needs experts' votes"):
        make_sampler(OPTIONS["two_stage"], classes=CLASSES)


def test_a_class_that_the_study_has_not_is_refused_by_name():
    with pytest.raises(EpochalError, match="no class 'REN' to oversample; did you mean 'REM'"):
        make_sampler(SamplingOptions(kind="oversample", classes=("REN",)), classes=CLASSES)
