import numpy as np
import pandas as pd
import pytest

from builders import CLASSES, make_epochs, make_predictions, make_splits
from epochal.evaluation.votes import (
    BAND_COLUMNS,
    CONSENSUS,
    OTHERS,
    SCORER_COLUMNS,
    judge_by_scorers,
    measure_vote_bands,
)
from epochal.labels import proba_columns

LABELS = ["W"] * 8 + ["N2"] * 8 + ["REM"] * 8
EPOCHS = make_epochs(LABELS, n_subjects=5)
SPLITS = make_splits(EPOCHS)
COLUMNS = proba_columns(CLASSES)
SHARES = np.array([[0.75, 0.25, 0.0], [0.0, 0.75, 0.25], [0.25, 0.0, 0.75]])


def with_votes(n_votes=lambda epoch: 4 + 12 * (epoch % 2)):
    """Give every epoch votes: three of four for its label, one for another class."""
    codes = EPOCHS["label"].map(CLASSES.index).to_numpy()
    counts = SHARES[codes] * n_votes(EPOCHS["epoch"].to_numpy())[:, None]
    return EPOCHS.assign(**{f"vote_{n}": counts[:, i] for i, n in enumerate(CLASSES)})


def say(proba_by_label):
    predictions = make_predictions(EPOCHS, SPLITS)
    labels = predictions.merge(EPOCHS)["label"].map(CLASSES.index).to_numpy()
    predictions[COLUMNS] = proba_by_label[labels]
    return predictions


def bands(predictions, epochs=None, edges=(10,)):
    given = with_votes() if epochs is None else epochs
    found = measure_vote_bands(predictions, given, CLASSES, edges, seed=0)
    assert list(found) == BAND_COLUMNS
    return found


def test_saying_what_the_votes_say_has_no_divergence_and_skill_1():
    found = bands(say(SHARES))
    assert found["kl"].to_numpy() == pytest.approx(0, abs=1e-12)
    assert found["skill"].to_numpy() == pytest.approx(1)


def test_saying_the_mean_of_all_votes_has_no_skill():
    found = bands(say(np.full((3, 3), 1 / 3)))  # votes are even over the classes
    expected = 0.75 * np.log(0.75 * 3) + 0.25 * np.log(0.25 * 3)
    assert found["kl"].to_numpy() == pytest.approx(expected)
    assert found["kl_prior"].to_numpy() == pytest.approx(expected)
    assert found["skill"].to_numpy() == pytest.approx(0, abs=1e-12)


def test_worse_than_the_prior_is_below_0():
    wrong = np.roll(SHARES, 1, axis=0) * 0.97 + 0.01
    assert (bands(say(wrong))["skill"] < 0).all()


@pytest.mark.slow
def test_bands_are_by_the_number_of_votes_and_all_together():
    found = bands(say(SHARES))
    oof = found[found["role"] == "oof"].set_index("votes")
    assert oof["n_epochs"].to_dict() == {"all": 96, "1 to 9": 48, "10 and more": 48}
    assert (oof["n_subjects"] == 4).all()
    three = bands(say(SHARES), edges=(5, 16))["votes"]
    assert set(three) == {"all", "1 to 4", "16 and more"}
    assert set(bands(say(SHARES), edges=())["votes"]) == {"all"}


def test_the_prior_is_of_the_other_folds_alone():
    """r0 and r2 (fold 0) voted W, all others REM: each fold is told the other one's votes."""
    codes = np.where(EPOCHS["recording_id"].isin(["r0", "r2"]), 0, 2)
    epochs = EPOCHS.assign(**{f"vote_{n}": (codes == i) * 4.0 for i, n in enumerate(CLASSES)})
    found = bands(say(SHARES), epochs, edges=())
    oof = found[found["role"] == "oof"].iloc[0]
    assert oof["kl_prior"] > 30  # of what the prior had never seen
    test = found[found["role"] == "test"].iloc[0]
    assert test["kl_prior"] == pytest.approx(np.log(2))  # half of the folds voted as the test


def test_epochs_without_votes_do_not_count():
    found = bands(say(SHARES), with_votes(lambda epoch: 4.0 * (epoch >= 12)), edges=())
    assert found["n_epochs"].tolist() == [48, 12]


def test_a_study_without_votes_has_no_bands():
    assert bands(say(SHARES), EPOCHS).empty


def with_scorers(n_scorers=3, wrong=0.2, seed=0):
    """Return epochs with scorers who err independently; the label is the truth."""
    random = np.random.default_rng(seed)
    scored = {}
    for number in range(n_scorers):
        errs = random.random(len(EPOCHS)) < wrong
        turned = EPOCHS["label"].map(dict(zip(CLASSES, np.roll(CLASSES, 1), strict=True)))
        scored[f"scorer_p{number}"] = EPOCHS["label"].where(~errs, turned)
    return EPOCHS.assign(**scored)


def judge(predictions, epochs):
    found = judge_by_scorers(predictions, epochs, CLASSES, seed=0)
    assert list(found) == SCORER_COLUMNS
    return found


def test_a_perfect_model_is_told_from_people_who_err():
    found = judge(make_predictions(EPOCHS, SPLITS), with_scorers())
    oof = found[(found["judged"] == "m") & (found["role"] == "oof")].set_index("judge")
    assert oof.loc[CONSENSUS, "kappa"] == 1.0
    assert oof.loc["p0", "accuracy"] == pytest.approx(0.8, abs=0.1)
    people = found[found["role"] == "human"]
    assert people["judged"].tolist() == ["p0", "p1", "p2"]
    assert set(people["judge"]) == {OTHERS}
    assert oof.loc[OTHERS, "kappa"] > people["kappa"].mean()


def test_model_and_people_are_held_against_the_same_consensus_of_equally_many():
    epochs = with_scorers(wrong=0.0)
    found = judge(make_predictions(EPOCHS, SPLITS), epochs)
    others = found[found["judge"] == OTHERS].set_index(["judged", "role"])
    assert (others["kappa"] == 1.0).all()
    assert others.loc[("p0", "human"), "n_epochs"] == len(EPOCHS)
    assert others.loc[("m", "oof"), "n_epochs"] == 3 * 96  # once for each scorer left out


@pytest.mark.slow
def test_intervals_are_over_recordings_and_only_those_that_were_scored():
    epochs = with_scorers()
    epochs.loc[epochs["recording_id"] == "r0", ["scorer_p0", "scorer_p1", "scorer_p2"]] = None
    found = judge(make_predictions(EPOCHS, SPLITS), epochs)
    own = found[(found["judge"] == "p0") & (found["role"] == "oof")].iloc[0]
    assert own["n_recordings"] == 3
    assert own["kappa_low"] <= own["kappa"] <= own["kappa_high"]


@pytest.mark.slow
def test_an_epoch_of_which_a_model_is_silent_counts_for_nobody():
    predictions = make_predictions(EPOCHS, SPLITS)
    silent = predictions[predictions["epoch"] >= 8]
    found = judge(silent, with_scorers())
    assert found.loc[found["judge"] == CONSENSUS, "n_epochs"].tolist() == [64, 16]


@pytest.mark.slow
def test_the_order_of_the_epochs_does_not_matter():
    epochs = with_scorers()
    predictions = make_predictions(EPOCHS, SPLITS)
    pd.testing.assert_frame_equal(
        judge(predictions, epochs), judge(predictions, epochs.sample(frac=1, random_state=1))
    )


@pytest.mark.parametrize("n_scorers", [0, 2])
def test_fewer_than_three_scorers_have_no_consensus_of_the_others(n_scorers):
    assert judge(make_predictions(EPOCHS, SPLITS), with_scorers(n_scorers)).empty


def test_baselines_are_not_judged():
    majority = make_predictions(EPOCHS, SPLITS, model="majority", family="baseline")
    assert set(judge(majority, with_scorers())["role"]) == {"human"}
