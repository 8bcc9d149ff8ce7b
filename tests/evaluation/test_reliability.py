import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from made_scored import CLASSES, draw_calibrated, make_scored
from sklearn.metrics import brier_score_loss

from epochal.evaluation.reliability import (
    ALL,
    CALIBRATION_COLUMNS,
    CHOSEN,
    CURVE_COLUMNS,
    Event,
    adaptive_edges,
    calibration_gap,
    draw_curve,
    equal_edges,
    list_events,
    measure_calibration,
    measure_reliability,
    place_in_bins,
)
from epochal.metrics import calibration_error
from epochal.options.results import EvaluationOptions

OPTIONS = EvaluationOptions(n_bootstrap=200, n_calibration_bins=10)
probabilities = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50)


def sharpen(proba, power):
    return proba**power / (proba**power).sum(axis=1, keepdims=True)


def test_calibrated_probabilities_have_hardly_an_error_in_any_class():
    proba, truth = draw_calibrated(50_000)
    table = measure_calibration([make_scored(proba, truth)], n_bins=15).set_index("class")
    assert list(table.index) == [*CLASSES, CHOSEN, ALL]
    assert table["ece"].max() < 0.01
    assert table["adaptive_ece"].max() < 0.01
    of_class = table.loc[list(CLASSES)]
    assert of_class["prevalence"].to_numpy() == pytest.approx(of_class["mean_proba"], abs=0.01)


@pytest.mark.parametrize("power", [3.0, 0.3], ids=["too sure", "not sure enough"])
def test_distorted_probabilities_err_in_every_class(power):
    proba, truth = draw_calibrated(20_000)
    table = measure_calibration([make_scored(sharpen(proba, power), truth)], n_bins=15)
    assert table["ece"].min() > 0.05
    assert table["adaptive_ece"].to_numpy() == pytest.approx(table["ece"], abs=0.01)


def test_a_class_is_wrong_alone():
    """Half of W's probability is given to N2: REM has nothing to do with it."""
    proba, truth = draw_calibrated(30_000)
    moved = proba[:, :1] * [[-0.5, 0.5, 0.0]]
    rows = make_scored(proba + moved, truth)
    ece = measure_calibration([rows], n_bins=15).set_index("class")["ece"]
    assert ece["W"] == pytest.approx(1 / 6, abs=0.01)
    assert ece["N2"] > 0.1
    assert ece["REM"] < 0.01


def test_brier_scores_are_those_of_sklearn_and_sum_over_the_classes():
    proba, truth = draw_calibrated(500)
    brier = measure_calibration([make_scored(proba, truth)], n_bins=15).set_index("class")["brier"]
    for code, name in enumerate(CLASSES):
        assert brier[name] == pytest.approx(brier_score_loss(truth == code, proba[:, code]))
    assert brier[ALL] == pytest.approx(brier[list(CLASSES)].sum())
    assert brier[ALL] == pytest.approx(((proba - np.eye(3)[truth]) ** 2).sum(axis=1).mean())


def test_the_chosen_classes_error_is_that_of_the_leaderboard():
    proba, truth = draw_calibrated(2000)
    rows = make_scored(sharpen(proba, 2), truth)
    ece = measure_calibration([rows], n_bins=15).set_index("class")["ece"]
    assert ece[CHOSEN] == pytest.approx(calibration_error(truth, rows.proba, 15))


def test_a_perfect_model_scores_nothing_and_a_certain_wrong_one_all():
    truth = np.arange(30) % 3
    right = measure_calibration([make_scored(np.eye(3)[truth], truth)], n_bins=15)
    wrong = measure_calibration([make_scored(np.eye(3)[(truth + 1) % 3], truth)], n_bins=15)
    assert right[["ece", "adaptive_ece", "brier"]].to_numpy() == pytest.approx(0)
    by_class = wrong.set_index("class")
    assert by_class.loc[CHOSEN, ["ece", "adaptive_ece", "brier"]].tolist() == [1, 1, 1]
    assert by_class.loc[ALL, "brier"] == 2


@pytest.mark.slow
@given(probabilities)
def test_errors_and_bins_stay_within_bounds(rows):
    proba, came = (np.array(column) for column in zip(*rows, strict=True))
    for edges in (equal_edges(7), adaptive_edges(proba, 7)):
        bins = place_in_bins(proba, edges)
        assert bins.min() >= 0
        assert bins.max() <= len(edges) - 2
        assert (edges[bins] <= proba).all()
        assert (proba <= edges[bins + 1]).all()
        assert 0 <= calibration_gap(proba, came, edges) <= 1
        total = abs(proba.mean() - came.mean())  # which bins can only add to
        assert calibration_gap(proba, came, edges) >= total - 1e-9


def test_an_edge_belongs_to_the_bin_below_and_0_to_the_first():
    edges = equal_edges(2)
    assert place_in_bins(np.array([0.0, 0.5, 0.51, 1.0]), edges).tolist() == [0, 0, 1, 1]


def test_adaptive_bins_hold_equally_many_epochs():
    proba = np.random.default_rng(0).beta(0.2, 2, 10_000)
    edges = adaptive_edges(proba, 10)
    assert np.bincount(place_in_bins(proba, edges)) == pytest.approx(np.full(10, 1000), abs=1)


def test_equal_probabilities_stay_in_one_adaptive_bin():
    edges = adaptive_edges(np.full(100, 0.3), 15)
    assert edges.tolist() == [0.0, 0.3, 1.0]
    came = np.arange(100) < 30
    assert calibration_gap(np.full(100, 0.3), came, edges) == pytest.approx(0)


def test_each_class_is_an_event_and_the_chosen_one_too():
    rows = make_scored([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [0, 1], [0, 1])
    events = {event.name: event for event in list_events(rows)}
    assert list(events) == [*CLASSES, CHOSEN]
    assert events["N2"].proba.tolist() == [0.3, 0.2]
    assert events["N2"].came.tolist() == [False, True]
    assert events[CHOSEN].proba.tolist() == [0.5, 0.7]
    assert events[CHOSEN].came.tolist() == [True, False]


def test_a_curve_says_how_often_each_bin_came_true():
    event = Event("W", np.array([0.05, 0.15, 0.15, 0.95]), np.array([0, 1, 0, 1]) == 1)
    curve = draw_curve(event, np.arange(4), OPTIONS, seed=0)
    assert curve["n_epochs"].tolist() == [1, 2, 1]
    assert curve["from_proba"].tolist() == pytest.approx([0.0, 0.1, 0.9])
    assert curve["mean_proba"].tolist() == pytest.approx([0.05, 0.15, 0.95])
    assert curve["observed"].tolist() == [0.0, 0.5, 1.0]
    assert curve["share"].sum() == 1


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_curves_intervals_hold_what_was_observed(seed):
    proba, truth = draw_calibrated(400, seed=seed)
    for event in list_events(make_scored(proba, truth)):
        curve = draw_curve(event, np.arange(400) % 8, OPTIONS, seed=seed)
        assert (curve["observed_low"] <= curve["observed"] + 1e-9).all()
        assert (curve["observed_high"] >= curve["observed"] - 1e-9).all()
        assert curve[["observed_low", "observed_high"]].stack().between(0, 1).all()


def test_subjects_that_differ_make_wide_intervals():
    came = np.repeat(np.arange(10) % 2 == 0, 50)  # each subject always or never
    event = Event("W", np.full(500, 0.55), came)
    by_subject = draw_curve(event, np.repeat(np.arange(10), 50), OPTIONS, seed=0).iloc[0]
    by_epoch = draw_curve(event, np.arange(500), OPTIONS, seed=0).iloc[0]
    width = [one["observed_high"] - one["observed_low"] for one in (by_subject, by_epoch)]
    assert width[0] > 4 * width[1]


@pytest.mark.parametrize(
    ("subjects", "n_bootstrap"), [(np.zeros(20, int), 100), (np.arange(20), 0)],
    ids=["one subject", "no resamples"],
)  # fmt: skip
def test_without_subjects_to_resample_there_is_no_interval(subjects, n_bootstrap):
    options = EvaluationOptions(n_bootstrap=n_bootstrap)
    event = Event("W", np.linspace(0, 1, 20), np.arange(20) > 9)
    curve = draw_curve(event, subjects, options, seed=0)
    assert curve["observed_low"].isna().all()


def test_curves_name_model_role_class_and_source():
    proba, truth = draw_calibrated(200)
    rows = [make_scored(proba, truth, model=name, data_source="real") for name in "ab"]
    table = measure_reliability(rows, OPTIONS, seed=0)
    assert list(table) == CURVE_COLUMNS
    assert set(table["model"]) == {"a", "b"}
    assert set(table["class"]) == {*CLASSES, CHOSEN}
    assert set(table["data_source"]) == {"real"}
    shares = table.groupby(["model", "class"])["share"].sum()
    assert shares.to_numpy() == pytest.approx(np.ones(8))


def test_without_a_model_the_tables_are_empty():
    assert list(measure_calibration([], n_bins=5)) == CALIBRATION_COLUMNS
    empty = measure_reliability([], OPTIONS, seed=0)
    pd.testing.assert_index_equal(empty.columns, pd.Index(CURVE_COLUMNS))
    assert len(empty) == 0
