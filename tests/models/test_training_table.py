import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier

from builders import make_epochs, make_features, make_splits, make_study
from epochal.mapped_tables import describe_mapping, map_columns
from epochal.models import training_table
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import cross_fit, gather_predictions, join_table
from epochal.models.training_table import (
    are_scattered,
    blocks_of,
    columns_state,
    describe_rows,
    share_columns,
    take_columns,
)
from epochal.options.models import EarlyStoppingOptions, ModelOptions, RangeOptions, TuneOptions

EPOCHS = make_epochs(n_subjects=6, n_epochs=20)
FEATURES = make_features(EPOCHS)
SPLITS = make_splits(EPOCHS, n_folds=3, n_test=1, n_val=1)
TABLE = join_table(FEATURES, EPOCHS, SPLITS)
COLUMNS = ["eeg_turn", "eeg_level"]
PLACES = np.array([3, 4, 5, 40, 7])


def mapped(folder, features=FEATURES):
    """Return the features in a file."""
    names = [name for name in features if name.startswith("eeg_")]
    columns = map_columns(
        ((name, features[name].to_numpy) for name in names), len(features), folder
    )
    return pd.concat([features[["recording_id", "epoch"]], columns], axis=1)


def shares(table, other, column="eeg_level"):
    return np.shares_memory(table[column].to_numpy(), other[column].to_numpy())


def test_rows_that_lie_as_the_epochs_do_are_joined_without_a_copy():
    assert shares(TABLE, FEATURES)


def test_rows_in_another_order_are_laid_out_anew():
    table = join_table(FEATURES[::-1].reset_index(drop=True), EPOCHS, SPLITS)
    assert not shares(table, FEATURES)
    pd.testing.assert_frame_equal(table, TABLE)


def test_described_rows_have_no_feature_and_their_places_as_index():
    rows = describe_rows(TABLE[10:].assign(vote_W=1.0))
    assert [*rows] == ["recording_id", "epoch", "subject_id", "role", "fold", "label", "vote_W"]
    assert rows.index.tolist() == list(range(len(TABLE) - 10))


@pytest.mark.parametrize("table", [TABLE, TABLE.astype({"eeg_turn": "float64"})])
def test_columns_of_some_rows_are_taken_in_the_order_asked_for(table):
    taken = take_columns(table, PLACES, COLUMNS)
    expected = table[COLUMNS].iloc[PLACES].reset_index(drop=True)
    pd.testing.assert_frame_equal(taken, expected)


def test_no_columns_of_some_rows_are_as_many_rows():
    assert take_columns(TABLE, PLACES, []).shape == (5, 0)


@pytest.mark.parametrize("places", [np.arange(20, 90), PLACES], ids=["a run", "scattered"])
def test_shared_columns_hold_the_same_numbers(places):
    shared = share_columns(TABLE, places, COLUMNS).to_pandas()
    pd.testing.assert_frame_equal(shared, take_columns(TABLE, places, COLUMNS))


def test_rows_in_runs_are_not_scattered():
    runs = np.concatenate([np.arange(start, start + 100) for start in (0, 300, 500)])
    assert not are_scattered(runs)
    assert are_scattered(runs[::2])


def test_blocks_are_all_places_once_and_no_places_are_one_empty_block(monkeypatch):
    monkeypatch.setattr(training_table, "BLOCK", 3)
    assert [block.tolist() for block in blocks_of(np.arange(7))] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [len(block) for block in blocks_of(np.arange(0))] == [0]


def test_lightgbm_fitted_on_shared_columns_is_the_one_fitted_on_a_copy():
    random = np.random.default_rng(0)
    values = random.normal(size=(5, 3000)).astype(np.float32)
    values[:, ::17] = np.nan
    codes = (np.nan_to_num(values[0]) > 0).astype(int) + (np.nan_to_num(values[1]) > 1)
    table = pd.DataFrame(values.T, columns=list("abcde"))
    places = np.concatenate([np.arange(1000), np.arange(1500, 3000)])
    models = [
        LGBMClassifier(n_estimators=10, subsample=0.8, subsample_freq=1, verbose=-1, n_jobs=1).fit(
            take(table, places, list("abcde")), codes[places]
        )
        for take in (take_columns, share_columns)
    ]
    copied, shared = (model.predict_proba(table) for model in models)
    np.testing.assert_array_equal(copied, shared)
    assert models[0].feature_name_ == models[1].feature_name_ == list("abcde")


def test_a_state_tells_other_numbers_and_other_rows_apart():
    rows = describe_rows(TABLE)
    state = columns_state(TABLE, rows, COLUMNS)
    assert columns_state(TABLE.copy(), rows, COLUMNS) == state
    assert columns_state(TABLE, rows[1:], COLUMNS) != state
    assert columns_state(TABLE.assign(eeg_turn=0.0), rows, COLUMNS) != state


TUNE = TuneOptions(space={"C": RangeOptions(low=0.01, high=1)}, n_trials=2, n_folds=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ModelOptions(kind="lightgbm", params={"n_estimators": 10}, class_weight="balanced"),
        ModelOptions(kind="lightgbm", early_stopping=EarlyStoppingOptions(rounds=3, share=0.5)),
        ModelOptions(kind="logistic_regression", calibration="vector"),
        ModelOptions(kind="logistic_regression", tune=TUNE, columns=("*", "!*_nothing")),
        ModelOptions(kind="naive_bayes"),
    ],
    ids=["lightgbm", "stopped early", "logistic regression", "tuned", "naive Bayes"],
)
def test_a_table_in_a_file_trains_the_same_models_bit_for_bit(tmp_path, monkeypatch, options):
    monkeypatch.setattr(training_table, "BLOCK", 7)  # with blocks of rows, too
    epochs = EPOCHS.assign(label=EPOCHS["label"].where(EPOCHS["epoch"] != 5))
    found = []
    for features in (FEATURES, mapped(tmp_path)):
        table = join_table(features, epochs, SPLITS)
        fitted = cross_fit("m", options, ROSTER, table, make_study(), family="classical")
        found.append(
            gather_predictions({"m": lambda one=fitted: one}, table, SPLITS, make_study().classes)
        )
    pd.testing.assert_frame_equal(*found, check_exact=True)


def test_a_table_in_a_file_stays_there_when_it_is_joined(tmp_path):
    features = mapped(tmp_path)
    whole = join_table(features, EPOCHS, SPLITS)
    part = join_table(features, EPOCHS, SPLITS[7:])
    assert shares(whole, features)
    assert describe_mapping(part).path != describe_mapping(whole).path
    pd.testing.assert_frame_equal(part, join_table(FEATURES, EPOCHS, SPLITS[7:]))
