import numpy as np
import pytest

from builders import make_bundle
from epochal.errors import EpochalError
from epochal.serving.harmful_bodies import UNREAD, make_harmful_eeg
from epochal.serving.messages.requests import Matrix, Sample
from epochal.serving.payloads import as_array, make_features, make_recording
from rest_material import N_EEG, eeg, icu_bundle

MANIFEST, ICU = make_bundle().manifest, icu_bundle().manifest


def sample(**given):
    return Sample(**{"sfreq": 100.0, **given})


def test_a_row_rows_and_a_matrix_give_one_table():
    wanted = make_features([{"a": 1.0, "b": None}, {"a": 2.0, "b": 3.0}])
    matrix = make_features(Matrix(columns=["a", "b"], rows=[[1.0, None], [2.0, 3.0]]))
    assert wanted.equals(matrix)
    assert wanted.to_numpy().tolist()[1] == [2.0, 3.0]
    assert np.isnan(wanted.loc[0, "b"])
    assert make_features({"a": 1.0}).to_dict("list") == {"a": [1.0]}


def test_a_column_that_only_some_rows_have_is_missing_in_the_others():
    table = make_features([{"a": 1.0}, {"b": 2.0}])
    assert table["a"].isna().tolist() == [False, True]
    assert table["b"].isna().tolist() == [True, False]


def test_a_number_beyond_float32_is_refused_with_its_place():
    with pytest.raises(EpochalError, match="Row 1, column 'a': too large"):
        make_features([{"a": 1.0}, {"a": 1e39}])


def test_signals_become_channels_in_microvolts():
    given = make_recording(sample(signals={"EEG": [1.0, None, 3.0]}, unit="mV"), MANIFEST)
    (channel,) = given.recording.channels
    assert (channel.unit, channel.sfreq) == ("uV", 100.0)
    assert channel.data[[0, 2]].tolist() == [1000.0, 3000.0]
    assert np.isnan(channel.data[1])


def test_a_unit_is_of_the_electrodes_alone():
    given = make_recording(
        sample(signals={"EDA": [1.0], "ACC x": [1.0], "EEG": [1.0]}, unit="V"), MANIFEST
    )
    found = {one.name: (one.unit, float(one.data[0])) for one in given.recording.channels}
    assert found == {"EDA": ("uS", 1.0), "ACC x": ("g", 1.0), "EEG": ("uV", 1e6)}


def test_age_and_sex_reach_the_recording():
    given = make_recording(sample(signals={"EEG": [1.0]}, age=40.0, sex="M"), MANIFEST)
    assert given.recording.metadata == {"age": 40.0, "sex": "M"}


def test_what_is_said_to_be_simulated_stays_so():
    given = make_recording(sample(signals={"EEG": [1.0]}, data_source="simulated"), MANIFEST)
    assert given.recording.data_source == "simulated"


def test_each_channel_may_have_its_rate():
    signals = {"EEG": [0.0] * 300, "EMG": [0.0] * 30}
    given = make_recording(Sample(signals=signals, sfreq={"EEG": 10.0, "EMG": 1.0}), MANIFEST)
    assert [one.end_s for one in given.recording.channels] == [30.0, 30.0]


def test_channels_of_unequal_length_are_refused_with_both():
    with pytest.raises(EpochalError, match=r"'EMG' lasts 15 s .* 'EEG' 30 s"):
        make_recording(sample(signals={"EEG": [0.0] * 3000, "EMG": [0.0] * 1500}), MANIFEST)


@pytest.mark.parametrize(
    ("rates", "said"), [({"EMG": 1.0}, "no rate for 'EEG'"), ({"EEG": 1.0, "X": 1.0}, "for 'X'")]
)
def test_rates_are_of_the_channels_that_are_sent(rates, said):
    with pytest.raises(EpochalError, match=said):
        make_recording(Sample(signals={"EEG": [0.0]}, sfreq=rates), MANIFEST)


def test_what_is_left_over_at_the_end_is_said():
    given = make_recording(sample(signals={"EEG": [0.0] * 4500}), MANIFEST)
    assert given.notes == ("15 s at the end are less than an epoch and were not scored.",)
    assert make_recording(sample(signals={"EEG": [0.0] * 6000}), MANIFEST).notes == ()


def test_a_sample_beyond_float32_is_refused():
    with pytest.raises(EpochalError, match="Channel 'EEG' holds too large"):
        make_recording(sample(signals={"EEG": [1e300]}), MANIFEST)


def test_ragged_lists_are_no_array():
    with pytest.raises(EpochalError, match="different lengths"):
        as_array([[1.0], [1.0, 2.0]])


@pytest.mark.parametrize("turned", [False, True])
def test_both_ways_to_lay_the_eeg_are_the_same_channels(turned):
    given = make_harmful_eeg(Sample(eeg_data=eeg(turned=turned)), ICU)
    names = given.recording.channel_names
    assert (names[0], names[-1], len(names)) == ("Fp1", "O2", 19)
    assert given.recording.channel("Fp1").data[0] == np.float32(eeg()[0][0])
    assert given.recording.channel("Fp1").sfreq == 200.0


def test_a_twentieth_channel_is_the_heart():
    given = make_harmful_eeg(Sample(eeg_data=[*eeg(), [0.0] * N_EEG]), ICU)
    assert given.recording.channel_names[-1] == "EKG"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([[0.0] * N_EEG] * 18, r"eeg_data is 18 x 10000; it must be 19 x 10000 or 10000 x 19"),
        ([[0.0] * 5000] * 19, r"eeg_data is 19 x 5000"),
        ([[0.0], [0.0, 1.0]], "different lengths"),
    ],
)
def test_eeg_of_another_shape_is_refused_with_both_shapes(data, said):
    with pytest.raises(EpochalError, match=said):
        make_harmful_eeg(Sample(eeg_data=data), ICU)


@pytest.mark.parametrize("turned", [False, True])
def test_a_spectrogram_is_the_four_regions_one_below_the_other(turned):
    power = np.repeat([1.0, 2.0, 3.0, 4.0], 100)[:, None] * np.ones(300)
    data = (power.T if turned else power).tolist()
    given = make_harmful_eeg(Sample(eeg_data=eeg(), spectrogram_data=data), ICU)
    found = given.recording.arrays["spectrogram"]
    assert found.shape == (1, 4, 100, 300)
    assert [set(region.ravel()) for region in found[0]] == [{1.0}, {2.0}, {3.0}, {4.0}]
    assert (given.notes, given.flags) == ((), ())


def test_a_picture_is_taken_but_not_used_and_said_so():
    picture = np.zeros((3, 224, 224)).tolist()
    given = make_harmful_eeg(Sample(eeg_data=eeg(), spectrogram_data=picture), ICU)
    assert given.recording.arrays == {}
    assert given.flags == (UNREAD,)
    assert "3 x 224 x 224 is a picture" in given.notes[0]


def test_eeg_alone_says_that_the_spectrogram_is_its_own():
    assert "computed from the EEG" in make_harmful_eeg(Sample(eeg_data=eeg()), ICU).notes[0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.ones((400, 299)), "spectrogram_data is 400 x 299; it must be 400 x 300"),
        (np.ones((3, 224, 223)), "spectrogram_data is 3 x 224 x 223"),
        (-np.ones((400, 300)), "cannot be negative"),
    ],
)
def test_another_spectrogram_is_refused(data, said):
    with pytest.raises(EpochalError, match=said):
        make_harmful_eeg(Sample(eeg_data=eeg(), spectrogram_data=data.tolist()), ICU)


def test_a_bundle_of_another_kind_takes_no_such_body():
    with pytest.raises(EpochalError, match="that of 'made' is for polysomnogram: send 'signals'"):
        make_harmful_eeg(Sample(eeg_data=eeg()), MANIFEST)
