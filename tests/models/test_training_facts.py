"""What a bundle says of its training: counts, channels, groups, confusions, libraries."""

import numpy as np
import pandas as pd
import pytest

from builders import (
    CLASSES,
    make_epochs,
    make_features,
    make_features_options,
    make_ingestion,
    make_predictions,
    make_splits,
)
from epochal.models.cross_fitting import join_table
from epochal.models.training_facts import (
    count_training,
    list_channels,
    list_confusions,
    list_libraries,
    list_rates,
    list_strata,
    name_figures,
)

EPOCHS = make_epochs(["W", "W", "N2", "N2", "REM", None], n_subjects=4)
SPLITS = make_splits(EPOCHS)
TABLE = join_table(make_features(EPOCHS), EPOCHS, SPLITS)
SUMMARY = pd.DataFrame(
    {
        "recording_id": ["r0", "r1", "r2", "r3"],
        "subject_id": ["s0", "s1", "s2", "s3"],
        "age": [20.0, 50.0, 90.0, 99.0],
        "sex": ["F", "M", "F", "M"],
        "site": None,
        "channels": [
            "EEG (100 Hz, uV), EMG submental (1 Hz, uV)", "EEG (256 Hz, uV)", None,
            "EEG (90 Hz, uV)",
        ],
    }
)  # fmt: skip


def test_training_is_counted_without_test_subjects_and_unlabelled_epochs():
    facts = count_training(TABLE, EPOCHS, SUMMARY, CLASSES)
    assert (facts.n_subjects, facts.n_recordings, facts.n_epochs) == (3, 3, 15)
    assert facts.epochs_per_class == {"W": 6, "N2": 6, "REM": 3}
    assert facts.age_years == (20.0, 50.0, 90.0)
    assert facts.subjects_per == {"sex": {"F": 2, "M": 1}}


def test_the_transitions_are_the_shares_of_the_next_epochs_class():
    """Each recording has W→W, W→N2, N2→N2, N2→REM once; every pair has a prior count of 1."""
    found = np.array(count_training(TABLE, EPOCHS, SUMMARY, CLASSES).transitions)
    assert found[0] == pytest.approx(np.array([4, 4, 1]) / 9, abs=1e-6)
    assert found[1] == pytest.approx(np.array([1, 4, 4]) / 9, abs=1e-6)
    assert found[2] == pytest.approx(np.ones(3) / 3, abs=1e-6)


def test_where_nothing_is_known_of_the_subjects_nothing_is_said():
    facts = count_training(TABLE, EPOCHS, SUMMARY[["recording_id"]], CLASSES)
    assert (facts.age_years, facts.subjects_per) == (None, {})


def test_a_channels_rates_are_the_lowest_and_the_highest_that_recordings_had():
    found = list_rates(SUMMARY)
    assert found["EEG"] == {"unit": "uV", "low": 90.0, "high": 256.0}
    assert found["EMG submental"] == {"unit": "uV", "low": 1.0, "high": 1.0}
    assert list_rates(SUMMARY[["recording_id"]]) == {}


def test_a_channel_has_its_aliases_its_substitutes_and_whether_it_is_needed():
    signals = {
        "eeg": {"channels": ("EEG Fpz-Cz",), "features": ("level",)},
        "emg": {"channels": ("EMG submental",), "features": ("level",), "required": False},
    }
    ingestion = make_ingestion(
        quality={"channels": ("EEG Fpz-Cz", "ECG")}, substitutes={"EEG Fpz-Cz": ("EEG C4-M1",)}
    )
    rates = {"EEG Fpz-Cz": {"unit": "uV", "low": 100.0, "high": 100.0}}
    found = {one.name: one for one in list_channels(ingestion, make_features_options(
        signals=signals), rates)}  # fmt: skip
    assert set(found) == {"EEG Fpz-Cz", "ECG", "EMG submental"}
    assert found["EEG Fpz-Cz"].required
    assert found["EEG Fpz-Cz"].aliases == ["Fpz-Cz"]
    assert found["EEG Fpz-Cz"].substitutes == ["EEG C4-M1"]
    assert (found["EEG Fpz-Cz"].unit, found["EEG Fpz-Cz"].sfreq_hz) == ("uV", (100.0, 100.0))
    assert not found["EMG submental"].required
    assert found["ECG"].required is (ingestion.quality.absent == "refuse")
    assert found["ECG"].sfreq_hz is None


@pytest.mark.slow
def test_groups_are_of_age_and_sex_out_of_fold_and_never_of_test_subjects():
    said = make_predictions(EPOCHS.dropna(subset="label"), SPLITS, model="m")
    found = {one.name: one for one in list_strata(said, EPOCHS, TABLE, SUMMARY, CLASSES)["m"]}
    assert list(found) == [
        "age below 40", "age 40 to 60", "age 80 and over", "sex F", "sex M",
    ]  # fmt: skip
    assert (found["sex F"].n_subjects, found["sex F"].n_epochs) == (2, 10)
    assert (found["sex M"].n_subjects, found["sex M"].n_epochs) == (1, 5)
    assert found["sex F"].kappa == found["sex F"].accuracy == found["sex F"].macro_f1 == 1.0


def test_a_group_that_fares_worse_shows_it():
    said = make_predictions(EPOCHS.dropna(subset="label"), SPLITS, model="m")
    wrong = said["recording_id"] == "r1"  # the one man in training: everything is called W
    said.loc[wrong, ["proba_W", "proba_N2", "proba_REM"]] = [1.0, 0.0, 0.0]
    found = {one.name: one for one in list_strata(said, EPOCHS, TABLE, SUMMARY, CLASSES)["m"]}
    assert found["sex M"].accuracy == pytest.approx(2 / 5)
    assert found["sex M"].kappa == 0.0
    assert found["sex M"].macro_f1 == pytest.approx((4 / 7) / 3, abs=1e-4)
    assert found["sex F"].accuracy == 1.0
    assert list_confusions(said, EPOCHS, TABLE, CLASSES)["m"][0].model_dump() == {
        "label": "N2", "taken_for": "W", "share": pytest.approx(1 / 3, abs=1e-4)
    }  # fmt: skip


def test_where_all_are_right_nothing_is_confused():
    said = make_predictions(EPOCHS.dropna(subset="label"), SPLITS, model="m")
    assert list_confusions(said, EPOCHS, TABLE, CLASSES) == {"m": []}


def test_a_models_figures_are_its_rows_of_the_leaderboard_by_role():
    board = pd.DataFrame(
        {"role": ["oof", "test"], "kappa": [0.81234567, np.nan], "n_epochs": [7, 3], "other": 1}
    )
    assert name_figures(board) == {
        "oof": {"kappa": 0.812346, "n_epochs": 7}, "test": {"kappa": None, "n_epochs": 3},
    }  # fmt: skip


def test_the_libraries_are_those_installed_with_their_versions():
    found = list_libraries()
    assert found["numpy"] == np.__version__
    assert "kedro" not in found
    assert all(found.values())
