import json

import numpy as np
import pandas as pd
import pytest

from builders import CLASSES, make_epochs, make_features, make_splits, make_study
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import cross_fit, join_table
from epochal.models.deep import COLUMN_NETWORKS as DEEP
from epochal.models.export import export_model
from epochal.models.fitted_model import FittedModel
from epochal.models.inventory import (
    CLASS_MAPPING,
    CONFIG,
    FEATURE_ORDER,
    SCALER,
    count_rounds,
    describe_config,
    describe_metrics,
    describe_models,
    describe_scaler,
    plain,
    write_json,
)
from epochal.options.models import ModelOptions
from epochal.serving.bundle import open_session

EPOCHS = make_epochs(n_subjects=8, n_epochs=30)
FEATURES = make_features(EPOCHS, noise=0.8)
TABLE = join_table(FEATURES, EPOCHS, make_splits(EPOCHS, n_folds=2))
STOP = {"rounds": 4, "share": 0.3}
SMALL = {
    "lightgbm": "n_estimators",
    "xgboost": "n_estimators",
    "hist_gradient_boosting": "max_iter",
}


def fit(kind, table=TABLE, study=None, **options):
    options = ModelOptions(kind=kind, **options)
    study = study or make_study()
    roster = {**ROSTER, **DEEP}
    return cross_fit("m", options, roster, table, study, family="classical").model


@pytest.mark.slow
def test_every_model_has_its_columns_its_classes_and_its_config():
    models = {"one": fit("logistic_regression"), "two": fit("naive_bayes", columns=("*_turn",))}
    found = describe_models(models, CLASSES)
    assert set(found) == {FEATURE_ORDER, CLASS_MAPPING, SCALER, CONFIG}
    assert found[FEATURE_ORDER] == {
        "one": ["eeg_level", "eeg_turn", "eeg_nothing"], "two": ["eeg_turn"],
    }  # fmt: skip
    assert found[CLASS_MAPPING]["codes"] == {"W": 0, "N2": 1, "REM": 2}
    assert found[CLASS_MAPPING]["outputs"] == {name: ["W", "N2", "REM"] for name in models}
    assert set(found[SCALER]) == set(found[CONFIG]) == {"one", "two"}


def test_the_outputs_of_a_model_are_the_classes_that_it_saw():
    study = make_study(classes=("W", "N1", "N2", "REM"))
    found = describe_models({"m": fit("naive_bayes", study=study)}, study.classes)
    assert found[CLASS_MAPPING] == {
        "codes": {"W": 0, "N1": 1, "N2": 2, "REM": 3}, "outputs": {"m": ["W", "N2", "REM"]},
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logistic_regression", "residual_mlp"])
def test_a_scaler_is_that_of_the_training_rows_and_gives_what_the_model_gives(kind):
    params = {"n_epochs": 1, "width": 8} if kind == "residual_mlp" else {}
    model = fit(kind, params=params)
    training = TABLE[TABLE["role"] == "train"]
    for column, scaler in describe_scaler(model).items():
        assert set(scaler) == {"median", "mean", "scale"}
        assert scaler["median"] == pytest.approx(training[column].median())
        assert scaler["mean"] == pytest.approx(training[column].mean(), abs=1e-6)
        assert scaler["scale"] == pytest.approx(training[column].std(ddof=0))


@pytest.mark.slow
def test_a_linear_model_can_be_computed_from_the_scaler_alone():
    """What another program does with `scaler.json`: fill, take off, divide."""
    model = fit("logistic_regression")
    holed = TABLE.mask(np.random.default_rng(0).random(TABLE.shape) < 0.2)
    scaler = pd.DataFrame(describe_scaler(model))
    columns = holed[model.columns].astype(float).fillna(scaler.loc["median"])
    scaled = (columns - scaler.loc["mean"]) / scaler.loc["scale"]
    linear = model.estimator.steps[-1][1]
    session = open_session(export_model(model, FEATURES))
    exported = session.run(None, {"features": holed[model.columns].to_numpy(np.float32)})[-1]
    assert np.abs(linear.predict_proba(scaled.to_numpy()) - exported).max() < 1e-5


@pytest.mark.slow
def test_a_model_that_only_fills_gaps_has_medians_and_one_of_trees_has_nothing():
    forest = fit("random_forest", params={"n_estimators": 3})
    assert {tuple(column) for column in describe_scaler(forest).values()} == {("median",)}
    trees = fit("lightgbm", params={"n_estimators": 3})
    assert describe_scaler(trees) == {}
    assert "trees" not in describe_models({"trees": trees}, CLASSES)[SCALER]


@pytest.mark.slow
def test_the_config_says_what_conf_asked_for():
    model = fit(
        "xgboost", params={"n_estimators": 30}, columns=("*", "!*_nothing"), class_weight="sqrt",
        calibration="vector", early_stopping=STOP,
    )  # fmt: skip
    expected = {
        "family": "classical", "causal": True, "n_columns": 2, "kind": "xgboost",
        "columns": ["*", "!*_nothing"], "params": {"n_estimators": 30}, "class_weight": "sqrt",
        "targets": "label", "calibration": "vector", "early_stopping": STOP, "tune": None,
        "n_trees_per_class": model.estimator.model_.best_iteration + 1,
    }  # fmt: skip
    found = describe_config(model)
    assert {key: found[key] for key in expected} == expected


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL)
def test_the_rounds_that_early_stopping_kept_are_counted(kind):
    model = fit(kind, params={SMALL[kind]: 300, "learning_rate": 0.5}, early_stopping=STOP)
    n_rounds = count_rounds(model.estimator)
    assert 0 < n_rounds < 250
    session = open_session(export_model(model, FEATURES))
    assert describe_config(model)["n_trees_per_class"] == n_rounds
    assert session.get_outputs()[-1].name == "probabilities"


@pytest.mark.slow
def test_what_a_search_found_is_among_the_parameters_and_its_storage_is_nobodys_affair(tmp_path):
    space = {"C": {"low": 1e-3, "high": 10, "log": True}}
    storage = str(tmp_path / "trials.log")
    tune = {"space": space, "n_trials": 2, "n_folds": 2, "storage": storage}
    model = fit("logistic_regression", params={"tol": 1e-3}, tune=tune)
    found = describe_config(model)
    assert found["params"] == {"tol": 1e-3, "C": model.estimator.steps[-1][1].C}
    assert found["tuned"]["params"] == {"C": found["params"]["C"]}
    assert found["tuned"]["n_trials"] == 2
    assert "storage" not in found["tune"]
    assert str(tmp_path) not in json.dumps(found)


def test_a_model_fitted_before_options_travelled_with_it_is_still_described():
    model = FittedModel("m", "classical", fit("naive_bayes").estimator, ["a"], CLASSES, False)
    assert describe_config(model) == {"family": "classical", "causal": False, "n_columns": 1}


def test_metrics_are_plain_and_by_model_in_the_order_of_the_board():
    board = pd.DataFrame({
        "model": ["b", "a", "b"], "role": ["oof", "oof", "test"], "kappa": [0.5, np.nan, 0.25],
        "n_epochs": [1, 2, 3], "causal": [True, False, True],
    })  # fmt: skip
    found = describe_metrics(board)
    assert list(found) == ["b", "a"]
    assert found["b"][1] == {
        "model": "b", "role": "test", "kappa": 0.25, "n_epochs": 3, "causal": True,
    }  # fmt: skip
    assert found["a"][0]["kappa"] is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.float32(0.5), 0.5), (np.inf, None), (np.int64(3), 3), (np.True_, True), ("x", "x")],
)
def test_numbers_become_plain(value, expected):
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_the_json_is_readable_anywhere_and_holds_no_nan():
    assert json.loads(write_json({"κ": [1, None]})) == {"κ": [1, None]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json({"a": float("nan")})
