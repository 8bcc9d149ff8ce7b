import numpy as np
import pytest
from made_pulses import BVP_HZ, ECG_HZ, beat_times, ecg_wave, pulse_wave, steady

from epochal.errors import EpochalError
from epochal.features.beats import believable, filter_band, find_pulses, find_r_peaks


@pytest.mark.parametrize("bpm", [45, 60, 75, 100, 140, 175])
def test_every_pulse_is_found_where_it_is(bpm):
    times_s = steady(bpm)
    (beats,) = find_pulses(pulse_wave(times_s)[None], BVP_HZ)
    assert len(beats.time_s) == len(times_s)
    assert np.abs(beats.time_s - times_s).max() < 0.03
    assert beats.valid.all()


@pytest.mark.parametrize("bpm", [60, 100])
def test_the_foot_is_where_the_steepest_tangent_meets_the_trough(bpm):
    (beats,) = find_pulses(pulse_wave(steady(bpm), width_s=0.08)[None], BVP_HZ)
    # the steepest tangent of a Gaussian meets its base two standard deviations before its top
    assert beats.rise_s[2:-2] == pytest.approx(0.16, abs=0.03)


def test_intervals_between_feet_do_not_see_a_wandering_peak():
    times_s = steady(72)
    late = np.random.default_rng(0).choice([0.0, 1.0], len(times_s))
    time_s = np.arange(3840) / BVP_HZ
    wave = pulse_wave(times_s)
    for beat_s, size in zip(times_s, late, strict=True):  # a second summit, now and then the higher
        wave += 30 * size * np.exp(-0.5 * ((time_s - beat_s - 0.1) / 0.05) ** 2)
    (beats,) = find_pulses(wave[None], BVP_HZ)
    assert np.diff(beats.time_s).std() > 0.025
    assert beats.interval_s.std() < 0.5 * np.diff(beats.time_s).std()


@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_every_r_peak_is_found_in_either_polarity(polarity):
    times_s = beat_times(0.8 + 0.05 * np.sin(np.arange(65)))
    (beats,) = find_r_peaks(ecg_wave(times_s, polarity=polarity, noise=20.0)[None], ECG_HZ)
    assert len(beats.time_s) == len(times_s)
    assert np.abs(beats.time_s - times_s).max() < 0.006


def test_intervals_are_finer_than_the_sampling_step():
    times_s = beat_times(np.full(60, 0.9003))
    (beats,) = find_pulses(pulse_wave(times_s)[None], BVP_HZ)
    assert np.abs(beats.interval_s[2:-2] - 0.9003).max() < 0.1 / BVP_HZ


def test_the_dicrotic_wave_is_no_beat():
    (beats,) = find_pulses(pulse_wave(steady(50))[None], BVP_HZ)
    assert beats.interval_s.min() > 1.0


def test_noise_a_tenth_of_the_pulse_does_not_disturb():
    times_s = steady(72)
    (beats,) = find_pulses(pulse_wave(times_s, noise=5.0)[None], BVP_HZ)
    assert len(beats.time_s) == len(times_s)


def test_a_missed_beat_makes_one_interval_unbelievable():
    times_s = np.delete(steady(72), 30)
    (beats,) = find_pulses(pulse_wave(times_s)[None], BVP_HZ)
    assert (~beats.valid).sum() == 1
    assert beats.interval_s[~beats.valid][0] == pytest.approx(2 * 60 / 72, abs=0.02)
    assert len(beats.trusted_s) == len(times_s) - 2


def test_differences_are_taken_between_believable_neighbours_alone():
    times_s = np.delete(steady(72), 30)
    (beats,) = find_pulses(pulse_wave(times_s)[None], BVP_HZ)
    assert len(beats.successive_s) == len(beats.interval_s) - 3
    assert np.abs(beats.successive_s).max() < 0.03


def test_heights_are_those_of_the_pulses():
    heights = np.tile([40.0, 60.0], 36)[: len(steady(70))]
    (beats,) = find_pulses(pulse_wave(steady(70), heights=heights)[None], BVP_HZ)
    ratio = np.median(beats.height[1::2]) / np.median(beats.height[2::2])
    assert ratio == pytest.approx(1.5, rel=0.1)


@pytest.mark.parametrize("window", [np.zeros(3840), np.full(3840, 7.0), np.linspace(0, 9, 3840)])
def test_a_window_without_pulses_has_not_enough(window):
    (beats,) = find_pulses(window[None].astype(np.float32), BVP_HZ)
    assert not beats.enough


def test_missing_samples_give_no_beats():
    wave = pulse_wave(steady(70))
    wave[100] = np.nan
    (beats,) = find_pulses(wave[None], BVP_HZ)
    assert len(beats.time_s) == 0
    assert not beats.enough


def test_no_windows_give_no_beats():
    assert find_pulses(np.empty((0, 3840), np.float32), BVP_HZ) == []


def test_intervals_out_of_physiology_are_not_believed():
    assert not believable(np.full(20, 2.5)).any()
    assert not believable(np.full(20, 0.25)).any()
    assert believable(np.full(20, 0.8)).all()
    assert len(believable(np.empty(0))) == 0


def test_a_band_keeps_its_own_and_drops_the_rest():
    time_s = np.arange(64 * 60) / 64
    inside, outside = np.sin(2 * np.pi * 2 * time_s), np.sin(2 * np.pi * 0.05 * time_s)
    middle = slice(640, -640)
    kept = filter_band((inside + outside)[None], 64.0, low_hz=0.5, high_hz=8.0)[0]
    assert np.abs(kept[middle] - inside[middle]).max() < 0.02


def test_a_band_beyond_half_the_rate_is_cut_there():
    noise = np.random.default_rng(0).normal(size=(1, 400))
    assert np.isfinite(filter_band(noise, 10.0, low_hz=0.5, high_hz=8.0)).all()


@pytest.mark.parametrize(
    ("find", "sfreq", "needed"), [(find_r_peaks, 17, 17.8), (find_pulses, 1, 1.1)]
)
def test_a_rate_too_low_for_a_band_is_refused_with_the_one_that_it_needs(find, sfreq, needed):
    with pytest.raises(EpochalError, match=rf"needs more than {needed} Hz; this is {sfreq} Hz"):
        find(np.zeros((1, 60 * sfreq)), sfreq)
