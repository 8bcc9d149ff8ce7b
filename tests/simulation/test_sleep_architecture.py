from itertools import pairwise

import numpy as np
import pytest

from epochal.simulation.sleep_architecture import (
    NEIGHBOURS,
    disagree,
    draw_night,
    draw_sleep,
    personal,
)
from epochal.simulation.sleep_chains import CHAINS, PERIOD_MINUTES, STAGES
from epochal.simulation.sleep_person import draw_person

N_NIGHTS = 40


def people(age, n=N_NIGHTS):
    return [
        draw_person(i, age_range=(age, age), sex=None, rng=np.random.default_rng([age, i]))
        for i in range(n)
    ]


def sleeps(age):
    return [draw_sleep(p, 900, np.random.default_rng([5, p.number])) for p in people(age)]


def share(nights, stages):
    return np.mean([np.isin(night, list(stages)).mean() for night in nights])


@pytest.fixture(scope="module")
def young():
    return sleeps(28)


@pytest.fixture(scope="module")
def old():
    return sleeps(75)


@pytest.mark.parametrize("name", CHAINS)
def test_the_rows_of_every_chain_are_probabilities_of_other_stages(name):
    for stage, row in CHAINS[name].transitions.items():
        assert sum(row.values()) == pytest.approx(1.0)
        assert stage not in row
        assert set(row) <= set(STAGES)


@pytest.mark.parametrize("name", CHAINS)
def test_every_chain_has_growing_bout_quantiles_from_one_epoch_up(name):
    for lengths in CHAINS[name].bout_epochs.values():
        assert lengths[0] >= 1
        assert list(lengths) == sorted(lengths)


def test_there_is_a_chain_and_a_length_for_every_part_of_a_night():
    halves = {f"nrem{cycle}{half}" for cycle in (1, 2, 3, 4) for half in "ab"}
    assert set(CHAINS) == halves | {"rem"}
    assert set(PERIOD_MINUTES) == {f"{kind}{n}" for kind in ("nrem", "rem") for n in (1, 2, 3, 4)}


@pytest.mark.parametrize(
    ("stages", "low", "high"),
    # Mean shares of the sleep period in 54 real nights: W .06, N1 .09, N2 .50, N3 .14, REM .20.
    [
        ("W", 0.02, 0.12),
        ("1", 0.05, 0.14),
        ("2", 0.42, 0.60),
        ("34", 0.09, 0.25),
        ("R", 0.15, 0.26),
    ],
)
def test_the_shares_of_the_stages_are_like_those_of_real_young_nights(young, stages, low, high):
    assert low < share(young, stages) < high


def test_deep_sleep_comes_early_and_rem_sleep_late(young):
    first, second = zip(*((night[:450], night[450:]) for night in young), strict=True)
    assert share(first, "34") > 2 * share(second, "34")
    assert share(second, "R") > 1.3 * share(first, "R")


def test_age_takes_deep_sleep_and_brings_wake_and_stage_1(young, old):
    assert share(old, "34") < 0.6 * share(young, "34")
    assert share(old, "W") > share(young, "W")
    assert share(old, "1") > share(young, "1")


def test_rem_sleep_returns_in_cycles(young):
    latencies_min = [np.flatnonzero(night == "R")[0] / 2 for night in young]
    assert 55 < np.median(latencies_min) < 120
    starts = [np.flatnonzero(np.diff(np.flatnonzero(night == "R")) > 60) for night in young]
    assert 2 <= np.mean([len(s) for s in starts]) <= 5


def test_a_night_has_wake_before_and_after_sleep():
    night = draw_night(people(30, 1)[0], 1080, np.random.default_rng(0))
    asleep = np.flatnonzero(night.scored != "W")
    assert len(night.stages) == len(night.scored) == 1080
    assert asleep[0] == night.asleep > 30
    assert asleep[-1] < 1080 - 30
    assert 0 <= night.lights_off <= night.asleep


@pytest.mark.parametrize("n_epochs", [60, 240, 1080, 2640])
def test_a_night_of_any_length_is_mostly_or_partly_sleep(n_epochs):
    night = draw_night(people(30, 1)[0], n_epochs, np.random.default_rng(3))
    slept = np.sum(night.stages != "W")
    assert min(0.5 * n_epochs, 500) < slept <= min(n_epochs, 1140)


def test_a_person_who_wakes_more_steps_into_wake_more_often():
    light, deep = sorted(people(50), key=lambda p: p.wake_drive)[:: N_NIGHTS - 1]
    rows = [personal(CHAINS["nrem2a"], p).transitions["2"]["W"] for p in (light, deep)]
    assert rows[0] < rows[1]


def test_scorer_and_sleeper_differ_mostly_at_boundaries_and_in_short_bouts(young):
    rng = np.random.default_rng(1)
    wrong, near = [], []
    for night in young:
        wrong.append(disagree(night, rng) != night)
        change = night[1:] != night[:-1]
        near.append(np.append(change, False) | np.append(False, change))
    wrong, near = np.concatenate(wrong), np.concatenate(near)
    assert 0.1 < wrong[near].mean() < 0.3
    assert wrong[~near].mean() < 0.03


def test_stage_1_is_where_scorers_are_least_sure(young):
    rng = np.random.default_rng(3)
    scored = np.concatenate(young)
    wrong = np.concatenate([disagree(night, rng) != night for night in young])
    shares = {stage: wrong[scored == stage].mean() for stage in "12R"}
    assert max(shares, key=shares.get) == "1"


def test_scorers_agree_with_the_sleeper_about_as_often_as_with_each_other(young):
    rng = np.random.default_rng(4)
    agreed = np.mean([np.mean(disagree(night, rng) == night) for night in young])
    assert 0.88 < agreed < 0.97


def test_neighbouring_stages_only_are_confused():
    scored = np.repeat(list("W12341R"), 200)
    stages = disagree(scored, np.random.default_rng(0))
    inside = [e for e in np.flatnonzero(stages != scored) if 0 < e % 200 < 199]
    assert inside
    assert all(stages[e] in NEIGHBOURS[scored[e]] for e in inside)


def test_long_wake_is_never_doubted():
    assert (disagree(np.full(5000, "W"), np.random.default_rng(2)) == "W").all()


@pytest.mark.slow
def test_movement_time_is_scored_rarely_and_only_in_sleep():
    nights = [draw_night(p, 1080, np.random.default_rng([8, p.number])) for p in people(40)]
    moved = np.concatenate([night.scored == "M" for night in nights])
    assert 0 < moved.mean() < 0.005
    assert not any("M" in night.stages for night in nights)


def test_nights_of_one_person_differ():
    person = people(30, 1)[0]
    first, second = (draw_night(person, 1080, np.random.default_rng([1, n])) for n in (1, 2))
    assert not np.array_equal(first.stages, second.stages)


def test_stages_three_and_four_follow_each_other_through_deepening(young):
    steps = [(a, b) for night in young for a, b in pairwise(night) if a != b]
    into_four = [a for a, b in steps if b == "4"]
    assert into_four.count("3") > 0.8 * len(into_four)
