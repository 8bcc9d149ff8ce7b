import numpy as np
import pytest

from epochal.simulation.sleep_spectra import STATES
from epochal.simulation.sleep_states import PER_EPOCH, epochs_to_sleep, state_weights

NIGHT = np.array(
    ["W"] * 60 + ["1"] * 20 + ["2"] * 60 + ["4"] * 60 + ["2"] * 40 + ["R"] * 60 + ["W"] * 80
)


@pytest.fixture(scope="module")
def weights():
    return state_weights(NIGHT, np.random.default_rng(0))


def by_state(weights, first, last):
    return dict(
        zip(STATES, weights[first * PER_EPOCH : last * PER_EPOCH].mean(axis=0), strict=True)
    )


def test_every_block_is_shared_out_among_the_states(weights):
    assert weights.shape == (len(NIGHT) * PER_EPOCH, len(STATES))
    assert weights.sum(axis=1) == pytest.approx(1.0)
    assert weights.min() >= 0


def test_the_middle_of_a_bout_is_in_its_stage(weights):
    assert by_state(weights, 160, 190)["4"] > 0.95
    assert by_state(weights, 260, 290)["R"] > 0.9
    assert by_state(weights, 90, 130)["2"] > 0.9


@pytest.mark.slow
def test_eyes_are_mostly_closed_close_to_sleep_and_open_by_day():
    night = np.array(["W"] * 2000 + ["2"] * 100)
    weights = state_weights(night, np.random.default_rng(1))
    by_day, drowsy = by_state(weights, 0, 1900), by_state(weights, 1972, 1998)
    assert by_day["open"] > 2 * by_day["closed"]
    assert drowsy["closed"] > drowsy["open"]


def test_stage_1_holds_some_quiet_wake(weights):
    in_stage_1 = by_state(weights, 61, 79)
    assert in_stage_1["1"] > 0.6
    assert in_stage_1["closed"] > 0.02


def test_deep_sleep_builds_up_over_a_minute(weights):
    four = weights[:, STATES.index("4")]
    border = 140 * PER_EPOCH
    assert 0.05 < four[border - 4] < 0.95
    assert four[border - 2 * PER_EPOCH] < 0.05
    assert four[border + 2 * PER_EPOCH] > 0.95


def test_light_sleep_stays_out_of_the_blend_with_deep_sleep(weights):
    assert by_state(weights, 255, 295)["4"] == 0


@pytest.mark.slow
def test_short_arousals_interrupt_long_sleep():
    weights = state_weights(np.array(["2"] * 1200), np.random.default_rng(2))
    awake = weights[:, :2].sum(axis=1) > 0.9
    starts = np.sum(awake[1:] & ~awake[:-1])
    assert 60 < starts < 200  # some 12 an hour, in ten hours
    assert awake.mean() < 0.05


def test_borders_move_by_at_most_half_an_epoch():
    night = np.array((["2"] * 10 + ["R"] * 10) * 30)
    weights = state_weights(night, np.random.default_rng(3))
    rem = weights[:, STATES.index("R")] > 0.5
    inside = np.tile(np.repeat([False, True], 10 * PER_EPOCH), 30)
    wrong = rem != inside
    positions = np.arange(len(wrong)) % (10 * PER_EPOCH)
    far = (positions > PER_EPOCH / 2 + 1) & (positions < 9.5 * PER_EPOCH - 1)
    assert wrong[~far].mean() > 0.1
    assert wrong[far & inside].mean() < 0.05


def test_the_distance_to_sleep_counts_epochs_either_way():
    assert epochs_to_sleep(np.array(list("WW2WWW1W"))).tolist() == [2, 1, 0, 1, 2, 1, 0, 1]


def test_without_sleep_the_distance_is_beyond_any_night():
    assert epochs_to_sleep(np.array(list("WWW"))).min() > 10_000
