"""Trees as ONNX beside the libraries' own predictions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builders import CLASSES, make_epochs, make_features
from epochal.models.boosting import HistGradientBoosting
from epochal.models.classical import ROSTER
from epochal.models.export import export_model
from epochal.models.export_trees import Tree, build_ensemble, floor_to_single
from epochal.models.fitted_model import FittedModel
from epochal.models.fitting import fit_estimator
from epochal.options.models import ModelOptions
from epochal.serving.bundle import open_session

EXACT = 1e-6
KINDS = ("hist_gradient_boosting", "xgboost")
LENGTH = {"hist_gradient_boosting": "max_iter", "xgboost": "n_estimators"}
# Small tables would otherwise grow no tree at all.
EAGER = {
    "hist_gradient_boosting": {"min_samples_leaf": 3},
    "xgboost": {"min_child_weight": 0, "colsample_bytree": 1.0},
}


def build(kind, n_trees=25, **params):
    return ROSTER[kind](0, **{LENGTH[kind]: n_trees, **EAGER[kind], **params})


def draw(n_epochs=400, *, n_columns=6, classes=(0, 1, 2), holes=0.15, seed=0):
    """Return float32 columns that tell the class through noise, with holes; and the classes."""
    random = np.random.default_rng(seed)
    y = random.choice(classes, n_epochs)
    X = random.normal(size=(n_epochs, n_columns)) + y[:, None] * random.normal(size=n_columns)
    X[random.random(X.shape) < holes] = np.nan
    columns = [f"c{index}" for index in range(n_columns)]
    return pd.DataFrame(X.astype(np.float32), columns=columns), y


def run(content, rows):
    session = open_session(content)
    return session.run(None, {session.get_inputs()[0].name: rows.to_numpy(np.float32)})[-1]


def assert_exact(estimator, X, rows=None):
    """Assert that the ONNX form of what was fitted on X says the same of rows."""
    model = FittedModel("m", "classical", estimator, list(X.columns), CLASSES, True)
    rows = X if rows is None else rows
    original = estimator.predict_proba(rows)
    found = run(export_model(model, X), rows)
    assert found.shape == original.shape
    assert np.abs(found - original).max() < EXACT


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "classes", [(0, 1), (0, 1, 2), (0, 2), (1, 2, 4)],
    ids=["two", "three", "two with a hole", "three with holes"],
)  # fmt: skip
def test_an_export_of_trees_is_exact_on_rows_that_they_have_not_seen(kind, classes):
    X, y = draw(classes=classes)
    rows, _ = draw(classes=classes, seed=1)
    assert_exact(build(kind).fit(X, y), X, rows)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_export_of_many_trees_is_exact(kind):
    X, y = draw(1500, n_columns=12)
    rows, _ = draw(1500, n_columns=12, seed=1)
    assert_exact(build(kind, 200).fit(X, y), X, rows)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_missing_values_go_the_way_that_training_found(kind, share):
    X, y = draw(holes=0.3)
    rows, _ = draw(holes=share, seed=1)
    assert_exact(build(kind).fit(X, y), X, rows)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_values_missing_in_serving_alone_go_where_the_original_sends_them(kind):
    X, y = draw(holes=0.0)
    rows, _ = draw(holes=0.4, seed=1)
    assert_exact(build(kind).fit(X, y), X, rows)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("constant", [0.0, 7.5, np.nan])
def test_a_column_of_one_value_is_no_hindrance(kind, constant):
    X, y = draw()
    X["constant"] = np.float32(constant)
    rows, _ = draw(seed=1)
    rows["constant"] = np.float32(1.0)
    assert_exact(build(kind).fit(X, y), X, rows)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_values_at_the_thresholds_and_beside_them_go_the_same_way(kind):
    """Columns of few values: thresholds lie between them, where single precision decides."""
    X, y = draw(holes=0.0)
    X = (X * 10).round().div(10).astype(np.float32)
    values = np.unique(X.to_numpy())
    middles = ((values[1:].astype(float) + values[:-1]) / 2).astype(np.float32)
    near = np.concatenate([
        np.nextafter(at, np.float32(way)) for at in (values, middles) for way in (-np.inf, np.inf)
    ])  # fmt: skip
    rows = pd.DataFrame(dict.fromkeys(X.columns, np.concatenate([values, middles, near])))
    assert_exact(build(kind).fit(X, y), X, rows)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_values_without_bound_go_the_same_way(kind):
    X, y = draw()
    rows = X[:6].copy()
    rows.iloc[:3] = [[np.inf], [-np.inf], [np.float32(3e38)]]
    assert_exact(build(kind).fit(X, y), X, rows.astype(np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_tells_all_makes_stumps(kind):
    y = np.repeat([0, 1], 50)
    X = pd.DataFrame({"a": y.astype(np.float32)})
    assert_exact(build(kind, 1).fit(X, y), X)


@pytest.mark.parametrize("kind", KINDS)
def test_trees_without_a_split_say_the_classes_shares(kind):
    X = pd.DataFrame({"a": np.zeros(60, np.float32)})
    y = np.repeat([0, 0, 0, 1, 2, 2], 10)
    assert_exact(build(kind, 3).fit(X, y), X)


def stopped(kind, n_classes=3):
    """Return a model that stopped early on noisy subjects, its columns, and the rows."""
    epochs = make_epochs(n_subjects=9, n_epochs=40)
    if n_classes == 2:
        epochs["label"] = epochs["label"].replace("REM", "W")
    rows = make_features(epochs, noise=1.0).merge(epochs)
    columns = ["eeg_level", "eeg_turn", "eeg_nothing"]
    options = ModelOptions(kind=kind, early_stopping={"rounds": 5, "share": 0.34})
    estimator = build(kind, 200, learning_rate=0.3)
    return fit_estimator(estimator, rows, columns, CLASSES, options, seed=0), rows[columns]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_what_stopped_early_is_exported_up_to_its_best_iteration(kind, n_classes):
    fitted, X = stopped(kind, n_classes)
    assert_exact(fitted, X)


def test_an_early_stopped_xgboost_has_more_trees_than_it_exports():
    fitted, X = stopped("xgboost")
    booster = fitted.model_.get_booster()
    assert fitted.model_.best_iteration + 1 < booster.num_boosted_rounds()
    all_trees = fitted.model_.predict_proba(X, iteration_range=(0, booster.num_boosted_rounds()))
    model = FittedModel("m", "classical", fitted, list(X.columns), CLASSES, True)
    assert np.abs(run(export_model(model, X), X) - all_trees).max() > 0.01


def test_an_early_stopped_hist_gradient_boosting_keeps_its_best_iteration():
    fitted, X = stopped("hist_gradient_boosting")
    assert isinstance(fitted, HistGradientBoosting)
    assert fitted.n_iter_ == np.argmax(fitted.validation_score_)
    assert fitted.n_iter_ + 5 == len(fitted.validation_score_) - 1  # so long it waited in vain
    staged = list(fitted.staged_predict_proba(X))
    assert len(staged) == fitted.n_iter_
    assert np.allclose(staged[-1], fitted.predict_proba(X))


@st.composite
def tables(draw_one):
    """Draw a small table of floats, some of them missing, and classes of which two are present."""
    n_epochs, n_columns = draw_one(st.integers(8, 40)), draw_one(st.integers(1, 4))
    values = st.one_of(
        st.floats(width=32, min_value=-1e6, max_value=1e6),
        st.sampled_from([0.0, 0.1, 1.0, float("nan")]),
    )
    X = draw_one(st.lists(st.lists(values, min_size=n_columns, max_size=n_columns),
                          min_size=n_epochs, max_size=n_epochs))  # fmt: skip
    y = draw_one(st.lists(st.sampled_from([0, 1, 3]), min_size=n_epochs - 2, max_size=n_epochs - 2))
    first, second = draw_one(st.sampled_from([(0, 1), (0, 3), (1, 3)]))
    columns = [f"c{index}" for index in range(n_columns)]
    return pd.DataFrame(np.float32(X), columns=columns), np.array([first, second, *y])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(tables())
@example((pd.DataFrame({"a": np.float32([0.1, 0.1, np.nan, 0.3] * 4)}), np.array([0, 0, 1, 1] * 4)))
def test_any_small_table_is_exported_exactly(kind, table):
    X, y = table
    fitted = build(kind, 4, **({"min_samples_leaf": 1} if kind != "xgboost" else {})).fit(X, y)
    assert_exact(fitted, X)
    assert_exact(fitted, X, X[::-1].mul(np.float32(0.5)))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, min_value=-1e30, max_value=1e30), st.floats(width=32))
def test_a_floored_threshold_decides_of_every_single_value_as_the_exact_one(threshold, value):
    single = floor_to_single(np.array([threshold]))[0]
    assert (np.float32(value) <= single) == (float(np.float32(value)) <= threshold)


def leaf_tree(target, value):
    """Return a tree of nothing but a leaf."""
    zero = np.zeros(1, dtype=int)
    return Tree(target, zero, np.zeros(1), zero, zero, zero, np.ones(1, bool), np.array([value]))


def test_an_ensemble_of_known_leaves_is_a_softmax_or_a_logistic_of_their_sums():
    rows = pd.DataFrame({"a": np.zeros(2, np.float32)})
    trees = [leaf_tree(0, 1.0), leaf_tree(1, 0.5), leaf_tree(1, 0.5), leaf_tree(2, -1.0)]
    found = run(build_ensemble(trees, np.array([0.0, 1.0, 0.0]), n_columns=1, mode="BRANCH_LT"),
                rows)  # fmt: skip
    raised = np.exp([1.0, 2.0, -1.0])
    assert found[0] == pytest.approx(raised / raised.sum())
    two = run(build_ensemble([leaf_tree(0, 1.0)], np.array([1.0]), n_columns=1, mode="BRANCH_LT"),
              rows)  # fmt: skip
    assert two[1] == pytest.approx([1 / (1 + np.exp(2)), 1 / (1 + np.exp(-2))])
