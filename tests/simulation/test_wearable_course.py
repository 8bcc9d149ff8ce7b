import numpy as np
import pytest

from epochal.simulation.wearable_course import (
    draw_course,
    draw_moves,
    draw_person,
    drifting,
    lagged,
)
from epochal.simulation.wearable_tasks import Stretch

PROTOCOL = [Stretch("relax", 400), Stretch("interview", 400), Stretch("relax", 400)]


def courses(effect, n=40):
    for seed in range(n):
        rng = np.random.default_rng(seed)
        yield draw_course(draw_person(rng), PROTOCOL, effect=effect, rng=rng)


def change(name, effect):
    """How much a signal differs in the interview, on average over people."""
    signals = [getattr(course, name) for course in courses(effect)]
    return np.mean([np.mean(s[500:800]) - np.mean(s[100:400]) for s in signals])


def test_every_signal_has_one_value_a_second_and_is_physiological():
    for course in courses(1.0, 5):
        for values in (
            course.heart_bpm,
            course.breathing_hz,
            course.responses_per_min,
            course.moving,
        ):
            assert values.shape == (1200,)
            assert (values >= 0).all()
        assert ((course.heart_bpm >= 45) & (course.heart_bpm <= 170)).all()


@pytest.mark.slow
def test_stress_raises_heart_rate_responses_level_and_movement():
    assert change("heart_bpm", 1.0) > 1.0
    assert change("responses_per_min", 1.0) > 2.0
    assert change("tonic", 1.0) > 0.4
    assert change("moving", 1.0) > 0.05


@pytest.mark.parametrize(
    ("name", "noise"), [("heart_bpm", 2.0), ("responses_per_min", 1.0), ("tonic", 0.25)]
)
def test_without_effect_the_task_changes_nothing(name, noise):
    assert abs(change(name, 0.0)) < noise


def test_people_differ():
    people = [draw_person(np.random.default_rng(seed)) for seed in range(200)]
    assert np.std([person.heart_bpm for person in people]) == pytest.approx(9, rel=0.2)
    assert {person.sex for person in people} == {"F", "M"}
    assert all(np.linalg.norm(person.wrist) == pytest.approx(1.0) for person in people)
    assert all(0.08 <= person.skin_us <= 12 for person in people)


def test_a_lag_reaches_two_thirds_after_its_time_constant():
    followed = lagged(np.r_[np.zeros(100), np.ones(400)], 50.0)
    assert followed[99] == 0
    assert followed[149] == pytest.approx(1 - np.exp(-1), abs=0.01)
    assert lagged(np.full(50, 3.0), 10.0) == pytest.approx(np.full(50, 3.0))


def test_a_drift_has_its_spread_and_its_time_constant():
    drift = drifting(200_000, 2.0, 100.0, np.random.default_rng(0))
    assert drift.std() == pytest.approx(2.0, rel=0.1)
    assert np.corrcoef(drift[:-100], drift[100:])[0, 1] == pytest.approx(np.exp(-1), abs=0.06)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_moves_take_up_about_their_share_of_time(share):
    moves = draw_moves(np.full(50_000, share), np.ones(50_000), np.random.default_rng(0))
    assert (moves > 0).mean() == pytest.approx(share, abs=0.08)


def test_the_same_numbers_give_the_same_course():
    first, second = next(courses(1.0, 1)), next(courses(1.0, 1))
    np.testing.assert_array_equal(first.moving, second.moving)
    np.testing.assert_array_equal(first.heart_bpm, second.heart_bpm)
