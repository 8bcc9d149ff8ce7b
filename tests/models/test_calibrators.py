from functools import cache
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from epochal.errors import EpochalError
from epochal.metrics import calibration_error
from epochal.models.calibrators import Calibration, Kind, fit_calibration

KINDS = get_args(Kind)


def softmax(score):
    grown = np.exp(score - score.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def draw(n_epochs=20_000, seed=0, prior=(0.5, 0.3, 0.2)):
    """Return true posteriors of three overlapping classes, and the classes drawn from them."""
    random = np.random.default_rng(seed)
    codes = random.choice(3, size=n_epochs, p=prior)
    centres = np.array([[0, 0], [2, 0], [0, 2]])
    seen = centres[codes] + random.normal(size=(n_epochs, 2))
    score = np.log(prior) - 0.5 * ((seen[:, None] - centres) ** 2).sum(axis=2)
    return softmax(score), codes


@cache
def fitted_once(kind):
    return fit_calibration(kind, *draw(500))


def log_loss(proba, codes):
    return -np.log(proba[np.arange(len(codes)), codes]).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_calibrated_already_hardly_changes(kind):
    proba, codes = draw()
    found = fit_calibration(kind, proba, codes).apply(proba)
    assert np.abs(found - proba).mean() < 0.015
    assert log_loss(found, codes) < log_loss(proba, codes) + 0.002


@pytest.mark.parametrize("kind", ["temperature", "vector", "sigmoid", "isotonic"])
def test_shares_of_votes_are_met_as_they_are_not_as_their_winner(kind):
    shares, _ = draw()
    sharpened = softmax(3 * np.log(shares))
    met = fit_calibration(kind, sharpened, shares).apply(sharpened)
    sharper = fit_calibration(kind, sharpened, shares.argmax(axis=1)).apply(sharpened)
    assert np.abs(met - shares).mean() < 0.02
    assert np.abs(sharper - shares).mean() > 0.05


@pytest.mark.parametrize("kind", ["temperature", "vector", "sigmoid", "isotonic"])
def test_overconfidence_is_mended_on_rows_that_were_not_fitted(kind):
    proba, codes = draw()
    sharpened = softmax(3 * np.log(proba))
    fitted = fit_calibration(kind, sharpened[:10_000], codes[:10_000])
    found = fitted.apply(sharpened[10_000:])
    before = calibration_error(codes[10_000:], sharpened[10_000:], 15)
    assert before > 0.1
    assert calibration_error(codes[10_000:], found, 15) < 0.02


def test_a_temperature_of_three_is_found():
    proba, codes = draw()
    found = fit_calibration("temperature", softmax(3 * np.log(proba)), codes)
    assert found.scale == pytest.approx((1 / 3,) * 3, rel=0.03)
    assert found.offset == pytest.approx((0, 0, 0))


@pytest.mark.parametrize("kind", ["temperature", "vector", "prior"])
@pytest.mark.parametrize("n_epochs", [1, 5, 20])
def test_few_epochs_change_little(kind, n_epochs):
    """Fitted without a ridge, five epochs of one class would make it certain."""
    proba, codes = draw(n_epochs)
    found = fit_calibration(kind, proba, np.zeros_like(codes))
    assert np.abs(np.array(found.scale) - 1).max() < 0.3
    assert np.abs(np.array(found.offset)).max() < 1.5
    others, truth = draw(2000, seed=1)
    assert log_loss(found.apply(others), truth) < log_loss(others, truth) + 0.15


def test_more_epochs_move_a_scale_farther():
    proba, codes = draw()
    sharpened = softmax(3 * np.log(proba))
    scales = [
        fit_calibration("vector", sharpened[:n], codes[:n]).scale[0] for n in (20, 200, 20_000)
    ]
    assert 1 > scales[0] > scales[1] > scales[2]
    assert scales[2] == pytest.approx(1 / 3, rel=0.1)


def test_what_few_people_teach_hardly_hurts_others():
    """Epochs of a person err alike: fitted to the habits of three people, the rest would lose."""
    random = np.random.default_rng(0)
    proba, codes = draw(4000)
    person = np.arange(4000) // 20
    said = softmax(np.log(proba) + random.normal(0, 0.5, (200, 3))[person])
    lost = []
    for first in range(0, 60, 3):
        few = (person >= first) & (person < first + 3)
        found = fit_calibration("vector", said[few], codes[few]).apply(said[~few])
        lost.append(log_loss(found, codes[~few]) - log_loss(said[~few], codes[~few]))
    assert np.mean(lost) < 0.02  # .05 without the ridge


@pytest.mark.parametrize("kind", ["prior", "vector"])
def test_the_prevalence_that_class_weights_hid_comes_back(kind):
    proba, codes = draw()
    balanced = softmax(np.log(proba) - np.log([0.5, 0.3, 0.2]))  # as if trained on equal shares
    found = fit_calibration(kind, balanced, codes)
    assert np.abs(found.apply(balanced) - proba).mean() < 0.01
    moved = np.array(found.offset) - np.mean(found.offset)
    wanted = np.log([0.5, 0.3, 0.2]) - np.mean(np.log([0.5, 0.3, 0.2]))
    assert moved == pytest.approx(wanted, abs=0.1)


def test_a_prior_correction_leaves_the_sharpness_alone():
    proba, codes = draw()
    assert fit_calibration("prior", softmax(3 * np.log(proba)), codes).scale == (1, 1, 1)


@pytest.mark.parametrize(
    ("kind", "tolerance"),
    [("sigmoid", 0.005), ("isotonic", 0.01)],  # isotonic knots lie on a grid here
)
def test_two_classes_are_calibrated_as_scikit_learn_does(kind, tolerance):
    random = np.random.default_rng(0)
    codes = random.integers(0, 2, 4000)
    X = codes[:, None] + random.normal(size=(4000, 1))
    model = LogisticRegression(C=1e-4).fit(X, codes)
    theirs = CalibratedClassifierCV(FrozenEstimator(model), method=kind, ensemble=False)
    expected = theirs.fit(X, codes).predict_proba(X)
    proba = model.predict_proba(X)
    found = fit_calibration(kind, proba, codes).apply(proba)
    assert np.abs(found - expected).mean() < tolerance


@pytest.mark.parametrize("kind", KINDS)
def test_a_calibration_is_the_same_after_its_way_through_json(kind):
    proba, codes = draw(2000)
    fitted = fit_calibration(kind, proba, codes)
    again = Calibration.model_validate_json(fitted.model_dump_json())
    assert np.array_equal(again.apply(proba), fitted.apply(proba))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(
    scores=st.lists(st.lists(st.floats(-50, 50), min_size=3, max_size=3), min_size=1, max_size=20)
)
def test_calibrated_probabilities_are_probabilities(kind, scores):
    found = fitted_once(kind).apply(softmax(np.array(scores)))
    assert (found > 0).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(len(scores)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_is_never_right_stays_possible(kind):
    proba, codes = draw(2000)
    proba, codes = proba[codes < 2], codes[codes < 2]
    found = fit_calibration(kind, proba, codes).apply(proba)
    assert (found[:, 2] > 0).all()
    if kind != "temperature":  # a temperature knows no class
        assert found[:, 2].mean() < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_probability_stays_missing(kind):
    proba, codes = draw(500)
    found = fit_calibration(kind, proba, codes).apply(np.full((1, 3), np.nan))
    assert np.isnan(found).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_calibrate_on_is_refused(kind):
    with pytest.raises(EpochalError, match="No labelled epoch of another fold"):
        fit_calibration(kind, np.empty((0, 3)), np.empty(0, dtype=int))


def test_a_rounding_error_of_single_precision_stays_one_through_isotonic_steps():
    """Sure answers, as of naive Bayes: many probabilities within 1e-6 of 0 or of 1."""
    proba, codes = draw(2000)
    sure = softmax(30 * np.log(proba))
    found = fit_calibration("isotonic", sure, codes)
    shaken = sure + np.random.default_rng(0).uniform(-1e-6, 1e-6, sure.shape)
    assert np.abs(found.apply(shaken) - found.apply(sure)).max() < 5e-3
