from dataclasses import replace

import numpy as np
import pytest

from epochal.features.electrodermal import electrodermal_features
from epochal.simulation.wearable_course import draw_course, draw_person
from epochal.simulation.wearable_skin import (
    draw_responses,
    electrodermal_activity,
    response_shape,
    skin_temperature,
)
from epochal.simulation.wearable_tasks import Stretch

PERSON = replace(draw_person(np.random.default_rng(1)), skin_us=2.0, skin_c=32.0)


def made(*, responses=0.0, tonic=0.0, n_seconds=600):
    course = draw_course(
        PERSON, [Stretch("relax", n_seconds)], effect=0, rng=np.random.default_rng(0)
    )
    full = np.ones(n_seconds)
    return replace(course, responses_per_min=responses * full, tonic=tonic * full, moving=0 * full)


def eda(course):
    return electrodermal_activity(PERSON, course, sfreq=4, rng=np.random.default_rng(0))


def test_the_level_is_the_persons_and_scales_with_the_tonic_part():
    assert eda(made()).mean() == pytest.approx(2.0, rel=0.01)
    assert eda(made(tonic=np.log(2))).mean() == pytest.approx(4.0, rel=0.01)


def test_responses_come_at_their_rate():
    times_s = draw_responses(made(responses=6, n_seconds=6000), np.random.default_rng(0))
    assert len(times_s) == pytest.approx(600, rel=0.15)
    assert times_s.min() >= 0
    assert times_s.max() < 6000


def test_more_responses_are_found_where_more_are_made():
    few, many = (
        electrodermal_features(eda(made(responses=rate)).reshape(10, 240), 4.0)["scr_rate"].mean()
        for rate in (0.5, 6)
    )
    assert many > few + 3


def test_a_response_rises_fast_and_recovers_slowly():
    shape = response_shape(20.0)
    peak = shape.argmax() / 20
    half = np.flatnonzero(shape > 0.5)[-1] / 20
    assert shape.max() == pytest.approx(1.0)
    assert 0.8 < peak < 2.5 < half
    assert shape[0] == pytest.approx(0.0)


def test_skin_conductance_is_never_negative():
    assert (eda(replace(made(responses=10), moving=np.full(600, 5.0))) >= 0).all()


def test_the_skin_warms_under_the_band_and_cools_when_roused():
    calm, roused = (
        skin_temperature(PERSON, made(tonic=tonic), sfreq=4, rng=np.random.default_rng(0))
        for tonic in (0.0, 0.8)
    )
    assert calm.shape == (2400,)
    assert calm.mean() == pytest.approx(32, abs=2)
    assert (calm - roused) == pytest.approx(np.full(2400, 0.2))
