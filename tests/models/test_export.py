from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from builders import CLASSES, make_epochs, make_features
from epochal.errors import EpochalError
from epochal.labels import encode
from epochal.models import export
from epochal.models.classical import ROSTER as CLASSICAL
from epochal.models.deep import COLUMN_NETWORKS as DEEP
from epochal.models.export import export_model
from epochal.models.fitted_model import FittedModel
from epochal.models.onnx_terms import PARITY
from epochal.serving.bundle import open_session

pytestmark = pytest.mark.slow  # every kind of model is fitted and exported

EPOCHS = make_epochs(n_subjects=6, n_epochs=80)
X = make_features(EPOCHS).drop(columns=["recording_id", "epoch"])
Y = encode(EPOCHS["label"], CLASSES)
SMALL = {
    "logistic_regression": {"C": 1.0},
    "naive_bayes": {},
    "random_forest": {"n_estimators": 15},
    "hist_gradient_boosting": {"max_iter": 15},
    "lightgbm": {"n_estimators": 15},
    "xgboost": {"n_estimators": 15},
    "residual_mlp": {"n_epochs": 3, "width": 16},
}
NAMES = list(SMALL)


def fit(name, x=X, y=Y):
    estimator = {**CLASSICAL, **DEEP}[name](0, **SMALL[name]).fit(x, y)
    return FittedModel(name, "classical", estimator, list(x.columns), CLASSES, True)


@cache
def exported(name):
    """Return a model that was fitted on columns with gaps and one of nothing else, and its ONNX."""
    rows = holed().assign(empty=np.float32("nan"))
    model = fit(name, rows)
    return model, export_model(model, rows)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_model_is_exported_to_the_same_bytes(name):
    model, content = exported(name)
    assert export_model(model, holed().assign(empty=np.float32("nan"))) == content


def run(content, rows):
    session = open_session(content)
    (given,) = session.get_inputs()
    return session.run(None, {given.name: rows.to_numpy(np.float32)})[-1]


def holed(share=0.2):
    return X.mask(np.random.default_rng(0).random(X.shape) < share)


def assert_equal_to_original(model, content, rows):
    original = model.estimator.predict_proba(rows[model.columns])
    assert np.abs(run(content, rows[model.columns]) - original).max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_an_export_equals_its_original_on_rows_that_it_has_not_seen(name):
    rows = make_features(EPOCHS, seed=1).assign(empty=0.0)
    assert_equal_to_original(*exported(name), rows)


@pytest.mark.parametrize("name", NAMES)
def test_missing_values_are_treated_as_in_the_original(name):
    assert_equal_to_original(*exported(name), holed(0.5).assign(empty=np.nan))


@pytest.mark.parametrize("name", NAMES)
def test_an_epoch_of_nothing_but_gaps_is_treated_as_in_the_original(name):
    model, content = exported(name)
    assert_equal_to_original(model, content, pd.DataFrame(np.nan, [0], model.columns))


@pytest.mark.parametrize("name", NAMES)
def test_one_epoch_or_none_can_be_run(name):
    model, content = exported(name)
    assert_equal_to_original(model, content, X[:1].assign(empty=0.0))
    assert run(content, X[:0].assign(empty=0.0)).shape == (0, 3)


@pytest.mark.parametrize("name", ["logistic_regression", "lightgbm"])
def test_values_missing_for_the_first_time_in_serving_are_treated_as_in_the_original(name):
    model = fit(name)
    rows = holed().assign(eeg_turn=np.float32("nan"))
    assert_equal_to_original(model, export_model(model, X), rows)


@pytest.mark.parametrize("name", ["logistic_regression", "lightgbm"])
def test_an_export_of_two_classes_equals_its_original(name):
    model = fit(name, X, 2 * (Y == 1))
    assert_equal_to_original(model, export_model(model, X), X)


def test_without_rows_to_check_on_the_export_is_still_made():
    model = fit("logistic_regression")
    assert_equal_to_original(model, export_model(model, X[:0]), X)


def thresholds_of(model):
    tree = model.estimator.booster_.trees_to_dataframe().dropna(subset="threshold")
    return tree["threshold"].astype(float), tree["split_feature"]


def test_values_exactly_at_the_thresholds_go_the_same_way():
    """Columns of few values: LightGBM puts thresholds between them, some where doubles round."""
    coarse = (X * 8).round().div(8).astype(np.float32)
    model = fit("lightgbm", coarse)
    values, _ = thresholds_of(model)
    at = np.float32(values[values.abs() > 1e-30])  # ±1e-35 is LightGBM's own zero
    content = export_model(model, coarse)
    for step in (at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))):
        rows = pd.DataFrame(dict.fromkeys(X.columns, step))
        assert_equal_to_original(model, content, rows)


def test_a_float32_value_just_below_a_double_threshold_goes_left():
    """0.1 as float32 lies above the double 0.1: a threshold rounded to nearest decides wrongly."""
    value = np.float32(0.1)
    x = pd.DataFrame({"a": np.repeat([0.0, float(value), 1.0], 40)})
    estimator = CLASSICAL["lightgbm"](0, n_estimators=3, min_child_samples=5, colsample_bytree=1.0)
    y = np.repeat([0, 1, 2], 40)
    model = FittedModel("t", "classical", estimator.fit(x, y), ["a"], CLASSES, True)
    values, _ = thresholds_of(model)
    near = np.float32(values)
    assert (near.astype(float) > values.to_numpy()).any()  # rounding to nearest would go up
    candidates = np.unique(np.r_[near, value, np.float32([0.0, 1.0])])
    rows = pd.DataFrame({"a": np.r_[candidates, np.nextafter(candidates, np.float32(-1))]})
    assert_equal_to_original(model, export_model(model, rows), rows)


def test_thresholds_are_rounded_down_and_never_up():
    model = fit("lightgbm")
    exact, columns = thresholds_of(model)
    rounded = export._round_thresholds_down(model.estimator.booster_)
    tree = rounded.trees_to_dataframe().dropna(subset="threshold")
    found = tree["threshold"].astype(float)
    assert (tree["split_feature"].to_numpy() == columns.to_numpy()).all()
    assert (found.to_numpy() <= exact.to_numpy()).all()
    assert np.array_equal(np.float32(found).astype(float), found)
    assert np.allclose(found, exact, rtol=1e-6)


def test_an_export_that_differs_is_refused_with_the_difference(monkeypatch):
    other = export._convert(fit("logistic_regression", X, (Y + 1) % 3))
    monkeypatch.setattr(export, "_convert", lambda model: other)
    with pytest.raises(EpochalError, match=r"'logistic_regression': its ONNX form differs by [01]"):
        export_model(fit("logistic_regression"), X)
    assert PARITY == 1e-4


def test_a_kind_without_an_onnx_form_is_refused_by_name():
    tree = DecisionTreeClassifier().fit(X, Y)
    model = FittedModel("oak", "classical", tree, list(X.columns), CLASSES, True)
    with pytest.raises(EpochalError, match="'oak': no ONNX form for DecisionTreeClassifier"):
        export_model(model, X)
