import numpy as np
import pytest

from epochal.simulation import sleep_events as events


def peak_hz(wave, n=4096):
    return np.fft.rfftfreq(n, 1 / events.SFREQ)[np.argmax(np.abs(np.fft.rfft(wave, n)))]


@pytest.mark.parametrize("hz", [11.5, 13.0, 15.0])
def test_a_spindle_oscillates_at_its_frequency(hz):
    wave = events.spindle(hz, duration_s=1.2, amplitude_uv=20, phase=0.3)
    assert peak_hz(wave) == pytest.approx(hz, abs=0.4)
    assert len(wave) == 120


def test_a_spindle_waxes_and_wanes():
    wave = np.abs(events.spindle(13, duration_s=1.0, amplitude_uv=20, phase=0))
    assert wave[:10].max() < 5
    assert wave[-10:].max() < 5
    assert wave[35:65].max() == pytest.approx(20, rel=0.1)


def test_a_spindle_slows_down():
    wave = events.spindle(13, duration_s=2.0, amplitude_uv=20, phase=0)
    assert peak_hz(wave[:100]) > peak_hz(wave[100:])


def test_a_k_complex_is_a_sharp_negative_wave_before_a_slower_positive_one():
    wave = events.k_complex(80.0)
    assert wave.min() == pytest.approx(-80, rel=0.1)
    assert 0.4 * 80 < wave.max() < 0.8 * 80
    assert wave.argmin() < wave.argmax()
    assert np.sum(wave < wave.min() / 2) < np.sum(wave > wave.max() / 2)


def test_a_wider_k_complex_lasts_longer():
    assert len(events.k_complex(80.0, width=1.2)) > len(events.k_complex(80.0, width=0.8))


def test_a_saccade_rises_within_a_tenth_of_a_second_and_decays_as_the_high_pass_says():
    wave = events.saccade()
    assert wave.argmax() < 10
    later = wave[100] / wave[50]
    assert later == pytest.approx(np.exp(-2 * np.pi * 0.5 * 0.5), rel=0.01)


def test_a_slow_roll_takes_seconds_and_returns():
    wave = events.slow_roll(40, duration_s=3)
    assert len(wave) == 300
    assert peak_hz(wave, 2**15) < 0.6
    assert wave.mean() == pytest.approx(0, abs=0.5)


def test_a_blink_peaks_within_a_fifth_of_a_second():
    assert events.blink().argmax() < 20


def test_times_follow_the_rate_of_their_block():
    rate = np.repeat([0.0, 2.0], 500)
    times = events.draw_times(rate, block_s=2, rng=np.random.default_rng(0))
    assert len(times) == pytest.approx(2000, rel=0.1)
    assert times.min() >= 1000
    assert times.max() < 2000
    assert np.all(np.diff(times) >= 0)


def test_a_wave_is_added_at_its_onset():
    signal = np.zeros(300)
    events.add(signal, np.ones(50), 1.0)
    assert np.flatnonzero(signal).tolist() == list(range(100, 150))


def test_what_hangs_over_the_end_is_cut_off():
    signal = np.zeros(120)
    events.add(signal, np.ones(50), 1.0)
    assert signal.sum() == 20


def test_a_train_equals_waves_added_one_by_one():
    onsets_s, sizes = np.array([0.5, 1.1, 2.9]), np.array([1.0, -2.0, 3.0])
    one_by_one = np.zeros(400)
    for onset_s, size in zip(onsets_s, sizes, strict=True):
        events.add(one_by_one, size * events.saccade(), onset_s)
    together = events.train(events.saccade(), onsets_s, sizes, 400)
    assert together == pytest.approx(one_by_one, abs=1e-4)


def test_a_vertex_wave_is_sharp_and_negative():
    wave = events.vertex_wave(40)
    assert wave.min() == pytest.approx(-40, rel=0.05)
    assert 0 < wave.max() < 20
    assert np.sum(wave < -20) < 10  # under a tenth of a second


@pytest.mark.parametrize("hz", [2.5, 4.0])
def test_sawtooth_waves_run_at_their_frequency(hz):
    wave = events.sawtooth(hz, duration_s=4.0, amplitude_uv=18)
    assert peak_hz(wave) == pytest.approx(hz, abs=0.2)
    assert np.abs(wave).max() <= 18
