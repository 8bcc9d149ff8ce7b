import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from builders import sine
from epochal.options.quality import FAULTS, KIND_LIMITS, QualityOptions
from epochal.signals import quality
from epochal.signals.quality import assess, flag_epochs

OPTIONS = QualityOptions()
SFREQ = 100.0
NONE = {fault: [False] for fault in FAULTS}


def pink(n_samples=3000, *, seed=0, sd=20.0):
    """Return noise with a spectrum as steep as that of EEG."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=n_samples))
    slowed = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 15), n_samples)
    return sd * slowed / slowed.std()


EEG = pink()


def flags(*windows, kind="eeg", sfreq=SFREQ, **changed):
    options = OPTIONS.model_copy(update=changed)
    found = flag_epochs(np.stack(windows), sfreq, kind=kind, options=options)
    return {fault: values.tolist() for fault, values in found.items()}


def faults_of(window, **given_):
    return {fault for fault, found in flags(window, **given_).items() if found[0]}


def sqi(window, *, kind="eeg", sfreq=SFREQ):
    return float(assess(np.stack([window]), sfreq, kind=kind, options=OPTIONS).sqi[0])


def with_part(window, start_s, part, *, sfreq=SFREQ):
    changed = np.array(window, dtype=float)
    first = round(start_s * sfreq)
    changed[first : first + len(part)] += part
    return changed


def sway(amplitude, *, length_s=3.0, hz=1.5, sfreq=SFREQ):
    wave = sine(hz, length_s=length_s, sfreq=sfreq, amplitude=amplitude)
    return wave * np.hanning(len(wave))


def decay(size, *, tau_s=0.3, length_s=2.0, sfreq=SFREQ):
    return size * np.exp(-np.arange(round(length_s * sfreq)) / sfreq / tau_s)


def test_an_ordinary_epoch_has_no_fault():
    assert flags(EEG) == NONE
    assert flags(EEG + sine(10.3, amplitude=20.0)) == NONE


@pytest.mark.parametrize("level", [0.0, -187.5])
def test_a_flat_epoch_is_flat_at_any_level_and_nothing_else(level):
    assert faults_of(np.full(3000, level)) == {"flat"}


def test_a_lead_that_comes_off_for_a_tenth_of_the_epoch_is_flat():
    loose = EEG.copy()
    loose[500:900] = 0.3 * np.sin(np.arange(400))  # amplifier noise of less than 1 uV
    assert "flat" in faults_of(loose)
    loose[500:600] = EEG[500:600]
    loose[700:900] = EEG[700:900]
    assert "flat" not in faults_of(loose)


def test_how_flat_is_flat_is_an_option():
    assert "flat" not in faults_of(EEG / 2)
    assert "flat" in faults_of(EEG / 2, flat_span=60.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_sample_that_is_no_number_makes_an_epoch_missing_and_nothing_else(value):
    holed = EEG.copy()
    holed[7] = value
    assert faults_of(holed) == {"missing"}
    assert faults_of(np.full(3000, value)) == {"missing"}
    assert sqi(holed) == 0


def test_a_missing_epoch_says_nothing_of_its_neighbours():
    found = flags(EEG, np.full(3000, np.nan), EEG)
    assert found["missing"] == [False, True, False]
    assert not any(any(found[fault]) for fault in FAULTS if fault != "missing")


def test_a_clipped_amplifier_is_saturated():
    low, high = np.quantile(EEG, [0.05, 0.95])
    assert "saturated" in faults_of(np.clip(EEG, low, high))
    assert "saturated" not in faults_of(np.clip(EEG, low, high), saturated_share=0.12)


@pytest.mark.parametrize("sign", [-1, 1])
def test_clipping_on_one_side_is_enough(sign):
    assert "saturated" in faults_of(sign * np.minimum(EEG, np.quantile(EEG, 0.9)))


@pytest.mark.parametrize("n_samples", [16, 25, 39, 80])
def test_a_short_window_is_not_saturated_by_its_own_maximum(n_samples):
    assert "saturated" not in faults_of(EEG[:n_samples])


def test_a_short_window_can_be_clipped():
    assert "saturated" in faults_of(np.minimum(EEG[:39], np.quantile(EEG[:39], 0.7)))


def test_a_swing_of_the_body_is_a_motion_burst():
    assert faults_of(with_part(EEG, 10, sway(300.0))) == {"motion_burst"}


def test_large_slow_waves_throughout_are_no_burst():
    assert flags(EEG + sine(1.0, amplitude=100.0)) == NONE


def test_a_k_complex_is_no_fault():
    assert flags(with_part(EEG, 10, sway(90.0, length_s=1.2, hz=1.0))) == NONE


def test_a_jump_that_decays_is_a_pop():
    assert faults_of(with_part(EEG, 10, decay(150.0))) == {"pop"}


def test_a_spike_that_is_over_at_once_is_no_pop():
    spike = 150.0 * np.hanning(7)
    assert "pop" not in faults_of(with_part(EEG, 10, spike))


def test_a_saccade_is_slower_than_a_pop():
    rise = np.minimum(1, np.arange(150) / 6) * decay(1.0, length_s=1.5)
    assert "pop" not in faults_of(with_part(EEG, 10, 120.0 * rise), kind="eog")


@pytest.mark.parametrize(("mains_hz", "sfreq"), [(50, 256), (60, 256), (60, 128), (60, 100)])
def test_mains_are_line_noise_also_where_sampling_folds_them(mains_hz, sfreq):
    clean = pink(30 * sfreq)
    hum = 20.0 * np.sin(2 * np.pi * mains_hz * np.arange(len(clean)) / sfreq)
    assert faults_of(clean, sfreq=sfreq) == set()
    assert faults_of(clean + hum, sfreq=sfreq) == {"line_noise"}


def test_muscle_around_the_mains_is_no_line():
    noise = np.random.default_rng(1).normal(0, 60, 30 * 256)
    assert "line_noise" not in faults_of(noise, kind="emg", sfreq=256.0)


def test_a_fast_twitch_of_muscle_is_no_motion():
    random = np.random.default_rng(2)
    twitch = with_part(random.normal(0, 20, 3000), 10, random.normal(0, 300, 200))
    assert "motion_burst" not in faults_of(twitch, kind="emg")
    assert "motion_burst" in faults_of(with_part(twitch, 20, sway(2000.0)), kind="emg")


def eda(level=0.5):
    random = np.random.default_rng(0)
    return level * (1 + 0.05 * np.sin(np.arange(240) / 40)) + random.normal(0, 5e-4, 240)


def test_conductance_that_drops_and_returns_is_motion():
    assert flags(eda(), kind="eda", sfreq=4.0) == NONE
    lifted = eda()
    lifted[100:104] *= 0.5
    assert "motion_burst" in faults_of(lifted, kind="eda", sfreq=4.0)


def test_a_skin_conductance_response_is_no_fault():
    time_s = np.arange(240) / 4
    rise = np.where(time_s < 20, 0, (1 - np.exp(-(time_s - 20))) * np.exp(-(time_s - 20) / 15))
    assert flags(eda() + 0.3 * rise, kind="eda", sfreq=4.0) == NONE


def test_conductance_near_a_fast_change_counts_for_nothing():
    lifted = eda()
    lifted[100:104] *= 0.5
    # ±5 s around the fall (1 s ahead of it, until the return) of 60 s
    assert sqi(lifted, kind="eda", sfreq=4.0) == pytest.approx(1 - 12 / 60, abs=0.05)
    assert sqi(eda(), kind="eda", sfreq=4.0) == 1
    assert sqi(np.full(240, 0.001), kind="eda", sfreq=4.0) == 0  # not worn


def test_temperature_that_jumps_is_a_pop_and_a_constant_one_is_well():
    constant = np.full(240, 33.1)
    assert flags(constant, kind="temperature", sfreq=4.0) == NONE
    assert faults_of(with_part(constant, 30, np.full(120, -2.0), sfreq=4.0),
                     kind="temperature", sfreq=4.0) == {"pop"}  # fmt: skip
    assert sqi(constant, kind="temperature", sfreq=4.0) == 1
    assert sqi(constant - 30, kind="temperature", sfreq=4.0) == 0


def test_a_wrist_at_rest_is_neither_flat_nor_saturated():
    at_rest = np.where(np.random.default_rng(0).random(1920) < 0.95, -63 / 64, -62 / 64)
    at_rest[100:400] += 0.4 * np.abs(sine(1.0, length_s=300 / 32, sfreq=32.0))
    assert flags(at_rest, kind="acceleration", sfreq=32.0) == NONE


def test_an_accelerometer_at_its_range_is_saturated():
    shaken = 3.0 * sine(1.3, length_s=60.0, sfreq=32.0)
    assert "saturated" in faults_of(np.clip(shaken, -2, 127 / 64), kind="acceleration", sfreq=32.0)
    assert faults_of(np.full(1920, 0.5), kind="acceleration", sfreq=32.0) == {"flat"}


def test_only_the_faults_that_are_asked_for_are_looked_for():
    assert list(flags(EEG, faults=("pop", "missing"))) == ["missing", "pop"]


def test_a_limit_is_an_option():
    sensitive = QualityOptions(limits={"eeg": {"pop_least": 10, "pop_ratio": 5}})
    popped = np.stack([with_part(EEG, 10, decay(35.0))])
    assert flag_epochs(popped, SFREQ, kind="eeg", options=OPTIONS)["pop"].tolist() == [False]
    assert flag_epochs(popped, SFREQ, kind="eeg", options=sensitive)["pop"].tolist() == [True]


def test_the_reference_may_be_the_whole_recording():
    quiet = np.stack([pink(seed=seed) for seed in range(6)])
    unrest = EEG + np.tile(sway(300.0, length_s=2.0), 15)  # a burst as long as the window
    windows = np.vstack([quiet, unrest])
    own = flag_epochs(windows, SFREQ, kind="eeg", options=OPTIONS)["motion_burst"]
    options = OPTIONS.model_copy(update={"reference": "recording"})
    held = flag_epochs(windows, SFREQ, kind="eeg", options=options)["motion_burst"]
    assert own.tolist() == [False] * 7
    assert held.tolist() == [False] * 6 + [True]


def test_no_epochs_have_no_faults():
    found, index = assess(np.empty((0, 3000)), SFREQ, kind="eeg", options=OPTIONS)
    assert {fault: values.shape for fault, values in found.items()} == dict.fromkeys(FAULTS, (0,))
    assert index.shape == (0,)


def test_epochs_without_samples_are_missing():
    found, index = assess(np.empty((2, 0)), SFREQ, kind="eeg", options=OPTIONS)
    assert found["missing"].tolist() == [True, True]
    assert index.tolist() == [0, 0]


def test_whole_numbers_are_as_good_as_any():
    counts = np.round(3 * EEG).astype(np.int16)
    assert flags(counts) == flags(counts.astype(float)) == NONE


def test_blocks_change_nothing(monkeypatch):
    windows = np.stack([pink(1000, seed=seed) for seed in range(9)])
    windows[3, 5] = np.nan
    windows[4, 200:600] = 0
    whole = assess(windows, SFREQ, kind="eeg", options=OPTIONS)
    monkeypatch.setattr(quality, "BLOCK_SAMPLES", 2000)
    parts = assess(windows, SFREQ, kind="eeg", options=OPTIONS)
    assert all((whole.flags[fault] == parts.flags[fault]).all() for fault in FAULTS)
    assert np.allclose(whole.sqi, parts.sqi)


KINDS = st.sampled_from(sorted(KIND_LIMITS))
RATES = st.sampled_from([0.5, 1.0, 4.0, 32.0, 64.0, 100.0, 256.0])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    windows=st.sampled_from([np.float32, np.float64]).flatmap(
        lambda dtype: arrays.arrays(
            dtype,
            st.tuples(st.integers(0, 3), st.integers(0, 400)),
            elements={"allow_nan": True, "allow_infinity": True},
            fill=st.sampled_from([0.0, 1.5, np.nan, np.inf, -3e38]).map(dtype),
        )
    ),
    kind=KINDS,
    sfreq=RATES,
    reference=st.sampled_from(["window", "recording"]),
)
def test_whatever_the_samples_flags_are_bool_and_the_index_lies_between_0_and_1(
    windows, kind, sfreq, reference
):
    options = OPTIONS.model_copy(update={"reference": reference})
    found, index = assess(windows, sfreq, kind=kind, options=options)
    for fault in FAULTS:
        assert found[fault].dtype == bool
        assert found[fault].shape == (len(windows),)
    assert index.shape == (len(windows),)
    assert ((index >= 0) & (index <= 1)).all()
    assert (index[found["missing"]] == 0).all()


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    kind=KINDS,
    seed=st.integers(0, 2**16),
    reference=st.sampled_from(["window", "recording"]),
)
def test_no_flag_and_no_index_knows_when_its_epoch_was(kind, seed, reference):
    random = np.random.default_rng(seed)
    windows = random.normal(0, np.exp(random.uniform(-2, 6, (7, 1))), (7, 640))
    windows[random.integers(7), random.integers(640)] = np.nan
    order = random.permutation(7)
    options = OPTIONS.model_copy(update={"reference": reference})
    here = assess(windows, 64.0, kind=kind, options=options)
    there = assess(windows[order], 64.0, kind=kind, options=options)
    assert np.allclose(here.sqi[order], there.sqi)
    assert all((here.flags[fault][order] == there.flags[fault]).all() for fault in FAULTS)


def test_a_clipped_ecg_is_found_though_its_baseline_lies_near_the_clip():
    time_s = np.arange(50 * 200) / 200
    beats = np.where((time_s % 0.8) < 0.04, 800.0, 0.0)  # a span that is all QRS
    ecg = np.round(beats + np.random.default_rng(0).normal(0, 5, len(time_s)), 1)
    clipped = np.maximum(ecg, np.quantile(ecg, 0.2))
    found = flag_epochs(np.stack([ecg, clipped]), 200.0, kind="ecg", options=QualityOptions())
    assert found["saturated"].tolist() == [False, True]
