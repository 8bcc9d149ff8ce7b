import numpy as np
import pytest
import scipy.io

from epochal.errors import RecordingError
from epochal.readers.mat_signals import (
    EPOCHS,
    RATES,
    find_labels_of,
    find_number,
    find_signals,
    load_variables,
    read_channels,
    read_codes,
)

WAVE = 40 * np.sin(np.arange(2000))


def channels(variables, wanted=None, **options):
    problems = []
    options = {"sfreq": 100.0, "unit": "uV", **options}
    found = read_channels(
        "x.mat", variables, wanted=wanted or find_signals("x.mat", variables),
        problems=problems, **options,
    )  # fmt: skip
    return {channel.name: channel for channel in found}, problems


@pytest.mark.parametrize("name", ["fs", "FS", "sampling_rate", "SamplingRate", "sample.rate", "sr"])
def test_a_rate_is_found_by_its_name_in_any_spelling(name):
    assert find_number({name: 128, "other": 3}, RATES) == 128.0


@pytest.mark.parametrize("name", ["epochLength", "epoch_length", "epochLen", "EpochDuration"])
def test_an_epoch_length_is_found_by_its_name_in_any_spelling(name):
    assert find_number({name: 2.5}, EPOCHS) == 2.5


def test_a_vector_is_no_number():
    assert find_number({"fs": np.array([1.0, 2.0])}, RATES) is None


def test_each_signal_may_have_a_rate_of_its_own():
    variables = {"EEG": WAVE, "EMG": WAVE, "ACC": WAVE, "fs": 100, "EMG_fs": 200, "fs_ACC": 25}
    found, _ = channels(variables)
    assert {name: one.sfreq for name, one in found.items()} == {"EEG": 100, "EMG": 200, "ACC": 25}


def test_the_files_rate_comes_before_the_options():
    assert channels({"EEG": WAVE, "fs": 256}, sfreq=100.0)[0]["EEG"].sfreq == 256.0


def test_signals_are_known_by_their_names():
    variables = {
        "EEG": WAVE,
        "emg_neck": WAVE,
        "accel": WAVE,
        "notes": "x",
        "labels": WAVE,
        "t": WAVE,
    }
    assert set(find_signals("x", variables)) == {"EEG", "emg_neck", "accel"}


def test_rows_of_a_matrix_are_numbered():
    assert list(find_signals("x", {"EEG": np.stack([WAVE, WAVE])})) == ["EEG1", "EEG2"]


def test_wanted_channels_may_be_any_variable():
    found, _ = channels({"a": WAVE, "b": 2 * WAVE}, wanted={"EEG": "b"})
    np.testing.assert_allclose(found["EEG"].data, 2 * WAVE, rtol=1e-6)


def test_a_wanted_channel_that_is_missing_is_named_with_what_there_is():
    with pytest.raises(RecordingError, match=r"x\.mat: no channel 'z'; it has: a, b"):
        channels({"a": WAVE, "b": WAVE, "fs": 100}, wanted={"EEG": "z"})


def test_a_wanted_channel_that_is_no_signal_is_refused():
    with pytest.raises(RecordingError, match="'a' holds str, not real numbers"):
        channels({"a": "text"}, wanted={"EEG": "a"})


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1.0), ("mV", 1e3), ("V", 1e6)])
def test_a_declared_unit_becomes_microvolts(unit, factor):
    found, problems = channels({"EEG": WAVE / factor}, unit=unit)
    np.testing.assert_allclose(found["EEG"].data, WAVE, rtol=1e-6)
    assert problems == []


def test_a_declared_unit_that_cannot_be_true_is_corrected_and_reported():
    found, problems = channels({"EEG": WAVE * 1e-6}, unit="uV")
    np.testing.assert_allclose(found["EEG"].data, WAVE, rtol=1e-6)
    assert "declared uV, but a typical amplitude" in problems[0]


def test_integers_become_float32():
    found, _ = channels({"EEG": WAVE.astype(np.int16)})
    assert found["EEG"].data.dtype == np.float32


def test_three_dimensions_are_refused():
    with pytest.raises(RecordingError, match="'EEG' has 3 dimensions"):
        channels({"EEG": np.ones((2, 3, 4))})


def test_labels_are_found_by_name():
    assert read_codes("x", {"labels": np.array([1.0, 2.0])}) == ["1", "2"]
    assert read_codes("x", {"Stages": ["W", "REM"]}) == ["W", "REM"]
    assert read_codes("x", {"EEG": WAVE}) is None


def test_labels_asked_for_by_name_must_be_there():
    with pytest.raises(RecordingError, match="no labels 'stage_b'; did you mean 'stage_a'"):
        read_codes("x", {"stage_a": np.ones(3)}, "stage_b")


def test_labels_of_one_animal_of_several_are_told_by_its_name():
    variables = {"labels_A1": np.ones(3), "labels_A2": np.ones(3)}
    assert find_labels_of("A2", variables, "x") == "labels_A2"
    assert find_labels_of("A2", {"EEG": WAVE}, "x") is None
    with pytest.raises(RecordingError, match="none of labels_A1, labels_A2 is 'labels_A3'"):
        find_labels_of("A3", variables, "x")


def test_the_fields_of_a_struct_stand_by_their_names(tmp_path):
    content = {"EEG": {"data": WAVE, "fs": 128.0}, "info": {"epochLength": 4.0, "rat": "A"}}
    scipy.io.savemat(tmp_path / "x.mat", content)
    variables = load_variables(tmp_path / "x.mat")
    assert set(variables) == {"EEG", "EEG_fs", "epochLength", "rat"}
    assert channels(variables)[0]["EEG"].sfreq == 128.0


def test_files_that_go_together_are_one(tmp_path):
    for name in ("EEG", "EMG"):
        scipy.io.savemat(tmp_path / f"{name}.mat", {name: WAVE})
    assert set(load_variables(tmp_path / "EEG.mat", [str(tmp_path / "EMG.mat")])) == {"EEG", "EMG"}
