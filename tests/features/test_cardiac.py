import numpy as np
import pytest
from made_pulses import BVP_HZ, ECG_HZ, beat_times, ecg_wave, pulse_wave, steady

from epochal.features.cardiac import (
    ecg_features,
    heart_rate_features,
    pulse_features,
    spectral_rate,
)


def pulse(times_s, **wave):
    length_s = wave.get("length_s", 60.0)
    window = pulse_wave(times_s, **wave)[None]
    assert window.shape[1] == length_s * BVP_HZ
    return {name: float(column[0]) for name, column in pulse_features(window, BVP_HZ).items()}


@pytest.mark.parametrize("bpm", [48, 72, 120, 170])
def test_the_rate_of_a_steady_pulse(bpm):
    found = pulse(steady(bpm))
    for name in ("rate_mean", "rate_median", "rate_low", "rate_high", "spectral_rate"):
        assert found[name] == pytest.approx(bpm, rel=0.03), name
    assert found["rate_sd"] < 2
    assert found["valid_share"] == 1.0


def test_sdnn_rmssd_and_pnn50_of_alternating_intervals():
    # 800, 900, 800, 900 ms: SDNN 50 ms, RMSSD 100 ms, every difference above 50 ms.
    times_s = beat_times(np.tile([0.8, 0.9], 34))
    found = {name: float(v[0]) for name, v in ecg_features(ecg_wave(times_s)[None], ECG_HZ).items()}
    assert found["hrv_sdnn"] == pytest.approx(50, abs=2)
    assert found["hrv_rmssd"] == pytest.approx(100, abs=2)
    assert found["hrv_pnn50"] == 1.0
    assert found["rate_mean"] == pytest.approx(60 / 0.85, rel=0.01)


def test_the_pulse_gives_nearly_the_variability_of_its_beats():
    intervals_s = 0.85 + 0.05 * np.sin(2 * np.pi * np.arange(68) / 9)
    found = pulse(beat_times(intervals_s))
    assert found["prv_sdnn"] == pytest.approx(1000 * intervals_s.std(), rel=0.1)
    assert found["prv_rmssd"] == pytest.approx(
        1000 * np.sqrt(np.mean(np.diff(intervals_s) ** 2)), rel=0.15
    )


def test_a_missed_beat_does_not_inflate_the_variability():
    whole, missed = pulse(steady(72)), pulse(np.delete(steady(72), 30))
    assert missed["prv_sdnn"] < whole["prv_sdnn"] + 3
    assert missed["rate_mean"] == pytest.approx(whole["rate_mean"], rel=0.01)
    assert missed["valid_share"] < 1.0


def test_lf_and_hf_are_undefined_below_two_minutes():
    found = pulse(steady(72))
    assert np.isnan([found["prv_lf"], found["prv_hf"], found["prv_lf_hf"]]).all()


@pytest.mark.parametrize(("modulation_hz", "larger"), [(0.1, "lf"), (0.25, "hf")])
def test_the_modulated_band_holds_the_power(modulation_hz, larger):
    times_s, now_s = [], 0.4
    while now_s < 178:
        times_s.append(now_s)
        now_s += 0.8 + 0.04 * np.sin(2 * np.pi * modulation_hz * now_s)
    found = pulse(np.array(times_s), length_s=180.0)
    other = {"lf": "hf", "hf": "lf"}[larger]
    assert found[f"prv_{larger}"] == pytest.approx(40**2 / 2, rel=0.25)  # ms², of a 40 ms sine
    assert found[f"prv_{larger}"] > 10 * found[f"prv_{other}"]
    assert found["prv_lf_hf"] == pytest.approx(found["prv_lf"] / found["prv_hf"])


def test_a_flat_window_is_undefined_but_for_its_quality():
    columns = pulse_features(np.zeros((1, 3840), np.float32), BVP_HZ)
    defined = {name for name, column in columns.items() if not np.isnan(column[0])}
    assert defined == {"valid_share", "quality"}
    assert columns["quality"][0] == columns["valid_share"][0] == 0.0


def test_windows_are_measured_one_by_one():
    waves = np.stack([pulse_wave(steady(60)), np.zeros(3840, np.float32), pulse_wave(steady(90))])
    rates = pulse_features(waves, BVP_HZ)["rate_mean"]
    assert rates[[0, 2]] == pytest.approx([60, 90], rel=0.01)
    assert np.isnan(rates[1])


@pytest.mark.parametrize("function", [pulse_features, ecg_features, heart_rate_features])
def test_no_windows_have_the_same_columns(function):
    wave = pulse_wave(steady(70))[None]
    assert list(function(wave[:0], BVP_HZ)) == list(function(wave, BVP_HZ))
    assert all(len(column) == 0 for column in function(wave[:0], BVP_HZ).values())


def test_the_spectral_rate_survives_missed_beats_and_noise():
    times_s = np.delete(steady(80), [10, 11, 25, 40, 41])
    found = spectral_rate(pulse_wave(times_s, noise=15.0)[None], BVP_HZ)
    assert found["spectral_rate"][0] == pytest.approx(80, abs=2)


def test_the_spectral_centroid_rises_with_the_rate():
    waves = np.stack([pulse_wave(steady(bpm)) for bpm in (50, 70, 100)])
    assert (np.diff(spectral_rate(waves, BVP_HZ)["spectral_centroid_hz"]) > 0).all()


def test_a_given_heart_rate_has_mean_and_spread():
    found = heart_rate_features(np.array([[60.0, 70.0, 80.0, 70.0]]), 1.0)
    assert found["mean"][0] == 70
    assert found["sd"][0] == pytest.approx(np.sqrt(50))
