import numpy as np
import pytest
from made_pulses import BVP_HZ, pulse_wave, steady

from epochal.features.respiration import belt_features, pulse_respiration_features

BELT_HZ = 50.0
BELT_S = np.arange(int(60 * BELT_HZ)) / BELT_HZ


def belt(wave):
    return {name: float(c[0]) for name, c in belt_features(np.asarray(wave)[None], BELT_HZ).items()}


def of_pulse(wave):
    columns = pulse_respiration_features(wave[None], BVP_HZ)
    return {name: float(column[0]) for name, column in columns.items()}


@pytest.mark.parametrize("rate", [9, 15, 24, 36])
def test_the_belt_gives_the_rate_of_a_sine(rate):
    found = belt(3 * np.sin(2 * np.pi * rate / 60 * BELT_S))
    assert found["breathing_rate"] == pytest.approx(rate, rel=0.03)
    assert found["breathing_rate_cv"] < 0.05
    assert np.exp(found["breathing_depth"]) == pytest.approx(6.0, rel=0.15)
    assert found["inhaling_share"] == pytest.approx(0.5, abs=0.05)


def test_irregular_breathing_varies_more():
    phase = 2 * np.pi * (0.25 * BELT_S + 0.5 * np.sin(2 * np.pi * 0.03 * BELT_S))
    steady_wave = np.sin(2 * np.pi * 0.25 * BELT_S)
    assert belt(np.sin(phase))["breathing_rate_cv"] > 3 * belt(steady_wave)["breathing_rate_cv"]


def test_quick_inhaling_takes_a_smaller_share():
    phase = (0.25 * BELT_S) % 1
    saw = np.where(phase < 0.25, phase / 0.25, (1 - phase) / 0.75)
    assert belt(saw)["inhaling_share"] < 0.42


@pytest.mark.parametrize("wave", [np.zeros(3000), np.sin(2 * np.pi * BELT_S / 60)])
def test_without_breaths_the_belt_says_nothing(wave):
    assert np.isnan(list(belt(wave).values())).all()


@pytest.mark.parametrize("rate", [12, 18, 27])
def test_breathing_is_seen_in_the_height_of_pulses(rate):
    times_s = steady(75)
    heights = 50 * (1 + 0.2 * np.sin(2 * np.pi * rate / 60 * times_s))
    found = of_pulse(pulse_wave(times_s, heights=heights))
    assert found["breathing_rate"] == pytest.approx(rate, abs=2)
    assert found["breathing_clarity"] > 0.4


def test_fast_breathing_has_a_larger_fast_share_and_deep_breathing_more_depth():
    times_s = steady(90)
    slow, fast = (
        of_pulse(pulse_wave(times_s, heights=50 * (1 + 0.2 * np.sin(2 * np.pi * f * times_s))))
        for f in (0.2, 0.5)
    )
    flat = of_pulse(pulse_wave(times_s))
    assert fast["breathing_fast"] > slow["breathing_fast"] + 0.2
    assert slow["breathing_depth"] > flat["breathing_depth"] + 1


def test_a_slow_wave_under_the_pulse_is_power_of_its_band():
    time_s = np.arange(3840) / BVP_HZ
    plain = pulse_wave(steady(60))
    waving = plain + 10 * np.sin(2 * np.pi * 0.25 * time_s).astype(np.float32)
    assert of_pulse(waving)["wave_breathing"] > of_pulse(plain)["wave_breathing"] + 2


def test_a_flat_pulse_wave_hides_the_breathing():
    found = of_pulse(np.zeros(3840, np.float32))
    assert np.isnan([value for name, value in found.items() if name.startswith("breathing")]).all()


@pytest.mark.parametrize("function", [belt_features, pulse_respiration_features])
def test_no_windows_have_the_same_columns(function):
    wave = pulse_wave(steady(70))[None]
    assert list(function(wave[:0], BVP_HZ)) == list(function(wave, BVP_HZ))
    assert all(len(column) == 0 for column in function(wave[:0], BVP_HZ).values())


def test_irregular_breathing_is_spread_over_more_rates():
    times_s = steady(90)
    wandering = 2 * np.pi * (0.3 * times_s + 1.2 * np.sin(2 * np.pi * 0.03 * times_s))
    regular, irregular = (
        of_pulse(pulse_wave(times_s, heights=50 * (1 + 0.2 * np.sin(phase))))
        for phase in (2 * np.pi * 0.3 * times_s, wandering)
    )
    assert irregular["breathing_entropy"] > regular["breathing_entropy"] + 0.1
    assert irregular["breathing_spread"] > regular["breathing_spread"]


def test_a_pace_that_follows_the_breath_swings_deeper():
    intervals_s = 0.8 + 0.06 * np.sin(2 * np.pi * 0.25 * 0.8 * np.arange(70))
    swinging = of_pulse(pulse_wave(0.4 + np.r_[0, np.cumsum(intervals_s)]))
    assert swinging["breathing_swing"] > of_pulse(pulse_wave(steady(75)))["breathing_swing"] + 1
    assert np.exp(swinging["breathing_swing"]) == pytest.approx(0.06 / np.sqrt(2) / 0.8, rel=0.15)
