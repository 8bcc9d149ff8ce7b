import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from epochal.options.quality import KIND_LIMITS, QualityOptions
from epochal.signals.quality import assess
from epochal.signals.quality_beats import has_beats, index_ecg, index_pulses
from epochal.signals.quality_clipping import share_clipped
from epochal.signals.quality_measures import cut_pieces, make_safe, measure
from epochal.signals.quality_spectrum import measure_spectrum

SFREQ = 64.0


def beat_times(length_s=60.0, *, period_s=0.85, seed=0):
    random = np.random.default_rng(seed)
    return np.cumsum(random.normal(period_s, 0.03, round(length_s / period_s) + 2))


def beats(shape, *, length_s=60.0, sfreq=SFREQ, seed=0):
    """Return a wave with the same beat at every beat's time."""
    time_s = np.arange(round(length_s * sfreq)) / sfreq
    return sum(shape(time_s - at_s) for at_s in beat_times(length_s, seed=seed))


def pulse(time_s):
    return 50 * np.exp(-((time_s / 0.1) ** 2)) + 15 * np.exp(-(((time_s - 0.3) / 0.1) ** 2))


def qrs(time_s):
    return 1000 * np.exp(-((time_s / 0.012) ** 2)) - 200 * np.exp(-(((time_s - 0.03) / 0.01) ** 2))


def sqi(window, kind, *, sfreq=SFREQ):
    return float(assess(window[None], sfreq, kind=kind, options=QualityOptions()).sqi[0])


def test_like_pulses_have_an_index_near_1():
    assert sqi(beats(pulse), "bvp") > 0.95


def test_the_index_falls_with_noise_until_no_pulse_is_left():
    noise = np.random.default_rng(1).normal(size=round(60 * SFREQ))
    noise = sosfiltfilt(butter(2, [0.5, 8.0], "bandpass", fs=SFREQ, output="sos"), noise)
    found = [index_pulses((beats(pulse) + size * noise)[None], SFREQ)[0] for size in (0, 20, 60)]
    alone = index_pulses(noise[None], SFREQ)[0]
    assert found == sorted(found, reverse=True)
    assert alone < 0.35


def test_half_a_window_of_pulses_has_half_the_index():
    half = beats(pulse)
    half[len(half) // 2 :] = 0
    assert index_pulses(half[None], SFREQ)[0] == pytest.approx(0.5, abs=0.05)


def test_an_ecg_of_either_polarity_has_an_index_near_1():
    ecg = beats(qrs, sfreq=256.0)
    assert sqi(ecg, "ecg", sfreq=256.0) > 0.95
    assert index_ecg(-ecg[None], 256.0)[0] > 0.95


def test_no_beats_have_the_index_0():
    assert index_pulses(np.zeros((2, 3840)), SFREQ).tolist() == [0, 0]
    assert index_ecg(np.ones((1, 3840)), SFREQ).tolist() == [0]


@pytest.mark.parametrize(("sfreq", "n_samples"), [(4.0, 240), (64.0, 128)])
def test_where_beats_cannot_be_found_the_index_does_without(sfreq, n_samples):
    assert not has_beats(sfreq, n_samples)
    assert sqi(50 * np.sin(np.arange(n_samples)), "bvp", sfreq=sfreq) == 1


def test_an_eeg_of_white_noise_has_no_index_and_one_of_rhythms_has_all():
    time_s = np.arange(3000) / 100
    rhythms = sum(20 * np.sin(2 * np.pi * hz * time_s) for hz in (2, 6, 10))
    assert sqi(rhythms, "eeg", sfreq=100.0) > 0.98
    assert sqi(np.random.default_rng(0).normal(0, 20, 3000), "eeg", sfreq=100.0) < 0.1


def test_a_muscle_channel_full_of_slow_waves_has_no_index():
    slow = 50 * np.sin(2 * np.pi * 1.5 * np.arange(3000) / 100)
    muscle = np.random.default_rng(0).normal(0, 50, 3000)
    assert sqi(slow, "emg", sfreq=100.0) < 0.05
    assert sqi(muscle, "emg", sfreq=100.0) > 0.75


def test_a_third_of_a_window_off_the_skin_leaves_two_thirds():
    window = np.full(240, 2.0) + 0.01 * np.sin(np.arange(240))
    assert sqi(np.where(np.arange(240) < 80, 20.0, 33.0), "temperature", sfreq=4.0) == 1
    assert sqi(np.where(np.arange(240) < 80, 15.0, 33.0), "temperature", sfreq=4.0) == (
        pytest.approx(2 / 3)
    )
    assert sqi(window, "eda", sfreq=4.0) == 1


def test_the_share_that_is_clipped_is_counted():
    noise = np.random.default_rng(0).normal(0, 20, (1, 3000))
    assert share_clipped(noise) == 0
    for limit in (15, 25, 35):
        share = np.mean(np.abs(noise) >= limit)
        assert share_clipped(np.clip(noise, -limit, limit)) == pytest.approx(share)


@pytest.mark.parametrize("n_steps", [2, 10, 25, 100, 1000])
def test_a_sine_that_is_rounded_is_not_clipped(n_steps):
    sine = np.round(n_steps / 2 * np.sin(2 * np.pi * 0.31 * np.arange(3000) / 100))
    assert share_clipped(sine[None]) == 0


def test_a_rail_is_where_the_sensor_ends():
    shaken = np.clip(2.5 * np.sin(np.arange(0, 60, 0.03)), -1.5, 1.5)[None]
    assert share_clipped(shaken) > 0.3
    assert share_clipped(shaken, rails=(2.0, 4.0)) == 0
    assert share_clipped(shaken * 2 / 1.5, rails=(2.0, 4.0)) > 0.3


def test_a_constant_window_is_not_clipped():
    assert share_clipped(np.full((2, 100), 7.0)).tolist() == [0, 0]


def test_pieces_hold_every_sample_the_last_overlapping():
    pieces = cut_pieces(np.arange(10)[None], 4.0, 1.0)
    assert pieces.tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7], [6, 7, 8, 9]]]
    assert cut_pieces(np.arange(8)[None], 4.0, 1.0).shape == (1, 2, 4)
    assert cut_pieces(np.arange(3)[None], 100.0, 1.0).shape == (1, 1, 3)


def test_good_windows_are_not_copied():
    windows = np.ones((3, 10), dtype=np.float32)
    safe, missing = make_safe(windows)
    assert safe is windows
    assert not missing.any()


def test_the_share_of_mains_is_that_of_power():
    random = np.random.default_rng(0)
    noise = random.normal(0, 1, (1, 128 * 30))
    hum = np.sqrt(2) * np.sin(2 * np.pi * 50 * np.arange(128 * 30) / 128)
    share, _ = measure_spectrum(noise + hum, 128.0, limits=KIND_LIMITS["emg"], mains_hz=(50.0,))
    assert share[0] == pytest.approx(0.5, abs=0.03)
    share, _ = measure_spectrum(noise, 128.0, limits=KIND_LIMITS["emg"], mains_hz=(50.0,))
    assert share[0] < 0.02


def test_mains_that_fold_among_the_rhythms_are_not_looked_for():
    folded = np.sin(2 * np.pi * 60 * np.arange(1920) / 64)[None]  # 4 Hz
    share, _ = measure_spectrum(folded, 64.0, limits=KIND_LIMITS["eeg"], mains_hz=(60.0,))
    assert share.tolist() == [0]


def test_the_size_of_a_jump_is_measured():
    jump = np.where(np.arange(3000) < 1500, 0.0, 70.0)[None]
    found = measure(jump, 100.0, kind="eeg", limits=KIND_LIMITS["eeg"])
    assert found.pop.tolist() == [70]
    assert found.largest_span.tolist() == [0]  # the jump lies between two seconds…
    shifted = measure(jump[:, 30:], 100.0, kind="eeg", limits=KIND_LIMITS["eeg"])
    assert shifted.largest_span.tolist() == [70]  # …and here within one
