"""Calibrated models and stacks of them say the same in training and when a Scorer serves them."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from builders import CLASSES, make_bundle, make_epochs, make_features, make_splits, make_study
from epochal.labels import log_proba
from epochal.models.bundling import export_models
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import cross_fit, join_table
from epochal.models.export import export_model
from epochal.models.stacking import META_ROSTER, list_stacks, spread_models
from epochal.options.models import ModelOptions, StackingOptions
from epochal.serving.bundle import Bundle, Scorer, open_session

pytestmark = pytest.mark.slow  # six models and three stacks of them are cross-fitted
EPOCHS = make_epochs(n_subjects=6, n_epochs=60)
FEATURES = make_features(EPOCHS, noise=0.8)
SPLITS = make_splits(EPOCHS, n_folds=3)
CALIBRATED = {
    "naive_bayes": ModelOptions(kind="naive_bayes", calibration="isotonic"),
    "logistic_regression": ModelOptions(kind="logistic_regression", calibration="temperature"),
    "forest": ModelOptions(
        kind="random_forest", params={"n_estimators": 10}, class_weight="balanced",
        calibration="vector",
    ),
    "hist": ModelOptions(
        kind="hist_gradient_boosting", params={"max_iter": 10}, class_weight="sqrt",
        calibration="prior",
    ),
    "lightgbm": ModelOptions(
        kind="lightgbm", params={"n_estimators": 10}, calibration="sigmoid",
        early_stopping={"rounds": 3, "share": 0.4},
    ),
    "xgboost": ModelOptions(kind="xgboost", params={"n_estimators": 10}, calibration="vector"),
}  # fmt: skip
STACKS = list_stacks(StackingOptions(comparisons=("average", "blend"), calibration="temperature"))


@cache
def served():
    """Cross-fit calibrated base models and the stacks of them; return the fits and a Scorer."""
    table = join_table(FEATURES, EPOCHS, SPLITS)
    fitted = {
        name: cross_fit(name, options, ROSTER, table, make_study(), family="classical")
        for name, options in CALIBRATED.items()
    }
    base = pd.concat([one.out_of_fold for one in fitted.values()], ignore_index=True)
    spread = spread_models(base, sorted(CALIBRATED), ("oof",))
    stacked = join_table(spread, EPOCHS, SPLITS)
    fitted |= {
        name: cross_fit(name, options, META_ROSTER, stacked, make_study(), family="stack")
        for name, options in STACKS.items()
    }
    models = {name: one.model for name, one in fitted.items()}
    exported = export_models(models, {"classical": FEATURES, "stack": spread}, parity_rows=100)
    manifest = make_bundle().manifest.model_copy(
        update={"models": [entry for entry, _ in exported.values()], "smoothing": {}}
    )
    files = {entry.file: content for entry, content in exported.values()}
    return models, Scorer(Bundle(manifest, files))


def spread_log_proba(models):
    """Return what the stack sees of the whole table, by the fitted models themselves."""
    return pd.DataFrame({
        f"{name}__{stage}": log_proba(column)
        for name in sorted(CALIBRATED)
        for stage, column in zip(CLASSES, models[name].predict_proba(FEATURES).T, strict=True)
    })  # fmt: skip


@pytest.mark.parametrize("name", CALIBRATED)
def test_a_calibrated_model_says_the_same_when_served(name):
    models, scorer = served()
    expected = models[name].predict_proba(FEATURES)
    assert models[name].calibration.kind == CALIBRATED[name].calibration
    assert np.abs(scorer.predict(FEATURES, name) - expected).max() < 1e-5


@pytest.mark.parametrize("name", CALIBRATED)
def test_the_calibration_is_no_decoration(name):
    models, _ = served()
    raw = models[name].estimator.predict_proba(FEATURES[models[name].columns])
    assert np.abs(models[name].predict_proba(FEATURES) - raw).max() > 1e-4


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_of_calibrated_models_says_the_same_when_served(name):
    models, scorer = served()
    expected = models[name].predict_proba(spread_log_proba(models))
    found = scorer.predict(FEATURES, name)
    assert np.abs(found - expected).max() < 1e-4
    assert found.sum(axis=1) == pytest.approx(np.ones(len(FEATURES)))


def test_the_weights_of_a_blend_travel_into_the_export():
    models, scorer = served()
    weights = models["stack_blend"].estimator.weights_
    base = np.stack([models[name].predict_proba(FEATURES) for name in sorted(CALIBRATED)])
    mixed = np.einsum("m,mnc->nc", weights, np.exp(log_proba(base)))
    mixed /= mixed.sum(axis=1, keepdims=True)  # a stack's columns have a floor
    expected = models["stack_blend"].calibration.apply(mixed)
    assert np.abs(scorer.predict(FEATURES, "stack_blend") - expected).max() < 1e-4
    assert not np.allclose(weights, 1 / len(CALIBRATED))


def test_a_weighted_mean_is_exact_where_probabilities_were_floored():
    models, _ = served()
    fitted = models["stack_blend"]
    X = spread_log_proba(models)
    X.iloc[:20, :9] = X.iloc[:20, :9].min().min() - 3
    session = open_session(export_model(fitted, X))
    found = session.run(None, {"features": X[fitted.columns].to_numpy(np.float32)})[-1]
    assert np.abs(found - fitted.estimator.predict_proba(X[fitted.columns])).max() < 1e-6
