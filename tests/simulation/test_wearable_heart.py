from dataclasses import replace

import numpy as np
import pytest

from epochal.features.beats import find_pulses, find_r_peaks
from epochal.simulation.wearable_course import draw_course, draw_person
from epochal.simulation.wearable_heart import (
    device_intervals,
    device_rate,
    draw_beats,
    draw_breathing,
    ecg_wave,
    pulse_wave,
)
from epochal.simulation.wearable_tasks import Stretch

PERSON = draw_person(np.random.default_rng(1))


def made(*, still=True, heart_bpm=70.0, breathing_hz=0.25, variability=0.04):
    course = draw_course(PERSON, [Stretch("relax", 180)], effect=0, rng=np.random.default_rng(0))
    full = np.ones(180)
    return replace(
        course,
        heart_bpm=heart_bpm * full,
        breathing_hz=breathing_hz * full,
        variability=variability * full,
        moving=course.moving * 0 if still else full,
    )


def beats_of(course):
    rng = np.random.default_rng(0)
    breathing = draw_breathing(course, rng)
    return draw_beats(course, breathing, rng), breathing


@pytest.mark.parametrize("bpm", [55, 75, 110])
def test_beats_come_at_the_courses_rate(bpm):
    beats_s, _ = beats_of(made(heart_bpm=bpm))
    assert 60 / np.diff(beats_s).mean() == pytest.approx(bpm, rel=0.02)
    assert (np.diff(beats_s) > 0.25).all()


def test_intervals_vary_as_much_as_asked_and_with_the_breath():
    calm, varied = (np.diff(beats_of(made(variability=v))[0]) for v in (0.01, 0.06))
    assert varied.std() > 3 * calm.std()
    beats_s, breathing = beats_of(made(variability=0.06))
    phase = np.interp(beats_s[1:], np.arange(len(breathing)) / 8, breathing)
    assert np.corrcoef(np.sin(phase), np.diff(beats_s))[0, 1] < -0.3  # quicker when it rises


def test_breathing_follows_its_rate():
    fast, slow = (
        draw_breathing(made(breathing_hz=hz), np.random.default_rng(0)) for hz in (0.4, 0.2)
    )
    assert fast[-1] / slow[-1] == pytest.approx(2.0, rel=0.05)
    assert (np.diff(fast) > 0).all()


def test_the_pulse_wave_shows_every_beat_of_a_still_wrist():
    course = made()
    beats_s, breathing = beats_of(course)
    wave = pulse_wave(PERSON, course, beats_s, breathing, sfreq=64, rng=np.random.default_rng(0))
    (found,) = find_pulses(wave[None], 64.0)
    assert len(found.time_s) == pytest.approx(len(beats_s), abs=3)
    assert 60 / found.trusted_s.mean() == pytest.approx(70, rel=0.02)


def test_movement_hides_the_pulse():
    rng = np.random.default_rng(0)
    shares = []
    for course in (made(), made(still=False)):
        beats_s, breathing = beats_of(course)
        wave = pulse_wave(PERSON, course, beats_s, breathing, sfreq=64, rng=rng)
        shares.append(find_pulses(wave[None], 64.0)[0].valid.mean())
    assert shares[0] > 0.95 > shares[1] + 0.1


def test_the_ecg_shows_every_beat():
    course = made()
    beats_s, _ = beats_of(course)
    wave = ecg_wave(course, beats_s, sfreq=700, rng=np.random.default_rng(0))
    (found,) = find_r_peaks(wave[None], 700.0)
    inner = beats_s[(beats_s > 0.5) & (beats_s < 179.5)]
    distance = np.abs(found.time_s[:, None] - inner).min(axis=0)
    assert distance.max() < 0.02
    assert wave.max() == pytest.approx(1.1, rel=0.25)  # mV


def test_the_device_gives_a_rate_a_second_from_ten_seconds_on():
    beats_s, _ = beats_of(made(variability=0.0))
    rate = device_rate(beats_s, 180)
    assert rate.shape == (170,)
    assert rate == pytest.approx(np.full(170, 70.0), rel=0.03)


def test_the_device_gives_no_intervals_while_moving():
    beats_s, _ = beats_of(made())
    intervals = device_intervals(made(), beats_s)
    np.testing.assert_allclose(intervals[:, 1], np.diff(beats_s))
    np.testing.assert_allclose(intervals[:, 0], beats_s[1:])
    assert len(device_intervals(made(still=False), beats_s)) == 0
