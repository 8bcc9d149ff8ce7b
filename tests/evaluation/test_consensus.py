import json
import os
from pathlib import Path

import numpy as np
import pytest

from epochal.errors import EpochalError
from epochal.evaluation.consensus import (
    count_votes,
    elect,
    judge_pairs,
    judge_scorers,
    leave_one_out,
    soft_agreement,
)

CLASSES = ("W", "N2", "REM")
FLAT = np.zeros(3)


def scored(*rows):
    return np.array(rows)


def some_scorers(n_nights=6, n_epochs=300, errors=(0.05, 0.1, 0.2, 0.4), seed=0):
    """Nights whose scorers err at random, each with a share of their own."""
    random = np.random.default_rng(seed)
    nights = {}
    for night in range(n_nights):
        truth = random.integers(0, 3, n_epochs)
        rows = [
            np.where(random.random(n_epochs) < error, random.integers(0, 3, n_epochs), truth)
            for error in errors
        ]
        nights[f"night {night}"] = np.stack(rows)
    return nights


def test_votes_are_counted_per_class_and_unscored_is_none():
    votes = count_votes(scored([0, 1, -1], [0, 2, -1], [1, 2, -1]), 3)
    assert votes.tolist() == [[2, 0, 0], [1, 1, 0], [0, 2, 0]]


def test_the_class_with_most_votes_wins_whoever_gave_them():
    codes = scored([0, 1, 2], [0, 1, 2], [1, 1, 0])
    assert elect(codes, 3, np.array([0.0, 0.0, 1.0])).tolist() == [0, 1, 2]


def test_an_epoch_that_nobody_scored_has_no_consensus():
    assert elect(scored([-1], [-1], [-1]), 3, FLAT).tolist() == [-1]


def test_a_tie_goes_to_the_scorer_who_agrees_most():
    codes = scored([0], [1], [0], [1])
    assert elect(codes, 3, np.array([0.5, 0.9, 0.6, 0.1])).tolist() == [1]
    assert elect(codes, 3, np.array([0.95, 0.9, 0.6, 0.1])).tolist() == [0]


def test_a_tie_is_not_settled_by_one_who_chose_neither():
    codes = scored([2], [0], [0], [1], [1])
    assert elect(codes, 3, np.array([0.9, 0.1, 0.2, 0.3, 0.1])).tolist() == [1]


def test_soft_agreement_is_the_share_of_the_others_most_voted_class():
    codes = scored([0, 0], [0, 0], [0, 1], [1, 1])
    assert soft_agreement(codes, 3) == pytest.approx([0.75, 0.75, 0.75, 0.25])


def test_soft_agreement_of_one_who_scored_nothing_is_undefined():
    codes = scored([-1, -1], [0, 1], [0, 1])
    found = soft_agreement(codes, 3)
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([1.0, 1.0])


def test_the_judged_scorer_has_no_vote():
    codes = scored([0] * 9, [0] * 9, [1] * 9, [1] * 9, [1] * 9)
    consensus = leave_one_out(codes, 3)
    assert consensus[0].tolist() == [1] * 9
    three = scored([0] * 9, [1] * 9, [1] * 9)
    assert leave_one_out(three, 3)[0].tolist() == [1] * 9


def test_changing_the_judged_scorers_classes_leaves_its_judges_alone():
    codes = next(iter(some_scorers().values()))
    other = codes.copy()
    other[0] = (codes[0] + 1) % 3
    before, after = leave_one_out(codes, 3)[0], leave_one_out(other, 3)[0]
    tied = np.sort(count_votes(codes[1:], 3), axis=0)
    untied = tied[-1] > tied[-2]
    assert (before == after)[untied].all()


def test_two_scorers_are_too_few_for_a_consensus_of_the_others():
    with pytest.raises(EpochalError, match="2 scorers: a consensus of the others needs at least 3"):
        leave_one_out(scored([0], [1]), 3)


@pytest.mark.slow
def test_better_scorers_agree_better_and_all_lie_between():
    found = judge_scorers(some_scorers(), ["a", "b", "c", "d"], CLASSES).set_index("scorer")
    kappas = found["kappa"]
    assert kappas["a"] > kappas["b"] > kappas["c"] > kappas["d"]
    assert kappas["d"] < kappas["all"] < kappas["a"]
    assert (found["kappa_low"] < kappas).all()
    assert (found["kappa_high"] > kappas).all()
    assert found.loc["a", "n_epochs"] == 1800
    assert {"kappa_W", "f1_REM", "f1_REM_low", "accuracy", "macro_f1"} <= set(found)


@pytest.mark.slow
def test_pairs_agree_less_than_scorers_with_a_consensus():
    nights, names = some_scorers(), ["a", "b", "c", "d"]
    pairs = judge_pairs(nights, names, CLASSES).set_index("scorer")
    assert len(pairs) == 7
    assert pairs.loc["a – b", "kappa"] > pairs.loc["c – d", "kappa"]
    assert pairs.loc["all", "kappa"] < judge_scorers(nights, names, CLASSES)["kappa"].iloc[-1]


def test_scorers_who_all_agree_have_a_kappa_of_one():
    nights = some_scorers(errors=(0.0, 0.0, 0.0))
    found = judge_scorers(nights, ["a", "b", "c"], CLASSES)
    assert found["kappa"].tolist() == [1.0] * 4
    assert found["kappa_low"].tolist() == [1.0] * 4


@pytest.mark.slow
def test_five_technologists_agree_on_healthy_nights_as_was_published():
    path = Path(os.environ.get("EPOCHAL_DATA", "absent")) / "dod_scorers/dodh.json"
    if not path.is_file():
        pytest.skip("EPOCHAL_DATA holds no dod_scorers")
    told = json.loads(path.read_text())
    names = sorted(told)
    nights = {night: np.array([told[name][night] for name in names]) for night in told[names[0]]}
    stages = ("W", "N1", "N2", "N3", "REM")
    found = judge_scorers(nights, names, stages).set_index("scorer")
    assert len(nights) == 25
    assert found.loc["all", "kappa"] == pytest.approx(0.767, abs=0.002)
    assert found.loc["all", [f"f1_{name}" for name in stages]].idxmin() == "f1_N1"
    assert found["kappa"].drop("all").between(0.70, 0.81).all()
