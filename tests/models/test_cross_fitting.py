from functools import partial

import numpy as np
import pandas as pd
import pytest

from builders import (
    CLASSES,
    make_epochs,
    make_features,
    make_predictions,
    make_splits,
    make_study,
)
from epochal import schemas
from epochal.errors import EpochalError, LeakageError
from epochal.labels import encode, proba_columns
from epochal.models.calibrators import fit_calibration
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import (
    CrossFitted,
    cross_fit,
    empty_predictions,
    fit_refit,
    gather_predictions,
    join_table,
    predict_held_out,
)
from epochal.models.fitted_model import FittedModel, select_columns
from epochal.models.one_fit import Fitting
from epochal.options.models import ModelOptions

EPOCHS = make_epochs(n_subjects=6, n_epochs=20)
FEATURES = make_features(EPOCHS)
SPLITS = make_splits(EPOCHS, n_folds=3, n_test=1, n_val=1)
TABLE = join_table(FEATURES, EPOCHS, SPLITS)
STUDY = make_study()


class Memory:
    """A classifier that remembers the rows that it was fitted on, and tells which it knows."""

    def __init__(self, seed, **params):
        self.params = params

    def fit(self, X, y):
        self.seen = {tuple(row) for row in X.to_numpy()}
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        known = np.array([tuple(row) in self.seen for row in X.to_numpy()], dtype=float)
        rest = (1 - known)[:, None] / (len(self.classes_) - 1)
        return np.c_[known, np.repeat(rest, len(self.classes_) - 1, axis=1)]


MEMORY = {"memory": Memory}


def fit(kind="memory", table=TABLE, roster=None, study=STUDY, **options):
    return cross_fit(
        "m", ModelOptions(kind=kind, **options), roster or MEMORY, table, study, family="classical"
    )


def test_the_table_has_a_row_per_scored_epoch_with_split_label_and_features():
    assert list(TABLE) == [
        "recording_id", "epoch", "subject_id", "role", "fold", "label", "eeg_level", "eeg_turn",
        "eeg_nothing",
    ]  # fmt: skip
    assert len(TABLE) == len(EPOCHS)


def test_an_epoch_without_features_or_without_a_split_is_not_in_the_table():
    table = join_table(FEATURES[5:], EPOCHS, SPLITS[:-5])
    assert len(table) == len(EPOCHS) - 10


def test_an_epoch_with_two_rows_of_features_stops_the_join():
    with pytest.raises(pd.errors.MergeError):
        join_table(pd.concat([FEATURES, FEATURES[:1]]), EPOCHS, SPLITS)


def test_no_out_of_fold_row_was_seen_by_the_model_that_predicts_it():
    rows = fit().out_of_fold
    assert len(rows) == (SPLITS["role"] != "test").sum()
    assert set(rows["proba_W"]) == {0.0}  # the memory knows none of them
    assert set(rows["role"]) == {"oof"}
    own = rows.merge(SPLITS, on=["recording_id", "epoch"], suffixes=("", "_own"))
    assert (own["fold"] == own["fold_own"]).all()


def test_the_refit_has_seen_train_and_neither_val_nor_test():
    model = fit().model
    known = model.predict_proba(TABLE)[:, 0] == 1.0
    assert (known == (TABLE["role"] == "train")).all()


def test_held_out_rows_are_the_refits_and_say_their_role():
    rows = predict_held_out(fit().model, TABLE)
    assert rows["role"].value_counts().to_dict() == {"val": 20, "test": 20}
    assert set(rows["proba_W"]) == {0.0}
    assert set(rows.loc[rows["role"] == "test", "fold"]) == {-1}


@pytest.mark.slow
def test_the_predictions_obey_their_schema_and_say_who_made_them():
    rows = fit("logistic_regression", roster=ROSTER).out_of_fold
    schemas.predictions.validate(rows)
    assert set(rows["model"]) == {"m"}
    assert set(rows["family"]) == {"classical"}
    assert set(rows["causal"]) == {True}
    assert np.allclose(rows[proba_columns(CLASSES)].sum(axis=1), 1)


@pytest.mark.slow
def test_a_real_model_learns_across_subjects():
    rows = fit("logistic_regression", roster=ROSTER).out_of_fold
    truth = rows.merge(EPOCHS, on=["recording_id", "epoch"])["label"]
    guess = np.array(CLASSES)[rows[proba_columns(CLASSES)].to_numpy().argmax(axis=1)]
    assert (guess == truth).mean() > 0.85


@pytest.mark.slow
def test_shuffled_labels_teach_nothing():
    epochs = make_epochs(n_subjects=10, n_epochs=60)
    shuffled = np.random.default_rng(1).permutation(epochs["label"])
    table = join_table(
        make_features(epochs), epochs.assign(label=shuffled), make_splits(epochs, n_folds=3)
    )
    rows = fit("logistic_regression", table, ROSTER).out_of_fold
    truth = rows.merge(table[["recording_id", "epoch", "label"]])["label"]
    guess = np.array(CLASSES)[rows[proba_columns(CLASSES)].to_numpy().argmax(axis=1)]
    assert abs((guess == truth).mean() - 1 / 3) < 0.08


def test_unlabelled_epochs_are_predicted_but_never_fitted_on():
    epochs = EPOCHS.assign(label=EPOCHS["label"].where(EPOCHS["epoch"] > 4))
    fitted = fit(table=join_table(FEATURES, epochs, SPLITS))
    assert len(fitted.out_of_fold) == 100
    assert len(fitted.model.estimator.seen) == 15 * 4


@pytest.mark.slow
def test_an_epoch_without_any_of_the_models_columns_is_left_out():
    table = TABLE.copy()
    table.loc[table["epoch"] == 0, ["eeg_level", "eeg_turn"]] = np.nan
    fitted = fit(table=table, columns=("eeg_level", "eeg_turn"))
    assert 0 not in set(fitted.out_of_fold["epoch"])
    assert 0 not in set(predict_held_out(fitted.model, table)["epoch"])
    assert 0 in set(fit(table=table).out_of_fold["epoch"])  # another column is still known


@pytest.mark.slow
def test_a_class_that_training_lacks_gets_probability_0():
    study = make_study(classes=("W", "N1", "N2", "REM"))
    rows = fit("logistic_regression", roster=ROSTER, study=study).out_of_fold
    assert set(rows["proba_N1"]) == {0.0}
    assert np.allclose(rows[proba_columns(study.classes)].sum(axis=1), 1)


@pytest.mark.slow
def test_a_model_that_sees_what_looks_ahead_is_not_causal():
    table = TABLE.assign(eeg_level__centred3=TABLE["eeg_level"])
    assert not fit(table=table).out_of_fold["causal"].any()
    assert fit(table=table, columns=("*", "!*__centred3")).out_of_fold["causal"].all()


def test_a_model_of_no_rows_predicts_no_rows():
    assert fit().model.predict_proba(TABLE[:0]).shape == (0, 3)


def test_hyper_parameters_reach_the_model():
    assert fit(params={"C": 3}).model.estimator.params == {"C": 3}


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (("*",), ["eeg_level", "eeg_turn", "eeg_nothing"]),
        (("*_turn", "eeg_*"), ["eeg_turn", "eeg_level", "eeg_nothing"]),
        (("*", "!*_nothing"), ["eeg_level", "eeg_turn"]),
        (("!*_nothing", "*"), ["eeg_level", "eeg_turn", "eeg_nothing"]),
    ],
    ids=["all", "in the order of the patterns", "but one", "taken away before it was added"],
)
def test_columns_are_chosen_by_patterns(patterns, chosen):
    assert select_columns(TABLE, patterns, "m") == chosen


@pytest.mark.parametrize("column", ["role", "fold", "label", "subject_id", "epoch"])
def test_what_is_not_a_feature_cannot_be_chosen(column):
    with pytest.raises(EpochalError, match=f"no feature matches '{column}'"):
        select_columns(TABLE, (column,), "m")


def test_a_pattern_without_a_column_is_refused_with_the_near_miss():
    with pytest.raises(
        EpochalError, match="Model 'm': no feature matches 'eeg_levl'; did you mean 'eeg_level'"
    ):
        fit(columns=("eeg_levl",))


def test_an_unknown_kind_is_refused_with_the_near_miss():
    with pytest.raises(EpochalError, match="no kind 'lightgmb'; did you mean 'lightgbm'"):
        fit("lightgmb", roster=ROSTER)


def test_an_unknown_hyper_parameter_is_refused_by_name():
    with pytest.raises(EpochalError, match=r"Model 'm': logistic_regression: .*'depth'"):
        fit("logistic_regression", roster=ROSTER, params={"depth": 3})


def gather(**fitted):
    pieces = {name: partial(lambda one: one, one) for name, one in fitted.items()}
    return gather_predictions(pieces, TABLE, SPLITS, CLASSES)


@pytest.mark.slow
def test_all_that_the_models_may_say_is_gathered():
    found = gather(a=fit(), b=fit())
    assert (
        len(found) == 2 * len(EPOCHS) + 2 * 20
    )  # val is predicted twice: out of fold and held out
    assert found["role"].value_counts().to_dict() == {"oof": 200, "val": 40, "test": 40}


@pytest.mark.slow
def test_a_family_without_models_has_an_empty_table_of_the_right_columns():
    found = gather()
    assert list(found) == list(empty_predictions(CLASSES)) == list(fit().out_of_fold)
    schemas.predictions.validate(found)


@pytest.mark.slow
def test_a_model_that_hands_on_what_it_has_seen_stops_the_run():
    cheat = make_predictions(EPOCHS, SPLITS.assign(fold=0))
    with pytest.raises(LeakageError, match="Model 'm' predicts"):
        gather(a=CrossFitted(fit().model, cheat))


def test_the_names_of_the_columns_travel_with_the_model():
    model = fit(columns=("*_turn",)).model
    assert isinstance(model, FittedModel)
    assert (model.columns, model.classes, model.family) == (["eeg_turn"], CLASSES, "classical")
    shuffled = TABLE[list(reversed(TABLE.columns))]
    assert np.array_equal(model.predict_proba(shuffled), model.predict_proba(TABLE))


@pytest.mark.slow
def test_calibrated_out_of_fold_predictions_are_calibrated_by_the_other_folds():
    raw = fit("logistic_regression", roster=ROSTER).out_of_fold
    found = fit("logistic_regression", roster=ROSTER, calibration="temperature")
    columns = proba_columns(CLASSES)
    labels = raw.merge(TABLE[["recording_id", "epoch", "label"]], on=["recording_id", "epoch"])
    codes = encode(labels["label"], CLASSES)
    for fold in raw["fold"].unique():
        others = (raw["fold"] != fold).to_numpy()
        own = fit_calibration("temperature", raw[columns].to_numpy()[others], codes[others])
        expected = own.apply(raw.loc[~others, columns].to_numpy())
        assert np.allclose(found.out_of_fold.loc[~others, columns], expected)


@pytest.mark.slow
def test_the_refit_is_calibrated_by_out_of_fold_predictions():
    plain = fit("logistic_regression", roster=ROSTER).model
    model = fit("logistic_regression", roster=ROSTER, calibration="vector").model
    expected = model.calibration.apply(plain.predict_proba(TABLE))
    assert np.allclose(model.predict_proba(TABLE), expected)
    assert not np.allclose(model.predict_proba(TABLE), plain.predict_proba(TABLE))


def turn_labels(rows):
    """Return the table with the labels of some rows put into other words."""
    turned = dict(zip(CLASSES, [*CLASSES[1:], CLASSES[0]], strict=True))
    return TABLE.assign(label=TABLE["label"].mask(rows, TABLE["label"].map(turned)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vector", "isotonic"])
def test_val_is_no_row_to_calibrate_the_refit_by(kind):
    raw = fit("logistic_regression", roster=ROSTER).out_of_fold
    found = fit("logistic_regression", roster=ROSTER, calibration=kind).model.calibration
    keys = ["recording_id", "epoch"]
    rows = raw.drop(columns=["role", "fold"]).merge(TABLE[[*keys, "role", "label"]], on=keys)
    own = rows[rows["role"] == "train"]
    assert 0 < len(own) < len(rows)
    codes = encode(own["label"], CLASSES)
    assert found == fit_calibration(kind, own[proba_columns(CLASSES)].to_numpy(), codes)


@pytest.mark.slow
def test_what_comes_later_calibrates_no_fold_where_the_scheme_follows_time():
    given = {"roster": ROSTER, "calibration": "isotonic"}
    chained = {"first_seen_fold": 0}
    later = TABLE["fold"] == TABLE["fold"].max()
    before, after = (
        fit("logistic_regression", table.assign(**chained), **given).out_of_fold
        for table in (TABLE, turn_labels(later))
    )
    early = before["fold"] < before["fold"].max()
    assert early.any()
    pd.testing.assert_frame_equal(before[early], after[early])


@pytest.mark.slow
def test_the_first_fold_that_time_predicts_is_calibrated_by_nothing():
    chained = TABLE.assign(first_seen_fold=0)
    raw, found = (
        fit("logistic_regression", chained, ROSTER, calibration=kind).out_of_fold
        for kind in (None, "temperature")
    )
    first, columns = raw["fold"] == raw["fold"].min(), proba_columns(CLASSES)
    pd.testing.assert_frame_equal(raw[first], found[first])
    assert not np.allclose(raw.loc[~first, columns], found.loc[~first, columns])


@pytest.mark.slow
def test_a_model_of_votes_is_calibrated_to_the_shares_of_votes_not_to_the_winner():
    """Seven votes of ten for every label: a model that tells them apart may not say more."""
    winner = TABLE["label"].to_numpy()
    votes = {f"vote_{name}": np.where(winner == name, 7.0, 1.5) for name in CLASSES}
    table = TABLE.assign(**votes, eeg_level=encode(TABLE["label"], CLASSES))
    by = {
        targets: fit("logistic_regression", table, ROSTER, targets=targets, calibration="isotonic")
        for targets in ("label", "votes")
    }
    sure = {
        targets: found.out_of_fold[proba_columns(CLASSES)].to_numpy().max(axis=1).mean()
        for targets, found in by.items()
    }
    assert sure["votes"] == pytest.approx(0.7, abs=0.03)
    assert sure["label"] > 0.9


def test_votes_are_in_the_table_but_are_no_feature():
    voted = EPOCHS.assign(**{f"vote_{name}": 1.0 for name in CLASSES})
    table = join_table(FEATURES, voted, SPLITS)
    assert {"vote_W", "vote_N2", "vote_REM"} <= set(table)
    assert select_columns(table, ("*",), "m") == ["eeg_level", "eeg_turn", "eeg_nothing"]


def test_what_cannot_be_fitted_names_the_model():
    with pytest.raises(EpochalError, match=r"Model 'm': .*no column vote_W"):
        fit("logistic_regression", roster=ROSTER, targets="votes")


def test_a_calibration_without_another_predicted_fold_names_the_model():
    chained = TABLE[TABLE["fold"] < 2].assign(first_seen_fold=0)  # fold 0 has no past
    with pytest.raises(EpochalError, match="Model 'm': calibration: No labelled epoch of another"):
        fit("logistic_regression", chained, ROSTER, calibration="temperature")


@pytest.mark.parametrize(
    ("kind", "params", "reason"),
    [
        ("logistic_regression", {"max_iter": "many"}, "'max_iter' parameter of LogisticRegression"),
        ("random_forest", {"n_estimators": -1}, "'n_estimators' parameter of RandomForest"),
        ("lightgbm", {"n_estimators": "many"}, "not supported between instances"),
    ],
)
def test_a_hyper_parameter_of_a_wrong_value_names_the_model(kind, params, reason):
    with pytest.raises(EpochalError, match=rf"Model 'm': .*{reason}"):
        fit(kind, roster=ROSTER, params=params)


@pytest.mark.slow
def test_a_fitted_model_knows_what_conf_asked_for():
    model = fit("logistic_regression", roster=ROSTER, params={"C": 3}, calibration="vector").model
    assert model.options == ModelOptions(
        kind="logistic_regression", params={"C": 3}, calibration="vector"
    )


@pytest.mark.slow
def test_a_refit_alone_is_the_refit_that_cross_fitting_ends_with():
    options = ModelOptions(kind="logistic_regression")
    whole = cross_fit("m", options, ROSTER, TABLE, STUDY, family="classical").model
    alone = fit_refit(Fitting("m", options, ROSTER, TABLE, STUDY, family="classical"))
    test = TABLE[TABLE["role"] == "test"]
    np.testing.assert_array_equal(alone.predict_proba(test), whole.predict_proba(test))
    assert (alone.columns, alone.causal) == (whole.columns, whole.causal)
