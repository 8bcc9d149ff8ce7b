import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt, welch

from epochal.simulation.sleep_architecture import Night
from epochal.simulation.sleep_artefacts import add_movements, loosen_electrodes
from epochal.simulation.sleep_background import background
from epochal.simulation.sleep_body import breath, muscle_noise, muscle_tone, temperature
from epochal.simulation.sleep_person import averaged, draw_person
from epochal.simulation.sleep_signals import draw_signals
from epochal.simulation.sleep_spectra import (
    BANDS_HZ,
    STATES,
    band_noise,
    hats,
    log_spectra,
    remembered,
)
from epochal.simulation.sleep_states import PER_EPOCH
from epochal.simulation.sleep_waves import add_waves

SFREQ = 100
FPZ, PZ, EOG = 0, 1, 2
PERSON = averaged(draw_person(0, age_range=(30, 30), sex="F", rng=np.random.default_rng(0)))


def in_state(state, epochs=60):
    weights = np.zeros((epochs * PER_EPOCH, len(STATES)))
    weights[:, STATES.index(state)] = 1.0
    return weights


@pytest.fixture(scope="module")
def eeg():
    """Half an hour of each state, events included, no artefacts."""
    signals = {}
    for state in STATES:
        rng = np.random.default_rng(1)
        signals[state] = background(PERSON, in_state(state), rng)
        add_waves(signals[state], PERSON, in_state(state), rng)
    return signals


def power(signal, low_hz, high_hz):
    freqs, psd = welch(signal, SFREQ, nperseg=400)
    return psd[(freqs >= low_hz) & (freqs <= high_hz)].mean()


def band(signal, name):
    return power(signal, *BANDS_HZ[name])


def test_signals_are_as_long_as_the_blocks(eeg):
    assert eeg["2"].shape == (3, 60 * 30 * SFREQ)


@pytest.mark.slow
def test_delta_is_highest_in_deep_sleep(eeg):
    delta = {state: band(signal[FPZ], "delta") for state, signal in eeg.items()}
    assert max(delta, key=delta.get) == "4"
    assert delta["4"] > delta["3"] > 3 * delta["2"]
    assert delta["2"] > 1.5 * delta["R"]


@pytest.mark.slow
def test_alpha_stands_out_at_the_back_when_eyes_close(eeg):
    peak = power(eeg["closed"][PZ], 9, 11)
    assert peak > 1.5 * power(eeg["closed"][PZ], 6, 7.5)
    assert peak > 2 * power(eeg["2"][PZ], 9, 11)


@pytest.mark.slow
def test_spindles_raise_sigma_in_stage_2_alone(eeg):
    bump = {
        state: power(signal[FPZ], 12.5, 13.7) / power(signal[FPZ], 16, 18)
        for state, signal in eeg.items()
    }
    assert bump["2"] > 2 * bump["R"]
    assert bump["2"] > 1.5 * bump["1"]


def test_spindles_come_at_their_rate():
    eeg = np.zeros((3, 60 * 30 * SFREQ), np.float32)
    add_waves(eeg, PERSON, in_state("2"), np.random.default_rng(4))
    sos = butter(4, [11, 16], "band", fs=SFREQ, output="sos")
    envelope = np.abs(sosfiltfilt(sos, eeg[FPZ])).reshape(-1, 50).max(axis=1) > 5
    bursts = np.sum(envelope[1:] & ~envelope[:-1]) / 30
    assert bursts == pytest.approx(PERSON.spindles_per_min, rel=0.35)


def test_rem_sleep_has_rapid_eye_movements_and_stage_2_has_none():
    moves = {}
    for state in ("R", "2"):
        eeg = np.zeros((3, 60 * 30 * SFREQ), np.float32)
        add_waves(eeg, PERSON, in_state(state), np.random.default_rng(5))
        moves[state] = np.mean(np.abs(np.diff(eeg[EOG])) > 5)
    assert moves["R"] > 20 * max(moves["2"], 1e-6)


@pytest.mark.slow
def test_stage_1_has_slow_rolling_eyes(eeg):
    assert power(eeg["1"][EOG], 0.2, 0.8) > 2 * power(eeg["1"][FPZ], 0.2, 0.8)


def test_blinks_are_seen_at_the_front_only(eeg):
    front, back = (np.percentile(eeg["open"][channel], 99.5) for channel in (FPZ, PZ))
    assert front > 2 * back


def test_slow_waves_at_the_front_are_shared_with_the_back(eeg):
    assert 0.2 < np.corrcoef(eeg["4"][FPZ], eeg["4"][PZ])[0, 1] < 0.8


def test_stages_are_as_strong_as_in_real_nights(eeg):
    # ln µV²/Hz, medians of ten real nights; within a factor of 1.5.
    real = {"2": (3.66, 1.57, 0.36, -0.93), "R": (2.58, 1.09, -0.24, -1.73)}
    for state, wanted in real.items():
        epochs = eeg[state][FPZ].reshape(-1, 3000)
        freqs, psd = welch(epochs, SFREQ, nperseg=400)
        for name, value in zip(BANDS_HZ, wanted, strict=False):
            low, high = BANDS_HZ[name]
            inside = psd[:, (freqs >= low) & (freqs <= high)].mean(axis=1)
            assert np.median(np.log(inside)) == pytest.approx(value, abs=0.4), (state, name)


def test_the_spectrum_goes_through_the_given_band_powers():
    freqs = np.array([1.2, 5.5, 10.0, 20.0, 39.0])
    levels = np.array([[3.0, 1.0, 0.5, -1.0, -3.0]])
    spectrum = log_spectra(levels, freqs)[0]
    assert spectrum[1:] == pytest.approx(levels[0, 1:], abs=0.05)
    assert spectrum[0] == pytest.approx(3.0, abs=0.2)  # the high-pass begins to bite


def test_the_interpolating_weights_sum_to_one():
    assert hats(np.linspace(0, 50, 101)).sum(axis=0) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["sleep", "wake"])
def test_the_scatter_is_standard_normal_and_alike_between_channels(kind):
    noise = band_noise(20_000, kind, rng=np.random.default_rng(0))
    assert noise.std(axis=0) == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(noise[:, 0, 0], noise[:, 1, 0])[0, 1] == pytest.approx(0.7, abs=0.03)


@pytest.mark.slow
def test_remembered_noise_keeps_its_variance_and_its_memory():
    noise = remembered(np.random.default_rng(0).standard_normal((50_000, 1)), 0.8)[:, 0]
    assert noise.std() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(0.8, abs=0.02)


def test_muscle_tone_falls_from_wake_to_rem_sleep():
    tone = {s: muscle_tone(PERSON, in_state(s), np.random.default_rng(0)).mean() for s in STATES}
    assert tone["open"] > tone["closed"] > tone["1"] > tone["2"] > tone["4"] > tone["R"]


def test_the_muscle_envelope_stays_in_the_recorder_range():
    tone = muscle_tone(PERSON, in_state("open"), np.random.default_rng(0))
    assert tone.min() > 0
    assert tone.max() <= 5


def test_the_raw_emg_has_the_envelope_as_its_mean_rectified_value():
    envelope = np.repeat([1.0, 4.0], 200)
    emg = muscle_noise(envelope, sfreq=100, rng=np.random.default_rng(0))
    means = np.abs(emg).reshape(2, -1).mean(axis=1)
    assert means == pytest.approx([1.0, 4.0], rel=0.03)


def test_breath_is_at_a_quarter_of_a_hertz_in_quiet_sleep():
    freqs, psd = welch(breath(in_state("2"), np.random.default_rng(0)), 1.0, nperseg=256)
    assert freqs[psd.argmax()] == pytest.approx(0.25, abs=0.02)


def test_temperature_falls_in_the_night_and_stays_human():
    course = temperature(9 * 3600, np.random.default_rng(0))
    assert course[0] - course.min() > 0.3
    assert course.min() > 35.5
    assert course.max() < 38


def test_movements_touch_all_channels_at_once():
    eeg = np.zeros((3, 60 * 30 * SFREQ), np.float32)
    add_movements(eeg, in_state("open"), np.random.default_rng(0))
    moved = np.abs(eeg) > 0
    assert 0.02 < moved[FPZ].mean() < 0.3
    assert moved[FPZ].mean() == pytest.approx(moved[EOG].mean(), rel=0.05)


def test_deep_sleep_has_no_movements():
    eeg = np.zeros((3, 60 * 30 * SFREQ), np.float32)
    add_movements(eeg, in_state("4"), np.random.default_rng(0))
    assert not eeg.any()


@pytest.mark.slow
def test_electrodes_come_off_one_channel_at_a_time():
    rng = np.random.default_rng(0)
    hours = 200
    eeg = np.ones((3, hours * 3600 * SFREQ // 10), np.float32)
    loosen_electrodes(eeg, rng)
    off = eeg != 1
    assert 0 < off.mean() < 0.02
    assert not np.any(off.all(axis=0))
    assert np.any(eeg == 0)
    assert np.abs(eeg).max() > 100


def test_all_signals_of_a_night_have_its_length():
    stages = np.repeat(list("W12R"), 5)
    night = Night(stages, stages, 0, 5)
    signals = draw_signals(PERSON, night, np.random.default_rng(0))
    assert signals.eeg.shape == (3, 20 * 30 * SFREQ)
    assert {len(signals.emg), len(signals.respiration), len(signals.temperature)} == {600}
    assert np.isfinite(signals.eeg).all()
