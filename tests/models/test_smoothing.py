from itertools import pairwise, product

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from builders import CLASSES
from epochal.models.smoothing import (
    SMOOTHERS,
    estimate_prior,
    estimate_transitions,
    forward,
    forward_backward,
)

PRIOR = np.array([0.6, 0.4])
TRANSITIONS = np.array([[0.9, 0.1], [0.3, 0.7]])


def draw(n_epochs, n_classes=2, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(n_classes), n_epochs)


def enumerate_paths(proba):
    """Return P(class | all epochs) by adding up every path there is."""
    likelihood = proba / PRIOR
    posterior = np.zeros_like(proba)
    for path in product(range(2), repeat=len(proba)):
        weight = PRIOR[path[0]] * np.prod(
            [TRANSITIONS[one, other] for one, other in pairwise(path)]
        )
        weight *= np.prod([likelihood[at, state] for at, state in enumerate(path)])
        posterior[np.arange(len(path)), path] += weight
    return posterior / posterior.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n_epochs", [1, 2, 6])
def test_forward_backward_is_the_sum_over_all_paths(n_epochs):
    proba = draw(n_epochs)
    found = forward_backward(proba, TRANSITIONS, PRIOR)
    assert found == pytest.approx(enumerate_paths(proba))


@pytest.mark.parametrize("n_epochs", [1, 2, 6])
def test_forward_is_the_sum_over_all_paths_up_to_each_epoch(n_epochs):
    proba = draw(n_epochs)
    expected = [enumerate_paths(proba[: at + 1])[at] for at in range(n_epochs)]
    assert forward(proba, TRANSITIONS, PRIOR) == pytest.approx(np.array(expected))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), changed_at=st.integers(1, 19))
def test_forward_never_changes_when_later_epochs_do(seed, changed_at):
    transitions, prior = draw(3, 3, seed), draw(1, 3, seed)[0]
    proba, other = draw(20, 3, seed), draw(20, 3, seed + 1)
    other[:changed_at] = proba[:changed_at]
    one, changed = (forward(given, transitions, prior) for given in (proba, other))
    assert np.array_equal(one[:changed_at], changed[:changed_at])
    assert not np.array_equal(one, changed)


def test_forward_equals_a_computation_epoch_by_epoch():
    proba = draw(50)
    streamed, expected = [], PRIOR
    for evidence in proba:
        joint = expected * evidence / PRIOR
        streamed.append(joint / joint.sum())
        expected = streamed[-1] @ TRANSITIONS
    assert forward(proba, TRANSITIONS, PRIOR) == pytest.approx(np.array(streamed))


def test_the_last_epoch_is_the_same_forward_and_backward():
    proba = draw(20)
    one, other = (smooth(proba, TRANSITIONS, PRIOR)[-1] for smooth in SMOOTHERS.values())
    assert one == pytest.approx(other)


@pytest.mark.parametrize("smooth", SMOOTHERS.values(), ids=SMOOTHERS)
def test_without_memory_the_probabilities_stay_as_they_are(smooth):
    proba = draw(20)
    assert smooth(proba, np.tile(PRIOR, (2, 1)), PRIOR) == pytest.approx(proba)


@pytest.mark.parametrize("smooth", SMOOTHERS.values(), ids=SMOOTHERS)
def test_one_doubtful_epoch_within_a_stage_is_outvoted(smooth):
    proba = np.tile([0.9, 0.1], (11, 1))
    proba[5] = [0.4, 0.6]
    sticky = np.array([[0.95, 0.05], [0.05, 0.95]])
    assert (smooth(proba, sticky, np.array([0.5, 0.5])).argmax(axis=1) == 0).all()


@pytest.mark.parametrize("smooth", SMOOTHERS.values(), ids=SMOOTHERS)
def test_probabilities_of_0_and_1_and_long_nights_stay_finite(smooth):
    proba = np.eye(2)[np.arange(3000) % 2]
    found = smooth(proba, TRANSITIONS, PRIOR)
    assert np.isfinite(found).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(3000))


@pytest.mark.parametrize("smooth", SMOOTHERS.values(), ids=SMOOTHERS)
def test_the_given_probabilities_are_not_changed_and_none_give_none(smooth):
    proba = draw(5)
    before = proba.copy()
    smooth(proba, TRANSITIONS, PRIOR)
    assert np.array_equal(proba, before)
    assert smooth(proba[:0], TRANSITIONS, PRIOR).shape == (0, 2)


def night(*labels, run=0, recording_id="r"):
    rows = {"recording_id": recording_id, "run": run, "epoch": range(len(labels)), "label": labels}
    return pd.DataFrame(rows)


def test_transitions_are_shares_of_scored_neighbours_with_a_prior_count():
    found = estimate_transitions(night("W", "W", "N2", "REM", "N2"), CLASSES)
    # one of each, one more to itself; W to W and to N2, N2 to REM, REM to N2
    expected = np.array([[3, 2, 1], [1, 2, 2], [1, 2, 2]], dtype=float)
    assert found == pytest.approx(expected / expected.sum(axis=1, keepdims=True))


def test_no_transition_is_impossible():
    found = estimate_transitions(night(*["W"] * 50), CLASSES, self_weight=0.0)
    assert (found > 0).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(3))


def test_a_self_weight_makes_every_stage_last_longer():
    loose, sticky = (
        np.diag(estimate_transitions(night("W", "N2", "REM"), CLASSES, self_weight=weight))
        for weight in (0.0, 50.0)
    )
    assert (sticky > 0.9).all()
    assert (loose < 0.5).all()


@pytest.mark.parametrize(
    "epochs",
    [
        night("W", None, "REM"),
        night("W", "movement", "REM"),
        night("W", "REM").assign(run=[0, 1]),
        night("W", "REM").assign(recording_id=["a", "b"]),
    ],
    ids=["unscored", "of another study", "a gap", "another recording"],
)
def test_what_lies_between_two_epochs_keeps_them_from_being_neighbours(epochs):
    nothing = estimate_transitions(night("W"), CLASSES)
    assert estimate_transitions(epochs, CLASSES) == pytest.approx(nothing)


def test_the_order_of_the_table_does_not_matter_to_the_transitions():
    epochs = night("W", "N2", "N2", "REM", "W")
    shuffled = epochs.sample(frac=1, random_state=1)
    assert np.array_equal(
        estimate_transitions(epochs, CLASSES), estimate_transitions(shuffled, CLASSES)
    )


def test_the_prior_is_the_share_of_each_class_and_never_0():
    found = estimate_prior(night("W", "W", "N2", None), CLASSES)
    assert found == pytest.approx([3 / 6, 2 / 6, 1 / 6])
