"""Whatever a MATLAB file holds, reading ends in a recording or in an error that names the file."""

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rodent_folders import mat_variables, write_mat

from epochal.errors import RecordingError
from epochal.readers import rodent
from epochal.recording import Recording

ARRAYS = st.sampled_from(
    [
        np.zeros((0, 0)), np.zeros(5), np.full(2000, np.nan), np.full(2000, 3.0),
        np.ones((2, 3, 4)),
        np.array([1j, 2j]), np.array([True, False]), np.array(["text"], dtype=object),
        np.array([1, 2, 3], dtype=np.int16), np.array([np.inf, 1.0]), 50 * np.sin(np.arange(2000)),
    ]
)  # fmt: skip
VALUES = st.one_of(ARRAYS, st.floats(), st.integers(-5, 500), st.text("ab", max_size=3))
NAMES = st.sampled_from(["EEG", "EMG", "ACC", "labels", "stages", "fs", "EEG_fs", "epochLength"])


def read_or_refuse(folder):
    options = rodent.Options(sfreq=100)
    (source,) = rodent.find(folder, options)
    try:
        return rodent.read(source, options)
    except RecordingError as error:
        return str(error)


@pytest.mark.slow
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(variables=st.dictionaries(NAMES, VALUES, min_size=1))
def test_any_variables_end_in_a_recording_or_a_named_error(tmp_path, variables):
    scipy.io.savemat(tmp_path / "m1.mat", variables)

    outcome = read_or_refuse(tmp_path)

    assert isinstance(outcome, Recording) or "m1" in outcome


@pytest.mark.parametrize("length_s", [np.nan, np.inf, -1.0, 1e305])
def test_a_length_that_no_epoch_has_is_refused(tmp_path, length_s):
    write_mat(tmp_path / "m1.mat", mat_variables(labels=np.full(2000, 3.0), epochLength=length_s))
    assert "not of up to a day" in read_or_refuse(tmp_path)


@pytest.mark.parametrize("rate_hz", [np.nan, np.inf, -1.0, 1e307])
def test_a_rate_that_no_signal_has_is_refused(tmp_path, rate_hz):
    scipy.io.savemat(tmp_path / "m1.mat", {"EEG": np.zeros(5), "fs": rate_hz})
    assert "m1.mat: a sampling rate of" in read_or_refuse(tmp_path)


@pytest.mark.parametrize("size", [0, 100, 1000, 20_000])
@pytest.mark.parametrize("version", ["v5", "v7.3"])
def test_a_truncated_file_is_refused(tmp_path, version, size):
    path = write_mat(tmp_path / "m1.mat", mat_variables(), version=version)
    path.write_bytes(path.read_bytes()[:size])

    outcome = read_or_refuse(tmp_path)

    assert isinstance(outcome, str)
    assert "m1.mat: " in outcome


def test_missing_samples_stay_missing(tmp_path):
    variables = mat_variables()
    variables["EEG"][100:200] = np.nan
    write_mat(tmp_path / "m1.mat", variables)
    (source,) = rodent.find(tmp_path, rodent.Options())

    eeg = rodent.read(source, rodent.Options()).channel("EEG").data

    assert np.isnan(eeg).sum() == 100


def test_infinite_samples_become_missing_and_are_reported(tmp_path):
    variables = mat_variables()
    variables["EEG"][100:103] = np.inf
    write_mat(tmp_path / "m1.mat", variables)

    recording = read_or_refuse(tmp_path)

    assert np.isnan(recording.channel("EEG").data).sum() == 3
    assert "channel 'EEG': 3 infinite samples are now missing" in recording.problems


def test_a_channel_without_a_finite_sample_is_refused(tmp_path):
    write_mat(tmp_path / "m1.mat", mat_variables(EEG=np.full(76_800, np.nan)))
    assert "channel 'EEG' holds no finite sample" in read_or_refuse(tmp_path)
