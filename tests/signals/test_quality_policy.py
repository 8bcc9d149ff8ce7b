import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from builders import make_channel, make_epochs, make_ingestion, make_recording
from epochal import schemas
from epochal.errors import RecordingError
from epochal.options.quality import FAULTS, KIND_LIMITS, Limits, QualityOptions
from epochal.signals.epoching import index_epochs
from epochal.signals.quality import Assessment
from epochal.signals.quality_policy import (
    combine,
    describe_dropped,
    kind_of_channel,
    quality_features,
    withhold_labels,
)

OPTIONS = QualityOptions()


def assessment(**flags):
    n_epochs = len(flags["sqi"])
    found = {fault: np.array(flags.get(fault, [False] * n_epochs)) for fault in FAULTS}
    return Assessment(found, np.array(flags["sqi"], dtype=float))


TWO = {
    "EEG Fpz-Cz": assessment(flat=[True, False, False], sqi=[0.1, 0.9, 0.8]),
    "EOG horizontal": assessment(pop=[False, True, False], sqi=[0.7, 0.4, 1.0]),
}


@pytest.mark.parametrize(
    ("name", "unit", "sfreq", "kind"),
    [
        ("EEG Fpz-Cz", "uV", 100, "eeg"),
        ("C3-A2", "uV", 200, "eeg"),
        ("EOG horizontal", "uV", 100, "eog"),
        ("EMG submental", "uV", 200, "emg"),
        ("EMG submental", "uV", 1, "other"),  # the envelope of a cassette
        ("EKG", "uV", 200, "ecg"),
        ("BVP", "a.u.", 64, "bvp"),
        ("EDA", "uS", 4, "eda"),
        ("Skin", "uS", 4, "eda"),
        ("TEMP", "degC", 4, "temperature"),
        ("Temp rectal", "", 1, "temperature"),
        ("ACC x", "g", 32, "acceleration"),
        ("HR", "bpm", 1, "other"),
    ],
)
def test_a_channel_is_what_its_unit_or_its_name_says(name, unit, sfreq, kind):
    assert kind_of_channel(make_channel(name, unit=unit, sfreq=sfreq), OPTIONS) == kind


def test_what_the_options_say_of_a_channel_comes_first():
    options = QualityOptions(kinds={"EEG": "rodent_eeg"})
    assert kind_of_channel(make_channel("EEG"), options) == "rodent_eeg"


def test_a_fault_of_any_channel_flags_the_epoch_and_the_worst_index_stands():
    columns = combine(TWO, OPTIONS)
    assert list(columns) == [*[f"quality_{fault}" for fault in FAULTS], "sqi"]
    assert columns["quality_flat"].tolist() == [True, False, False]
    assert columns["quality_pop"].tolist() == [False, True, False]
    assert columns["sqi"].tolist() == [0.1, 0.4, 0.8]


def test_without_the_index_there_are_flags_alone():
    assert "sqi" not in combine(TWO, QualityOptions(index=False, policy="feature"))


def test_the_feature_policy_gives_a_column_per_fault_and_channel():
    columns = combine(TWO, QualityOptions(policy="feature"))
    features = quality_features(columns)
    assert list(features)[-2:] == ["sqi_eeg_fpz_cz", "sqi_eog_horizontal"]
    assert features["sqi_eog_horizontal"].tolist() == pytest.approx([0.7, 0.4, 1.0])
    assert features["quality_flat"].tolist() == [1, 0, 0]
    assert {values.dtype for values in features.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("policy", ["flag", "drop"])
def test_the_other_policies_make_no_features(policy):
    assert quality_features(combine(TWO, QualityOptions(policy=policy))) == {}


def test_dropping_withholds_the_labels_of_faulty_epochs_and_says_so():
    epochs = make_epochs(["W", "N2", None], n_subjects=1)
    epochs = pd.concat([epochs, combine(TWO, OPTIONS)], axis=1)
    kept = withhold_labels(epochs, QualityOptions(policy="drop"))
    assert kept["label"].isna().tolist() == [True, True, True]
    assert kept["quality_dropped"].tolist() == [True, True, False]  # the third had none to lose
    assert epochs["label"].tolist()[:2] == ["W", "N2"]  # what was given is as it was
    assert "2 of 2 labelled epochs (100.0%)" in describe_dropped(kept)


@pytest.mark.parametrize("policy", ["flag", "feature"])
def test_the_other_policies_keep_every_label(policy):
    epochs = pd.concat([make_epochs(["W", "N2", "W"], n_subjects=1), combine(TWO, OPTIONS)], axis=1)
    kept = withhold_labels(epochs, QualityOptions(policy=policy))
    pd.testing.assert_frame_equal(kept, epochs)
    assert describe_dropped(kept) == ""


def test_dropping_without_watched_channels_drops_nothing():
    epochs = make_epochs(["W", "N2"], n_subjects=1)
    pd.testing.assert_frame_equal(withhold_labels(epochs, QualityOptions(policy="drop")), epochs)


def index(recording, **quality):
    ingestion = make_ingestion(quality=QualityOptions(channels=("EEG",), **quality))
    return index_epochs(recording, ingestion)


@pytest.mark.slow
def test_the_epochs_of_a_recording_carry_flags_and_index():
    data = np.asarray(make_channel().data).copy() + np.random.default_rng(0).normal(0, 2, 12000)
    data[:3000] = 0
    epochs = index(make_recording(make_channel(data=data)))
    assert epochs["quality_flat"].tolist() == [True, False, False, False]
    assert epochs["sqi"].tolist()[0] == 0
    assert min(epochs["sqi"].tolist()[1:]) > 0.8
    schemas.epochs.validate(epochs)


def test_an_absent_channel_is_refused_or_missing_as_the_options_say():
    recording = make_recording(make_channel("EMG"))
    with pytest.raises(RecordingError, match="no channel 'EEG'; it has: EMG"):
        index(recording)
    epochs = index(recording, absent="missing")
    assert epochs["quality_missing"].all()
    assert not epochs["quality_flat"].any()
    assert (epochs["sqi"] == 0).all()


def test_what_is_given_of_a_kind_s_limits_changes_that_alone():
    options = QualityOptions(limits={"eeg": {"burst_ratio": 6}})
    assert options.limits_of("eeg") == KIND_LIMITS["eeg"].model_copy(update={"burst_ratio": 6})
    assert options.limits_of("eog") == KIND_LIMITS["eog"]


def test_options_survive_being_written_down():
    options = QualityOptions(kinds={"EEG": "rodent_eeg"}, limits={"eda": {"pop_ratio": None}})
    assert QualityOptions.model_validate_json(options.model_dump_json()) == options


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"limits": {"eeg": {"burst": 6}}}, "burst"),
        ({"limits": {"eeeg": {"burst_ratio": 6}}}, "eeeg"),
        ({"limits": {"eeg": {"flat_share": 2}}}, "flat_share"),
        ({"kinds": {"EEG": "brain"}}, "kinds.EEG"),
        ({"policy": "ignore"}, "policy"),
        ({"limits": 3}, "limits"),
    ],
)
def test_a_wrong_option_is_refused_by_name(given, named):
    with pytest.raises(ValidationError, match=named):
        QualityOptions(**given)


def test_every_limit_says_what_it_means():
    fields = [*Limits.model_fields.values(), *QualityOptions.model_fields.values()]
    assert all(field.description for field in fields)
