import numpy as np
import pytest
from made_pulses import BVP_HZ, pulse_wave, steady

from epochal.features.beats import find_pulses
from epochal.features.pulse_shape import cut_pulses, likeness, measure_form, shape_columns


def shape(**wave):
    window = pulse_wave(steady(70), **wave)[None]
    columns = shape_columns(window, find_pulses(window, BVP_HZ), BVP_HZ)
    return {name: float(column[0]) for name, column in columns.items()}


def test_twice_the_pulse_is_log_two_more_amplitude():
    n_beats = len(steady(70))
    small, large = shape(heights=np.full(n_beats, 30.0)), shape(heights=np.full(n_beats, 60.0))
    assert large["amplitude"] - small["amplitude"] == pytest.approx(np.log(2), abs=1e-3)
    assert large["quality"] == pytest.approx(small["quality"])


def test_the_spread_of_heights_is_their_relative_quartile_range():
    heights = np.linspace(40, 60, len(steady(70)))  # quartiles 45 and 55 around 50
    assert shape(heights=heights)["amplitude_cv"] == pytest.approx(0.2, abs=0.03)
    assert shape()["amplitude_cv"] < 0.02


def test_a_wider_wave_has_a_wider_form_and_rises_longer():
    narrow, wide = shape(width_s=0.06), shape(width_s=0.10)
    assert wide["width_s"] > narrow["width_s"]
    assert wide["rise_s"] > narrow["rise_s"]


def test_alike_pulses_have_quality_near_one_and_noise_lowers_it():
    clean, noisy = shape(), shape(noise=25.0)
    assert clean["quality"] > 0.98
    assert noisy["quality"] < clean["quality"] - 0.05


def test_the_form_of_a_triangle_is_half_its_base():
    before, after = round(0.30 * BVP_HZ), round(0.45 * BVP_HZ)
    position = np.arange(-before, after)
    triangle = np.clip(1 - np.abs(position) / before, 0, None)
    form = measure_form(np.tile(triangle, (5, 1)), BVP_HZ)
    assert form.width_s == pytest.approx(0.30, abs=1.5 / BVP_HZ)
    assert form.tail == pytest.approx(1 - 16 / before)


def test_a_pulse_that_does_not_rise_has_no_form():
    assert np.isnan(measure_form(np.zeros((5, 48)), BVP_HZ)).all()
    assert np.isnan(measure_form(np.empty((0, 48)), BVP_HZ)).all()


def test_likeness_is_one_for_copies_and_zero_for_none():
    pulses = np.tile(np.sin(np.linspace(0, 3, 48)), (6, 1))
    assert likeness(pulses) == pytest.approx(1.0)
    assert likeness(np.empty((0, 48))) == 0.0


def test_pulses_over_the_windows_edge_are_left_out():
    window = pulse_wave(steady(70))
    (beats,) = find_pulses(window[None], BVP_HZ)
    early = beats._replace(time_s=np.r_[0.05, beats.time_s, 59.9])
    assert len(cut_pulses(window, early, BVP_HZ)) <= len(beats.time_s)
