import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from made_scored import draw_calibrated, make_scored

from epochal.evaluation.abstention import (
    CURVE_COLUMNS,
    LEAST_COVERAGE,
    N_CURVE,
    TARGET_COLUMNS,
    area_under_curve,
    fit_thresholds,
    measure_abstention,
    meet_wanted_error,
    oracle_area,
    risk_coverage,
    thin_out,
)
from epochal.evaluation.leaving_out import NOBODY

EVERYONE = np.array([NOBODY])
answers = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def as_proba(confidence):
    confidence = np.asarray(confidence, dtype=float)
    rest = (1 - confidence) / 2
    return np.stack([confidence, rest, rest], axis=1)


def calibrated(n_subjects=20, n_each=500, **changed):
    proba, truth = draw_calibrated(n_subjects * n_each, concentration=0.4)
    return make_scored(proba, truth, np.repeat(np.arange(n_subjects), n_each), **changed)


def test_an_oracle_is_wrong_only_once_all_right_epochs_are_answered():
    wrong = np.arange(100) < 30
    curve = risk_coverage(np.where(wrong, 0.1, 0.9) + np.arange(100) / 1e4, wrong)
    assert (curve.loc[curve["coverage"] <= 0.7, "error"] == 0).all()
    assert curve["error"].iloc[-1] == pytest.approx(0.3)


def test_the_oracles_area_is_the_formulas():
    wrong = np.arange(20_000) < 4000
    curve = risk_coverage(1 - np.arange(20_000)[::-1] / 20_000, wrong)
    assert area_under_curve(curve) == pytest.approx(oracle_area(0.2), abs=1e-3)
    assert oracle_area(0.2) == pytest.approx(0.2 + 0.8 * math.log(0.8))
    assert (oracle_area(0.0), oracle_area(1.0)) == (0.0, 1.0)


@pytest.mark.slow
def test_a_confidence_that_means_nothing_has_a_flat_curve():
    random = np.random.default_rng(0)
    wrong = random.random(20_000) < 0.25
    curve = risk_coverage(random.random(20_000), wrong)
    late = curve[curve["coverage"] > 0.2]
    assert late["error"].to_numpy() == pytest.approx(np.full(len(late), 0.25), abs=0.02)
    assert area_under_curve(curve) == pytest.approx(0.25, abs=0.02)


def test_equally_sure_epochs_are_answered_together():
    curve = risk_coverage(np.array([0.9, 0.9, 0.5, 0.5]), np.array([True, False, False, False]))
    assert curve["coverage"].tolist() == [0.5, 1.0]
    assert curve["error"].tolist() == [0.5, 0.25]


@pytest.mark.slow
@given(answers)
def test_a_curve_ends_with_all_answered_and_stays_within_bounds(rows):
    confidence, wrong = (np.array(column) for column in zip(*rows, strict=True))
    curve = risk_coverage(confidence, wrong)
    assert curve["coverage"].iloc[-1] == 1.0
    assert curve["error"].iloc[-1] == pytest.approx(wrong.mean())
    assert curve["error"].between(0, 1).all()
    assert curve["coverage"].is_monotonic_increasing
    assert curve["threshold"].is_monotonic_decreasing
    assert oracle_area(wrong.mean()) - 1e-9 <= area_under_curve(curve) + 1 / len(rows)


@pytest.mark.slow
@given(answers)
def test_a_thinned_curve_keeps_its_end_and_at_most_the_points_asked_for(rows):
    confidence, wrong = (np.array(column) for column in zip(*rows, strict=True))
    curve = risk_coverage(confidence, wrong)
    thin = thin_out(curve, n_points=7)
    assert 1 <= len(thin) <= 7
    assert thin["coverage"].iloc[-1] == 1.0


@pytest.mark.parametrize("wanted", [0.05, 0.1, 0.2])
def test_the_wanted_error_is_met_on_subjects_that_were_not_seen(wanted):
    one = calibrated()
    found = meet_wanted_error(one, one, wanted)
    assert found["error"] == pytest.approx(wanted, abs=0.02)
    assert 0.1 < found["coverage"] < 1


@pytest.mark.parametrize("wanted", [0.05, 0.1])
def test_the_wanted_error_is_met_in_the_test_role(wanted):
    known = calibrated()
    proba, truth = draw_calibrated(5000, seed=1, concentration=0.4)
    held_out = make_scored(proba, truth, np.arange(5000) % 5 + 20, role="test")
    found = meet_wanted_error(held_out, known, wanted)
    assert found["error"] == pytest.approx(wanted, abs=0.02)
    assert found["threshold"] == fit_thresholds(known, EVERYONE, wanted_error=wanted)


def test_a_model_that_is_good_enough_answers_everything():
    one = calibrated()
    assert meet_wanted_error(one, one, 0.9)["coverage"] == 1.0


def test_a_threshold_never_rests_on_the_judged_subjects_own_epochs():
    one = calibrated(n_subjects=4)
    judged = np.array([2])
    before = fit_thresholds(one, judged, wanted_error=0.1)
    truth = np.where(one.subjects == 2, one.proba.argmin(axis=1), one.truth)
    after = fit_thresholds(one._replace(truth=truth), judged, wanted_error=0.1)
    assert after == before
    others = fit_thresholds(one._replace(truth=truth), np.array([0]), wanted_error=0.1)
    assert others > fit_thresholds(one, np.array([0]), wanted_error=0.1)


def test_where_no_confidence_is_high_enough_nothing_is_answered():
    half_right = make_scored(as_proba(np.linspace(0.5, 0.9, 40)), np.arange(40) % 2)
    assert np.isinf(fit_thresholds(half_right, EVERYONE, wanted_error=0.1)).all()
    found = meet_wanted_error(half_right, half_right, 0.1)
    assert found["coverage"] == 0
    assert np.isnan(found["error"])
    assert found["subjects_within_2_points"] == 1.0


def test_a_few_lucky_epochs_do_not_make_a_threshold():
    """The two surest of forty are right, all else is a toss: .05 of the epochs are too few."""
    confidence = np.linspace(0.5, 0.9, 40)
    truth = np.where(np.arange(40) >= 38, 0, np.arange(40) % 2)
    one = make_scored(as_proba(confidence), truth)
    assert LEAST_COVERAGE > 2 / 40
    assert np.isinf(fit_thresholds(one, EVERYONE, wanted_error=0.1)).all()


def test_a_threshold_that_appears_only_without_one_subject_is_none():
    """Without s3, sure and always wrong, all others are right; s3 would then be answered."""
    subjects = np.repeat(np.arange(4), 10)
    one = make_scored(as_proba(np.full(40, 0.9)), np.where(subjects == 3, 1, 0), subjects)
    assert fit_thresholds(one, np.array([3]), wanted_error=0.1) == [0.9]
    assert meet_wanted_error(one, one, 0.1)["coverage"] == 0.0


def test_a_subject_that_errs_surely_is_not_within_two_points():
    one = calibrated(n_each=4000)
    planted = (one.subjects == 3)[:, None]
    odd = one._replace(proba=np.where(planted, np.roll(one.proba, 1, axis=1), one.proba))
    found = meet_wanted_error(odd, one, 0.1)  # by the thresholds of the model as it was
    assert meet_wanted_error(one, one, 0.1)["subjects_within_2_points"] == 1.0
    assert found["subjects_within_2_points"] == 0.95
    assert found["error"] > 0.12


def test_the_tables_have_a_row_and_a_curve_per_model_and_role():
    one = calibrated(n_subjects=4)
    baseline = one._replace(model="majority", family="baseline")
    targets, curves = measure_abstention([one, one._replace(role="test"), baseline], 0.1)
    assert list(targets) == TARGET_COLUMNS
    assert list(curves) == CURVE_COLUMNS
    assert targets[["model", "role"]].to_numpy().tolist() == [["m", "oof"], ["m", "test"]]
    assert (targets["aurc_of_oracle"] < targets["aurc"]).all()
    assert (targets["aurc"] < targets["error_without"]).all()
    assert curves.groupby(["model", "role"]).size().tolist() == [N_CURVE, N_CURVE]


def test_without_a_model_the_tables_are_empty():
    targets, curves = measure_abstention([], 0.1)
    assert (len(targets), len(curves)) == (0, 0)
    assert (list(targets), list(curves)) == (TARGET_COLUMNS, CURVE_COLUMNS)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 0.6))
def test_what_a_threshold_was_fitted_on_errs_no_more_than_wanted(seed, wanted):
    proba, truth = draw_calibrated(300, seed=seed)
    one = make_scored(proba, truth)
    threshold = fit_thresholds(one, EVERYONE, wanted_error=wanted)[0]
    answered = one.confidence >= threshold
    assert not answered.any() or one.wrong[answered].mean() <= wanted
