from itertools import pairwise, product

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from builders import CLASSES
from epochal.models.calibrators import Calibration
from epochal.models.smoothing import (
    Smoothing,
    estimate_prior,
    estimate_transitions,
    forward,
    forward_backward,
    median_probability,
    mode_filter,
    penalise,
    viterbi,
    weaken,
)

CHAINS = {"forward": forward, "forward_backward": forward_backward, "viterbi": viterbi}
FILTERS = {"mode": mode_filter, "median_probability": median_probability}
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


@pytest.mark.slow
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
    one, other = (smooth(proba, TRANSITIONS, PRIOR)[-1] for smooth in (forward, forward_backward))
    assert one == pytest.approx(other)


@pytest.mark.parametrize("smooth", CHAINS.values(), ids=CHAINS)
def test_without_memory_the_probabilities_stay_as_they_are(smooth):
    proba = draw(20)
    assert smooth(proba, np.tile(PRIOR, (2, 1)), PRIOR) == pytest.approx(proba)


@pytest.mark.parametrize("smooth", CHAINS.values(), ids=CHAINS)
def test_one_doubtful_epoch_within_a_stage_is_outvoted(smooth):
    proba = np.tile([0.9, 0.1], (11, 1))
    proba[5] = [0.4, 0.6]
    sticky = np.array([[0.95, 0.05], [0.05, 0.95]])
    assert (smooth(proba, sticky, np.array([0.5, 0.5])).argmax(axis=1) == 0).all()


@pytest.mark.parametrize("smooth", CHAINS.values(), ids=CHAINS)
def test_probabilities_of_0_and_1_and_long_nights_stay_finite(smooth):
    proba = np.eye(2)[np.arange(3000) % 2]
    found = smooth(proba, TRANSITIONS, PRIOR)
    assert np.isfinite(found).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(3000))


@pytest.mark.parametrize("smooth", CHAINS.values(), ids=CHAINS)
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


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_posteriors_and_path_are_those_of_hmmlearn(n_classes, seed):
    """Its emissions are given by the class of an observed symbol: one column per epoch."""
    hmmlearn = pytest.importorskip("hmmlearn.hmm")
    n_epochs = 40
    proba, prior = draw(n_epochs, n_classes, seed), draw(1, n_classes, seed + 10)[0]
    transitions = draw(n_classes, n_classes, seed + 20)
    model = hmmlearn.CategoricalHMM(n_components=n_classes)
    likelihood = (proba / prior).T  # (n_classes, n_epochs)
    model.startprob_, model.transmat_ = prior, transitions
    model.n_features, model.emissionprob_ = n_epochs, likelihood / likelihood.sum()
    # rows of emissions need a sum of 1 for its checks only: an own likelihood passes them by
    model._compute_log_likelihood = lambda given: np.log(likelihood.T[given[:, 0]])
    model._compute_likelihood = lambda given: likelihood.T[given[:, 0]]
    model._check = lambda: None
    epochs = np.arange(n_epochs)[:, None]
    assert forward_backward(proba, transitions, prior) == pytest.approx(
        model.predict_proba(epochs), abs=1e-9
    )
    path = model.decode(epochs, algorithm="viterbi")[1]
    assert np.array_equal(viterbi(proba, transitions, prior).argmax(axis=1), path)


def enumerate_best(proba, transitions, prior):
    """Return for every epoch and class the likelihood of the best path through it."""
    n_epochs, n_classes = proba.shape
    best = np.zeros_like(proba)
    for path in product(range(n_classes), repeat=n_epochs):
        weight = prior[path[0]] * np.prod([transitions[a, b] for a, b in pairwise(path)])
        weight *= np.prod([proba[at, state] / prior[state] for at, state in enumerate(path)])
        for at, state in enumerate(path):
            best[at, state] = max(best[at, state], weight)
    return best / best.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n_epochs", [1, 2, 6])
def test_viterbi_is_the_best_of_all_paths_through_each_class(n_epochs):
    proba, transitions, prior = draw(n_epochs, 3), draw(3, 3, 1), draw(1, 3, 2)[0]
    assert viterbi(proba, transitions, prior) == pytest.approx(
        enumerate_best(proba, transitions, prior)
    )


@pytest.mark.parametrize("smooth", CHAINS.values(), ids=CHAINS)
def test_many_nights_at_once_are_each_as_alone_the_shorter_ones_filled_up(smooth):
    nights = [draw(n, 3, n) for n in (5, 9, 1)]
    transitions, prior = weaken(draw(3, 3, 1), draw(1, 3, 2)[0], 0.4), draw(1, 3, 2)[0]
    padded = np.full((3, 9, 3), np.nan)
    for row, night_ in enumerate(nights):
        padded[row, : len(night_)] = night_
    together = smooth(padded, transitions, prior)
    for row, night_ in enumerate(nights):
        assert together[row, : len(night_)] == pytest.approx(smooth(night_, transitions, prior))


@pytest.mark.parametrize("smooth", CHAINS.values(), ids=CHAINS)
def test_where_nobody_looked_time_passes_and_nothing_is_learnt(smooth):
    sticky = np.array([[0.9, 0.1], [0.1, 0.9]])
    proba = np.array([[0.9, 0.1], [np.nan] * 2, [np.nan] * 2, [np.nan] * 2, [0.9, 0.1]])
    found = smooth(proba, sticky, np.array([0.5, 0.5]))
    assert np.isfinite(found).all()
    assert found[0, 0] >= found[1, 0] > 0.5


@given(seed=st.integers(0, 500), at=st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_a_forbidden_transition_is_in_no_best_path(seed, at):
    transitions = penalise(draw(3, 3, seed), CLASSES, [("W", "REM")], factor=np.inf)
    proba = draw(8, 3, seed + 1)
    proba[at] = [0.98, 0.01, 0.01]
    proba[(at + 1) % 8] = [0.01, 0.01, 0.98]
    path = viterbi(proba, transitions, draw(1, 3, seed + 2)[0]).argmax(axis=1)
    assert (0, 2) not in set(pairwise(path.tolist()))


def test_a_penalty_divides_and_rows_keep_their_sum():
    flat = np.full((3, 3), 1 / 3)
    found = penalise(flat, CLASSES, [("W", "REM")], factor=10.0)
    assert found[0] == pytest.approx(np.array([10, 10, 1]) / 21)
    assert found[1:] == pytest.approx(flat[1:])
    assert flat[0, 2] == 1 / 3  # as given


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_memory_goes_from_the_prior_alone_to_the_transitions(memory):
    expected = TRANSITIONS if memory else np.tile(PRIOR, (2, 1))
    assert weaken(TRANSITIONS, PRIOR, memory) == pytest.approx(expected)


def test_a_weaker_memory_lets_more_of_the_evidence_through():
    sticky, prior = np.array([[0.99, 0.01], [0.01, 0.99]]), np.array([0.5, 0.5])
    proba = np.tile([0.9, 0.1], (11, 1))
    proba[5] = [0.1, 0.9]
    kept = [
        forward_backward(proba, weaken(sticky, prior, memory), prior)[5, 1]
        for memory in (0.0, 0.2, 1.0)
    ]
    assert kept[0] == pytest.approx(0.9)
    assert kept[0] > kept[1] > kept[2]


def test_the_mode_filter_takes_the_most_frequent_class_and_never_one_between():
    """A median of the codes 0, 0, 2, 2 … would say 1, a class that nobody chose."""
    codes = np.array([0, 0, 2, 0, 0, 2, 2, 2, 0, 2])
    found = mode_filter(np.eye(3)[codes] * 0.8 + 0.1, width=3).argmax(axis=1)
    assert found.tolist() == [0, 0, 0, 0, 0, 2, 2, 2, 2, 0]
    # at the ends two epochs are left, and the first of equally probable ones


def test_a_tie_of_the_mode_goes_to_the_more_probable_class():
    proba = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]])
    window = mode_filter(proba, width=3)[1]
    assert window == pytest.approx((1 + proba.mean(axis=0)) / 4)


def test_the_median_of_probabilities_is_each_class_own_scaled_to_sum_1():
    proba = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    found = median_probability(proba, width=3)
    assert found[1] == pytest.approx(np.array([0.6, 0.2, 0.1]) / 0.9)
    assert found[0] == pytest.approx([0.4, 0.2, 0.4])  # of two, the mean
    assert median_probability(np.eye(3), width=3)[1] == pytest.approx(np.ones(3) / 3)


@pytest.mark.parametrize("smooth", FILTERS.values(), ids=FILTERS)
@given(seed=st.integers(0, 200), n_epochs=st.integers(0, 30), width=st.sampled_from([3, 5, 7]))
@settings(max_examples=25, deadline=None)
def test_filters_give_probabilities_whatever_is_missing(smooth, seed, n_epochs, width):
    proba = draw(n_epochs, 3, seed)
    proba[np.random.default_rng(seed).random(n_epochs) < 0.3] = np.nan
    found = smooth(proba, width=width)
    assert found.shape == proba.shape
    assert (found >= 0).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(n_epochs))


@pytest.mark.parametrize("smooth", FILTERS.values(), ids=FILTERS)
def test_filters_outvote_single_epochs_and_leave_steady_stages_alone(smooth):
    proba = np.repeat([[0.8, 0.2], [0.1, 0.9]], 10, axis=0)
    proba[4] = [0.3, 0.7]
    assert smooth(proba, width=3).argmax(axis=1).tolist() == [0] * 10 + [1] * 10


def make_smoothing(kind, **changed):
    given = {"kind": kind, "transitions": TRANSITIONS.tolist(), "prior": PRIOR.tolist()}
    return Smoothing(**given | changed)


@pytest.mark.parametrize("kind", CHAINS)
def test_a_smoothing_is_its_chain_at_its_memory(kind):
    proba = draw(20)
    potentials = weaken(TRANSITIONS, PRIOR, 0.3)
    assert make_smoothing(kind, memory=0.3).apply(proba) == pytest.approx(
        CHAINS[kind](proba, potentials, PRIOR)
    )


@pytest.mark.parametrize("kind", FILTERS)
def test_a_smoothing_is_its_filter_at_its_width(kind):
    proba = draw(20)
    assert make_smoothing(kind, width=5).apply(proba) == pytest.approx(
        FILTERS[kind](proba, width=5)
    )


@pytest.mark.parametrize("kind", [*CHAINS, *FILTERS])
def test_what_was_not_seen_stays_so_and_the_ends_count_for_nothing(kind):
    seen = draw(10)
    seen[4] = np.nan
    around = np.concatenate([np.full((3, 2), np.nan), seen, np.full((2, 2), np.nan)])
    smoothing = make_smoothing(kind, memory=0.5)
    found = smoothing.apply(around)
    assert np.isnan(found).all(axis=1).tolist() == np.isnan(around).all(axis=1).tolist()
    assert found[3:13] == pytest.approx(smoothing.apply(seen), nan_ok=True)
    assert np.isnan(smoothing.apply(around[:2])).all()


def test_a_temperature_after_smoothing_changes_no_label():
    proba = draw(50, seed=3)
    cooler = Calibration(kind="temperature", scale=(0.5, 0.5), offset=(0.0, 0.0))
    plain = make_smoothing("viterbi").apply(proba)
    milder = make_smoothing("viterbi", calibration=cooler).apply(proba)
    assert np.array_equal(plain.argmax(axis=1), milder.argmax(axis=1))
    assert (milder.max(axis=1) <= plain.max(axis=1) + 1e-9).all()


def test_a_smoothing_survives_json():
    given = make_smoothing("forward", memory=0.2, width=5)
    assert Smoothing.model_validate_json(given.model_dump_json()) == given


def test_pairs_of_epochs_with_a_hole_between_do_not_count():
    holed = night("W", "REM").assign(epoch=[0, 2])
    assert estimate_transitions(holed, CLASSES) == pytest.approx(
        estimate_transitions(night("W"), CLASSES)
    )
