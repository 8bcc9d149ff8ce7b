from dataclasses import replace

import numpy as np
import pytest

from epochal.features.motion import motion_features
from epochal.simulation.wearable_course import draw_course, draw_person
from epochal.simulation.wearable_motion import SENSOR_G, acceleration, shaped_noise
from epochal.simulation.wearable_tasks import Stretch

REST = np.array([0.0, -0.6, 0.8])


def made(moving, *, scale=1.0):
    person = draw_person(np.random.default_rng(1))
    course = draw_course(person, [Stretch("relax", 120)], effect=0, rng=np.random.default_rng(0))
    course = replace(course, moving=np.full(120, float(moving)))
    return acceleration(course, REST, sfreq=32, rng=np.random.default_rng(0), scale=scale)


def test_a_still_wrist_feels_gravity_and_the_sensors_noise():
    acc = made(0)
    assert acc.shape == (3, 120 * 32)
    np.testing.assert_allclose(acc.mean(axis=1), REST, atol=1e-3)
    assert acc.std(axis=1) == pytest.approx(np.full(3, SENSOR_G), rel=0.1)


def test_movement_is_activity_in_the_gesture_band_and_turns_the_wrist():
    still, moving = (motion_features(made(size)[None], 32.0) for size in (0, 1))
    assert moving["gesture"][0] > still["gesture"][0] + 2
    assert moving["posture_change"][0] > still["posture_change"][0] + 2
    assert moving["gesture"][0] > moving["fast"][0]
    assert still["still"][0] == 1.0 > moving["still"][0]


def test_a_chest_moves_on_a_smaller_scale():
    wrist, chest = (made(1, scale=scale).std(axis=1).sum() for scale in (1.0, 0.3))
    assert chest < 0.7 * wrist


def test_gravity_stays_one_g_while_turning():
    norm = np.linalg.norm(made(1), axis=0)
    assert np.median(norm) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("band", [(0.4, 4.0), (20.0, 250.0)])
def test_noise_has_unit_spread_and_stays_in_its_band(band):
    noise = shaped_noise(
        70_000, 700.0, low_hz=band[0], high_hz=band[1], rng=np.random.default_rng(0)
    )
    power = np.abs(np.fft.rfft(noise)) ** 2
    freqs = np.fft.rfftfreq(70_000, 1 / 700.0)
    inside = (freqs > 0.5 * band[0]) & (freqs < 2 * band[1])
    assert noise.std() == pytest.approx(1.0)
    assert power[inside].sum() > 0.9 * power.sum()
