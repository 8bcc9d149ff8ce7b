from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from builders import make_channel, make_ingestion, make_recording, sine
from epochal.errors import RecordingError
from epochal.features import prepare_inputs
from epochal.options.features import FeatureOptions
from epochal.options.network_inputs import QUALITY, SignalInputOptions
from epochal.signals.epoching import index_epochs


def make_options(**signal) -> FeatureOptions:
    given = {"channels": ["EEG"], "normalise": "none"} | signal
    return FeatureOptions(network_inputs={"signal": given})


def epochs_of(recording) -> pd.DataFrame:
    return index_epochs(recording, make_ingestion())


def prepare(recording, **signal):
    return prepare_inputs(recording, epochs_of(recording), make_options(**signal))


def test_windows_are_the_epochs_of_the_channels_in_the_order_asked_for():
    recording = make_recording(
        make_channel("EEG", sine(1, length_s=120)), make_channel("EMG", sine(2, length_s=120))
    )
    inputs = prepare(recording, channels=["EMG", "EEG"])
    assert inputs.arrays["signal"].shape == (4, 2, 3000)
    np.testing.assert_allclose(inputs.arrays["signal"][0, 1], sine(1), atol=1e-6)
    assert (inputs.sfreq, inputs.channels) == (100.0, ("EMG", "EEG"))


def test_channels_of_several_rates_come_at_one():
    recording = make_recording(
        make_channel("EEG"), make_channel("EMG", sine(0.1, length_s=120, sfreq=4), sfreq=4)
    )
    inputs = prepare(recording, channels=["EEG", "EMG"], sfreq=50)
    assert inputs.arrays["signal"].shape == (4, 2, 1500)
    with pytest.raises(RecordingError, match="have the rates"):
        prepare(recording, channels=["EEG", "EMG"])


def test_a_missing_channel_is_refused_unless_it_is_optional():
    recording = make_recording(make_channel("EEG"))
    with pytest.raises(RecordingError, match="no channel 'EMG'"):
        prepare(recording, channels=["EEG", "EMG"])
    inputs = prepare(recording, channels=["EEG", "EMG"], optional=["EMG"])
    assert (inputs.arrays["signal"][:, 1] == 0).all()
    assert inputs.known.all()


def test_a_session_is_centred_and_scaled_and_its_outliers_are_cut():
    data = 5.0 + 3.0 * np.random.default_rng(0).standard_normal(12000)
    data[100] = 1e6
    inputs = prepare(make_recording(make_channel(data=data)), normalise="session", clip=10)
    windows = inputs.arrays["signal"]
    assert np.median(windows) == pytest.approx(0, abs=0.02)
    assert windows[1:].std() == pytest.approx(1, abs=0.05)
    assert windows.max() == 10.0
    assert inputs.looks_ahead


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_a_session_is_scaled_whatever_its_unit(unit):
    data = unit * (5.0 + 3.0 * np.random.default_rng(0).standard_normal(12000))
    windows = prepare(make_recording(make_channel(data=data)), normalise="session").arrays["signal"]
    assert windows.std() == pytest.approx(1, abs=0.05)


def test_a_flat_session_is_zeros():
    flat = make_recording(make_channel(data=np.full(12000, 40.0)))
    assert not prepare(flat, normalise="session").arrays["signal"].any()


def test_without_normalisation_amplitudes_stay_and_nothing_looks_ahead():
    inputs = prepare(make_recording(make_channel(data=np.full(12000, 40.0))))
    assert (inputs.arrays["signal"] == 40.0).all()
    assert not inputs.looks_ahead


def test_the_band_of_a_single_channel_is_its_own():
    slow, fast = sine(2, length_s=120), sine(20, length_s=120)
    recording = make_recording(make_channel("EEG", slow + fast), make_channel("EMG", slow + fast))
    inputs = prepare(
        recording, channels=["EEG", "EMG"], bands_hz={"EEG": [None, 8], "EMG": [10, None]}
    )
    eeg, emg = inputs.arrays["signal"][1]
    np.testing.assert_allclose(eeg[500:-500], slow[3500:5500], atol=0.05)
    np.testing.assert_allclose(emg[500:-500], fast[3500:5500], atol=0.05)


def test_an_epoch_without_a_sample_is_not_known():
    data = sine(1, length_s=120)
    data[3000:6000] = np.nan
    inputs = prepare(make_recording(make_channel(data=data)), normalise="session")
    assert inputs.known.tolist() == [True, False, True, True]
    assert np.isnan(inputs.arrays["signal"][1]).all()
    assert np.isfinite(inputs.arrays["signal"][inputs.known]).all()


def test_a_filter_of_the_windows_looks_ahead_unless_it_is_causal():
    given = {"network_inputs": {"signal": {"channels": ["EEG"], "band_hz": [0.5, 20]}}}
    assert FeatureOptions(**given).looks_ahead
    assert not FeatureOptions(**given, filters="causal").looks_ahead
    plain = {"network_inputs": {"signal": {"channels": ["EEG"]}}}
    assert not FeatureOptions(**plain).looks_ahead


def test_the_middle_of_the_epoch_alone_can_be_seen():
    data = np.arange(12000, dtype=np.float32)
    inputs = prepare(make_recording(make_channel(data=data)), window_s=10)
    np.testing.assert_array_equal(inputs.arrays["signal"][0, 0], data[1000:2000])


def test_quality_flags_are_a_channel_where_they_are_wanted():
    recording = make_recording(make_channel())
    epochs = epochs_of(recording).assign(quality_flat=[False, True, False, False])
    inputs = prepare_inputs(recording, epochs, make_options(quality_channel=True))
    flags = inputs.arrays["signal"][:, 1]
    assert flags.mean(axis=1).tolist() == [0.0, 1.0, 0.0, 0.0]
    assert inputs.channels == ("EEG", QUALITY)


def test_windows_that_a_recording_brings_are_taken_as_they_are():
    brought = np.random.default_rng(0).standard_normal((4, 1250)).astype(np.float32)
    table = pd.DataFrame(
        {"onset_s": np.arange(4) * 10.0, "length_s": 10.0, "run": 0, "label": None}
    )
    recording = make_recording(arrays={"windows": brought}, table=table, metadata={"sfreq": 125.0})
    options = FeatureOptions(network_inputs={"signal": {"array": "windows", "normalise": "none"}})
    inputs = prepare_inputs(recording, epochs_of(recording), options)
    np.testing.assert_array_equal(inputs.arrays["signal"][:, 0], brought)
    assert inputs.sfreq == 125.0


def test_spectrograms_are_log_power_averaged_in_blocks():
    power = np.full((4, 4, 100, 300), 1000.0, dtype=np.float32)
    power[1] = np.nan
    table = pd.DataFrame(
        {"onset_s": np.arange(4) * 50.0, "length_s": 50.0, "run": 0, "label": None}
    )
    recording = make_recording(arrays={"spectrogram": power}, table=table)
    options = FeatureOptions(network_inputs={"spectrogram": {"every": [4, 6]}})
    inputs = prepare_inputs(recording, epochs_of(recording), options)
    assert inputs.arrays["spectrogram"].shape == (4, 4, 25, 50)
    np.testing.assert_allclose(inputs.arrays["spectrogram"][0], 3.0, rtol=1e-5)
    assert inputs.known.tolist() == [True, False, True, True]


@pytest.mark.parametrize(
    "given",
    [{}, {"channels": ["EEG"], "array": "windows"}, {"channels": ["EEG"], "optional": ["EMG"]}],
)
def test_an_input_names_one_source_and_no_stranger(given):
    with pytest.raises(ValidationError, match=r"an input names|not among"):
        SignalInputOptions(**given)
