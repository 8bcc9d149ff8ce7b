import numpy as np
import pytest

from epochal.errors import EpochalError, RecordingError
from epochal.recording import Channel, Recording
from epochal.signals.montage import (
    DOUBLE_BANANA,
    Montage,
    apply_to_recording,
    apply_to_windows,
    derive,
)

TEN_TWENTY = [
    "Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz", "Fp2", "F4", "C4", "P4",
    "F8", "T4", "T6", "O2", "EKG",
]  # fmt: skip


def recording_of(**levels):
    """Each channel holds one constant, so that differences have known answers."""
    channels = [
        Channel(name.replace("_", "-"), "uV", 100.0, np.full(200, level, np.float32))
        for name, level in levels.items()
    ]
    return Recording("night", "somebody", tuple(channels))


def levels(recording):
    return {channel.name: float(channel.data[0]) for channel in recording.channels}


def test_the_double_banana_has_eighteen_derivations_and_keeps_the_ecg():
    windows = np.arange(20, dtype=np.float32)[None, :, None] * np.ones((2, 1, 5), np.float32)
    made, names = apply_to_windows(windows, TEN_TWENTY, Montage(bipolar="double banana"))
    assert names == [*(f"EEG {pair}" for pair in DOUBLE_BANANA), "EKG"]
    assert made.shape == (2, 19, 5)
    position = {name: index for index, name in enumerate(TEN_TWENTY)}
    assert (made[:, 0] == position["Fp1"] - position["F7"]).all()
    assert (made[:, 1] == position["F7"] - position["T3"]).all()
    assert (made[:, 18] == position["EKG"]).all()


def test_a_common_signal_vanishes_in_a_bipolar_montage():
    rng = np.random.default_rng(0)
    own, common = rng.normal(size=(3, 20, 50)), rng.normal(size=(3, 1, 50))
    montage = Montage(bipolar="double banana", keep="none")
    with_common, _ = apply_to_windows(own + common, TEN_TWENTY, montage)
    without, _ = apply_to_windows(own, TEN_TWENTY, montage)
    np.testing.assert_allclose(with_common, without, atol=1e-12)


def test_the_chain_of_a_bipolar_montage_adds_up():
    montage = Montage(bipolar=("Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp1-O1"), keep="none")
    rng = np.random.default_rng(1)
    made, names = apply_to_windows(rng.normal(size=(1, 20, 9)), TEN_TWENTY, montage)
    assert names[2] == "EEG T7-P7"
    np.testing.assert_allclose(made[:, :4].sum(axis=1), made[:, 4], atol=1e-12)


def test_a_nan_reaches_only_the_derivations_it_is_part_of():
    windows = np.ones((1, 20, 4))
    windows[0, TEN_TWENTY.index("O2")] = np.nan
    made, names = apply_to_windows(windows, TEN_TWENTY, Montage(bipolar="double banana"))
    spoilt = {name for name, row in zip(names, made[0], strict=True) if np.isnan(row).any()}
    assert spoilt == {"EEG P8-O2", "EEG P4-O2"}


def test_linked_mastoids_are_subtracted_and_dropped():
    recording = recording_of(C3=10, C4=20, A1=2, A2=4, ECG=7)
    made = apply_to_recording(recording, Montage(reference=("M1", "M2")))
    assert levels(made) == {"EEG C3-M1+M2": 7, "EEG C4-M1+M2": 17, "ECG": 7}


def test_one_mastoid_gives_the_derivation_its_usual_name():
    made = apply_to_recording(recording_of(C3=10, M2=4), Montage(reference=("A2",)))
    assert levels(made) == {"EEG C3-M2": 6}


def test_the_average_reference_leaves_out_the_mastoids_and_sums_to_zero():
    recording = recording_of(C3=10, C4=20, Oz=30, M1=500, EOG=1)
    made = levels(apply_to_recording(recording, Montage(reference="average")))
    assert made == {
        "EEG C3-AVG": -10,
        "EEG C4-AVG": 0,
        "EEG Oz-AVG": 10,
        "EEG M1-AVG": 480,
        "EOG": 1,
    }


def test_a_common_reference_cancels_in_a_difference():
    made = apply_to_recording(
        recording_of(F3_M2=8, C3_M2=3), Montage(bipolar=("F3-C3",), keep="none")
    )
    assert levels(made) == {"EEG F3-C3": 5}


def test_channels_with_different_references_are_refused():
    with pytest.raises(RecordingError, match=r"night: 'F3-C4' needs channels with one reference.*"):
        apply_to_recording(recording_of(F3_M2=8, C4_M1=3), Montage(bipolar=("F3-C4",)))
    with pytest.raises(EpochalError, match=r"C3-M2 \(M2\), C4-M1 \(M1\)"):
        derive(["C3-M2", "C4-M1"], Montage(reference="average"))


def test_a_derivation_that_was_recorded_is_taken_as_it_is():
    recording = recording_of(Fpz_Cz=11, Pz_Oz=12)
    made = apply_to_recording(recording, Montage(bipolar=("Fpz-Cz",), keep="none"))
    assert levels(made) == {"EEG Fpz-Cz": 11}


def test_an_empty_montage_changes_nothing():
    recording = recording_of(C3=1, ECG=2)
    assert levels(apply_to_recording(recording, Montage())) == {"C3": 1, "ECG": 2}


def test_what_is_kept_is_a_choice():
    recording = recording_of(C3=5, C4=2, ECG=9)
    kept = {
        keep: list(levels(apply_to_recording(recording, Montage(bipolar=("C3-C4",), keep=keep))))
        for keep in ("others", "all", "none")
    }
    assert kept == {
        "others": ["EEG C3-C4", "ECG"],
        "all": ["EEG C3-C4", "C3", "C4", "ECG"],
        "none": ["EEG C3-C4"],
    }


def test_a_missing_electrode_is_named_with_its_near_miss():
    with pytest.raises(EpochalError, match=r"No channel records from 'Fp1'; did you mean 'Fp2'\?"):
        derive(["Fp2", "O1"], Montage(bipolar=("Fp1-O1",)))


def test_two_channels_of_one_electrode_are_refused():
    with pytest.raises(EpochalError, match="Several channels record from T7: T3, T7"):
        derive(["T3", "T7", "O1"], Montage(bipolar=("T3-O1",)))


def test_a_single_electrode_is_no_bipolar_derivation():
    with pytest.raises(EpochalError, match="'Fp1' is no bipolar derivation"):
        derive(["Fp1"], Montage(bipolar=("Fp1",)))


def test_an_average_of_nothing_is_refused():
    with pytest.raises(EpochalError, match="No EEG electrode to average"):
        derive(["ECG", "EMG"], Montage(reference="average"))


def test_channels_of_different_rates_are_refused():
    channels = (
        Channel("F3", "uV", 100.0, np.zeros(100, np.float32)),
        Channel("C3", "uV", 200.0, np.zeros(200, np.float32)),
    )
    with pytest.raises(RecordingError, match="needs channels of one kind, not F3 100 Hz"):
        apply_to_recording(Recording("night", "x", channels), Montage(bipolar=("F3-C3",)))


def test_gaps_and_the_rest_of_the_recording_are_kept():
    data = np.full(200, np.nan, np.float32)
    data[:100] = 3
    channels = (
        Channel("F3", "uV", 100.0, data),
        Channel("C3", "uV", 100.0, np.ones(200, np.float32)),
    )
    recording = Recording("night", "x", channels, runs=((0.0, 1.0),), problems=("one gap",))
    made = apply_to_recording(recording, Montage(bipolar=("F3-C3",)))
    assert made.runs == ((0.0, 1.0),)
    assert made.problems == ("one gap",)
    assert made.channels[0].data.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(made.channels[0].data), np.isnan(data))
