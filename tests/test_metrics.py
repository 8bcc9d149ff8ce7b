import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from sklearn.metrics import cohen_kappa_score, f1_score, log_loss

from builders import CLASSES, make_epochs, make_predictions, make_splits, make_study
from epochal.labels import proba_columns
from epochal.metrics import (
    bootstrap_kappa,
    build_leaderboard,
    calibration_error,
    confusion,
    join_labels,
    kappa,
    results_by_task,
    score,
    vote_divergence,
)
from epochal.options.results import EvaluationOptions

OPTIONS = EvaluationOptions(n_bootstrap=200)
pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


def as_rows(truth, proba, subjects=None):
    subjects = np.arange(len(truth)) % 3 if subjects is None else subjects
    rows = pd.DataFrame(proba, columns=proba_columns(CLASSES))
    return rows.assign(
        label=np.array(CLASSES)[truth], subject_id=np.char.add("s", subjects.astype(str))
    )


def test_a_confusion_table_counts_the_truth_in_rows():
    table = confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


@pytest.mark.slow
@given(pairs)
def test_kappa_is_that_of_sklearn(drawn):
    truth, guess = np.array(drawn).T
    assume(len({*truth, *guess}) > 1)
    expected = cohen_kappa_score(truth, guess, labels=[0, 1, 2])
    assert kappa(confusion(truth, guess, 3)) == pytest.approx(expected)


def test_kappa_is_1_for_agreement_and_0_for_a_constant_guess():
    truth = np.array([0, 1, 2, 1])
    assert kappa(confusion(truth, truth, 3)) == 1.0
    assert kappa(confusion(truth, np.ones(4, int), 3)) == 0.0


def test_kappa_is_0_where_chance_is_certain():
    only = np.zeros(5, int)
    assert kappa(confusion(only, only, 3)) == 0.0


def test_kappas_of_many_tables_are_theirs_one_by_one():
    random = np.random.default_rng(0)
    tables = random.integers(0, 20, (5, 3, 3))
    assert kappa(tables) == pytest.approx([kappa(table) for table in tables])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_bootstrap_interval_contains_the_point(seed):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, 300)
    guess = np.where(random.random(300) < 0.7, truth, random.integers(0, 3, 300))
    subjects = np.arange(300) // 30
    low, high = bootstrap_kappa(truth, guess, subjects, OPTIONS, seed=seed)
    assert -1 <= low <= kappa(confusion(truth, guess, 3)) <= high <= 1


def test_an_interval_over_subjects_is_wider_than_one_that_takes_epochs_for_subjects():
    random = np.random.default_rng(1)
    subjects = np.arange(600) // 60
    skill = random.uniform(0.2, 1.0, 10)[subjects]
    truth = random.integers(0, 3, 600)
    guess = np.where(random.random(600) < skill, truth, (truth + 1) % 3)
    by_subject = np.diff(bootstrap_kappa(truth, guess, subjects, OPTIONS, seed=0))
    by_epoch = np.diff(bootstrap_kappa(truth, guess, np.arange(600), OPTIONS, seed=0))
    assert by_subject > 2 * by_epoch


def test_the_same_seed_gives_the_same_interval():
    truth, guess, subjects = np.arange(60) % 3, np.arange(60) % 2, np.arange(60) // 7
    first = bootstrap_kappa(truth, guess, subjects, OPTIONS, seed=3)
    assert first == bootstrap_kappa(truth, guess, subjects, OPTIONS, seed=3)
    assert first != bootstrap_kappa(truth, guess, subjects, OPTIONS, seed=4)


@pytest.mark.parametrize(
    ("n_subjects", "n_bootstrap"), [(1, 100), (5, 0)], ids=["one subject", "no resamples"]
)
def test_without_subjects_to_resample_there_is_no_interval(n_subjects, n_bootstrap):
    truth = np.arange(20) % 3
    options = EvaluationOptions(n_bootstrap=n_bootstrap)
    interval = bootstrap_kappa(truth, truth, np.arange(20) % n_subjects, options, seed=0)
    assert np.isnan(interval).all()


def test_a_perfectly_calibrated_draw_has_hardly_any_calibration_error():
    random = np.random.default_rng(0)
    proba = random.dirichlet([1, 1, 1], 50_000)
    truth = (random.random(50_000)[:, None] > proba.cumsum(axis=1)).sum(axis=1)
    assert calibration_error(truth, proba, 15) < 0.01


def test_certainty_that_is_right_half_the_time_is_wrong_by_a_half():
    proba = np.tile([1.0, 0.0, 0.0], (10, 1))
    truth = np.array([0, 1] * 5)
    assert calibration_error(truth, proba, 15) == pytest.approx(0.5)
    assert calibration_error(np.zeros(10, int), proba, 15) == 0.0


def test_a_confidence_on_a_bins_edge_belongs_below_it():
    # .5 of two bins: with the right epoch at .4 the one bin's gap is (1 + 0 - .4 - .5) / 2
    proba = np.array([[0.5, 0.3, 0.2], [0.4, 0.3, 0.3]])
    assert calibration_error(np.array([1, 0]), proba, 2) == pytest.approx(0.05)


def test_votes_equal_to_the_prediction_diverge_by_nothing():
    votes = np.array([[2.0, 1.0, 1.0], [0.0, 3.0, 0.0]])
    assert vote_divergence(votes, votes / votes.sum(axis=1, keepdims=True)) == pytest.approx(0.0)


@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_epochs_that_nobody_voted_on_do_not_count_in_the_divergence(nothing):
    votes, proba = np.array([[1.0, 2.0, 7.0]]), np.full((1, 3), 1 / 3)
    alone = vote_divergence(votes, proba)
    beside = np.r_[votes, np.full((5, 3), nothing)]
    assert vote_divergence(beside, np.repeat(proba, 6, axis=0)) == pytest.approx(alone)
    assert np.isnan(vote_divergence(beside[1:], np.repeat(proba, 5, axis=0)))


def test_the_divergence_of_unanimous_votes_is_the_log_loss():
    random = np.random.default_rng(0)
    proba, truth = random.dirichlet([1, 1, 1], 50), random.integers(0, 3, 50)
    expected = log_loss(truth, proba, labels=[0, 1, 2])
    assert vote_divergence(7.0 * np.eye(3)[truth], proba) == pytest.approx(expected)


def test_a_certain_and_wrong_prediction_diverges_finitely():
    found = vote_divergence(np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0]]))
    assert found == pytest.approx(-np.log(1e-15), rel=1e-3)


def test_the_figures_are_those_of_sklearn():
    random = np.random.default_rng(0)
    truth, proba = random.integers(0, 3, 200), random.dirichlet([1, 1, 1], 200)
    figures = score(as_rows(truth, proba), CLASSES, OPTIONS, seed=0)
    guess = proba.argmax(axis=1)
    assert figures["accuracy"] == pytest.approx(np.mean(guess == truth))
    assert figures["macro_f1"] == pytest.approx(f1_score(truth, guess, average="macro"))
    assert figures["log_loss"] == pytest.approx(log_loss(truth, proba))
    assert figures["kappa"] == pytest.approx(cohen_kappa_score(truth, guess))
    assert figures["kappa_low"] <= figures["kappa"] <= figures["kappa_high"]
    each = f1_score(truth, guess, average=None)
    assert [figures[f"f1_{name}"] for name in CLASSES] == pytest.approx(each)
    assert "kl_divergence" not in figures


def test_balanced_accuracy_is_over_the_classes_that_occur():
    proba = np.eye(3)[[0, 0, 0, 1]]
    figures = score(as_rows(np.array([0, 0, 1, 1]), proba), CLASSES, OPTIONS, seed=0)
    assert figures["balanced_accuracy"] == pytest.approx((1.0 + 0.5) / 2)
    assert figures["f1_REM"] == 0.0


def test_votes_on_every_class_add_their_divergence():
    proba = np.eye(3)[[0, 1, 2, 0]] * 0.7 + 0.1
    rows = as_rows(np.array([0, 1, 2, 0]), proba)
    votes = pd.DataFrame(proba, columns=[f"vote_{name}" for name in CLASSES])
    both = score(rows.join(votes), CLASSES, OPTIONS, seed=0)
    assert both["kl_divergence"] == pytest.approx(0.0)
    assert "kl_divergence" not in score(rows.join(votes[["vote_W"]]), CLASSES, OPTIONS, seed=0)


@pytest.fixture
def epochs():
    return make_epochs(n_subjects=5, n_epochs=20)


def board_of(epochs, *predictions, **changed):
    return build_leaderboard(
        pd.concat(predictions), epochs.assign(**changed), OPTIONS, make_study()
    )


def test_the_leaderboard_has_a_row_per_model_and_role_the_best_kappa_first(epochs):
    splits = make_splits(epochs)
    good = make_predictions(epochs, splits, model="good", certainty=0.9)
    bad = make_predictions(epochs, splits, model="bad", certainty=0.1, causal=False)
    board = board_of(epochs, bad, good)
    rows = list(zip(board["role"], board["model"], strict=True))
    assert rows == [("oof", "good"), ("oof", "bad"), ("test", "good"), ("test", "bad")]
    assert board["causal"].tolist() == [True, False, True, False]
    assert board["n_epochs"].tolist() == [80, 80, 20, 20]
    assert board["n_subjects"].tolist() == [4, 4, 1, 1]
    assert board["accuracy"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert board["kappa_low"].isna().tolist() == [False, False, True, True]


def test_epochs_without_a_label_do_not_count(epochs):
    predictions = make_predictions(epochs, make_splits(epochs))
    labels = epochs["label"].where(epochs["epoch"] >= 15)
    assert board_of(epochs, predictions, label=labels)["n_epochs"].tolist() == [20, 5]


def test_labels_subjects_and_votes_are_joined_to_the_epochs_that_have_a_label(epochs):
    predictions = make_predictions(epochs, make_splits(epochs))
    labels = epochs["label"].where(epochs["epoch"] >= 15)
    joined = join_labels(predictions, epochs.assign(label=labels, vote_W=1.0))
    assert len(joined) == 25
    assert joined["label"].notna().all()
    assert {"subject_id", "data_source", "vote_W", *proba_columns(CLASSES)} <= set(joined)


def test_the_leaderboard_says_real_simulated_or_both(epochs):
    predictions = make_predictions(epochs, make_splits(epochs))
    assert set(board_of(epochs, predictions)["data_source"]) == {"simulated"}
    mixed = np.where(epochs["subject_id"] == "s0", "real", "simulated")
    found = board_of(epochs, predictions, data_source=mixed)
    assert found["data_source"].tolist() == ["real/simulated", "simulated"]


def test_shuffled_labels_score_at_chance(epochs):
    random = np.random.default_rng(0)
    many = make_epochs(n_subjects=20, n_epochs=100)
    predictions = make_predictions(many, make_splits(many))
    shuffled = random.permutation(many["label"].to_numpy())
    board = board_of(many, predictions, label=shuffled)
    assert board["kappa"].abs().max() < 0.2
    oof = board.iloc[0]
    assert oof["kappa_low"] < 0 < oof["kappa_high"]


def test_results_by_task_tell_where_the_errors_are(epochs):
    predictions = make_predictions(epochs, make_splits(epochs))
    tasks = np.where(epochs["label"] == "W", "relax", "stroop")
    wrong = predictions["epoch"] < 10
    columns = proba_columns(CLASSES)
    predictions.loc[wrong, columns] = [0.1, 0.1, 0.8]
    found = results_by_task(predictions, epochs.assign(task=tasks), make_study())
    assert list(found) == ["model", "role", "task", "label", "n_epochs", "accuracy"]
    assert found["n_epochs"].sum() == len(epochs)
    relax = found[(found["task"] == "relax") & (found["role"] == "oof")].iloc[0]
    first = epochs[(epochs["label"] == "W") & (epochs["subject_id"] != "s4")]
    assert relax["accuracy"] == pytest.approx((first["epoch"] >= 10).mean())


def test_without_tasks_the_results_by_task_are_empty(epochs):
    found = results_by_task(make_predictions(epochs, make_splits(epochs)), epochs, make_study())
    assert len(found) == 0
    assert "accuracy" in found
