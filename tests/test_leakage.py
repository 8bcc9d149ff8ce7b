import numpy as np
import pandas as pd
import pytest

from builders import make_epochs, make_features, make_predictions, make_splits
from epochal.errors import LeakageError
from epochal.leakage import refuse_clocks, refuse_in_sample, refuse_shared_subjects


@pytest.fixture
def epochs():
    return make_epochs(n_subjects=4, n_epochs=60)


def with_column(epochs, column):
    features = make_features(epochs)
    return features.assign(planted=np.asarray(column, dtype=np.float32))


def test_subjects_with_one_role_and_one_fold_are_let_through(epochs):
    splits = make_splits(epochs)
    refuse_shared_subjects(splits)
    assert splits.groupby("subject_id")["role"].nunique().max() == 1


@pytest.mark.parametrize(("column", "value"), [("role", "test"), ("fold", 1)])
def test_a_subject_in_two_roles_or_folds_is_refused_by_name(epochs, column, value):
    splits = make_splits(epochs)
    splits.loc[0, column] = value
    with pytest.raises(LeakageError, match=f"more than one {column}: s0;"):
        refuse_shared_subjects(splits)


def test_honest_features_are_no_clock(epochs):
    features = make_features(epochs)
    refuse_clocks([features], epochs)
    assert "eeg_level" in features


@pytest.mark.parametrize(
    "clock",
    [
        lambda table: table["onset_s"],
        lambda table: table["epoch"],
        lambda table: -table["onset_s"],
        lambda table: np.exp(table["epoch"] / 20.0),
        lambda table: table.groupby("recording_id")["epoch"].transform("cumsum"),
    ],
    ids=["seconds", "index", "countdown", "exponential", "cumulative sum"],
)
def test_a_planted_clock_is_refused_by_name(epochs, clock):
    with pytest.raises(LeakageError, match="carry time in session: planted"):
        refuse_clocks([with_column(epochs, clock(epochs))], epochs)


def test_an_expanding_mean_of_something_that_grows_is_refused(epochs):
    random = np.random.default_rng(0)
    growing = epochs["epoch"] + random.normal(0, 5, len(epochs))
    mean = growing.groupby(epochs["recording_id"]).expanding().mean().to_numpy()
    with pytest.raises(LeakageError, match="planted"):
        refuse_clocks([with_column(epochs, mean)], epochs)


def test_a_slow_drift_with_noise_is_physiology(epochs):
    random = np.random.default_rng(0)
    features = with_column(epochs, 30.0 + epochs["epoch"] / 60 + random.normal(0, 0.3, len(epochs)))
    refuse_clocks([features], epochs)
    within = features[:60]["planted"].corr(epochs[:60]["onset_s"])
    assert 0.5 < within < 0.98  # it does drift


def test_a_clock_in_a_minority_of_sessions_is_an_accident(epochs):
    random = np.random.default_rng(0)
    column = np.where(epochs["subject_id"] == "s0", epochs["epoch"], random.normal(size=240))
    refuse_clocks([with_column(epochs, column)], epochs)
    with pytest.raises(LeakageError, match="planted"):
        refuse_clocks([with_column(epochs[:60], column[:60])], epochs[:60])


def test_a_clock_with_a_hole_is_still_a_clock(epochs):
    hole = epochs["epoch"].between(10, 45)
    with pytest.raises(LeakageError, match="planted"):
        refuse_clocks([with_column(epochs, epochs["epoch"].mask(hole))], epochs)


@pytest.mark.parametrize("column", [1.0, np.nan])
def test_a_column_that_says_nothing_is_no_clock(epochs, column):
    features = with_column(epochs, np.full(len(epochs), column))
    refuse_clocks([features], epochs)
    assert features["planted"].nunique() <= 1


@pytest.mark.slow
def test_a_session_too_short_to_judge_is_not_judged():
    few = make_epochs(n_subjects=3, n_epochs=9)
    refuse_clocks([with_column(few, few["epoch"])], few)
    enough = make_epochs(n_subjects=3, n_epochs=10)
    with pytest.raises(LeakageError):
        refuse_clocks([with_column(enough, enough["epoch"])], enough)


def test_out_of_fold_and_held_out_rows_are_let_through(epochs):
    splits = make_splits(epochs)
    predictions = make_predictions(epochs, splits)
    refuse_in_sample(predictions, splits)
    assert set(predictions["role"]) == {"oof", "test"}


def planted(epochs, splits, where, **changed):
    predictions = make_predictions(epochs, splits)
    for column, value in changed.items():
        predictions.loc[where, column] = value
    return predictions


@pytest.mark.parametrize(
    "fault",
    [
        {"fold": 1},  # by the model of another fold, which has seen it
        {"role": "test"},  # by the refit, which has seen it
        {"role": "val"},
        {"role": "train"},  # in-sample, and saying so
    ],
    ids=["another fold", "as test", "as val", "as train"],
)
def test_an_in_sample_row_is_refused_by_model_and_epoch(epochs, fault):
    splits = make_splits(epochs)
    predictions = planted(epochs, splits, 7, **fault)
    with pytest.raises(LeakageError, match=r"Model 'm' predicts 1 rows .* r0 epoch 7"):
        refuse_in_sample(predictions, splits)


def test_a_test_row_is_never_out_of_fold(epochs):
    splits = make_splits(epochs)
    predictions = planted(epochs, splits, len(epochs) - 1, role="oof")
    with pytest.raises(LeakageError, match="r3 epoch 59"):
        refuse_in_sample(predictions, splits)


def test_a_row_with_two_splits_stops_the_check(epochs):
    splits = make_splits(epochs)
    twice = pd.concat([splits, splits[:1]])
    with pytest.raises(pd.errors.MergeError):
        refuse_in_sample(make_predictions(epochs, splits), twice)
