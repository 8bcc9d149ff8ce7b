import json

import numpy as np
import pandas as pd
import pytest

from builders import make_epochs, make_features, make_splits, make_study
from epochal.errors import EpochalError, LeakageError
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import cross_fit, join_table
from epochal.models.tuning import Found, score, search, write_search
from epochal.options.models import ModelOptions, RangeOptions, TuneOptions

EPOCHS = make_epochs(n_subjects=6, n_epochs=20)
TABLE = join_table(make_features(EPOCHS), EPOCHS, make_splits(EPOCHS, n_folds=3, n_test=1, n_val=1))
ROWS = TABLE[TABLE["role"] != "test"]
CLASSES = make_study().classes
BEST = 3.0
MIXED = {
    "x": RangeOptions(low=0, high=6),
    "n": RangeOptions(low=1, high=90, log=True, whole=True),
    "c": (0.2, 0.5, 1.0),
}


def attempt(params, training, held_out):
    """Answer rightly the more often, the nearer `x` is to 3."""
    right = pd.get_dummies(pd.Categorical(held_out["label"], categories=CLASSES)).to_numpy(float)
    noise = np.random.default_rng(0).random((len(held_out), len(CLASSES)))
    return right + noise * abs(params["x"] - BEST)


def find(space=None, *, rows=ROWS, using=attempt, seed=0, **options):
    space = space or {"x": RangeOptions(low=0, high=6)}
    return search(using, rows, CLASSES, TuneOptions(space=space, **options), seed=seed, name="m")


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_comes_near_the_best(sampler):
    found = find(sampler=sampler, n_trials=30)
    assert found.params["x"] == pytest.approx(BEST, abs=0.8)
    assert len(found.trials) == 30
    assert found.score == max(trial["score"] for trial in found.trials)


@pytest.mark.slow
def test_of_choices_the_best_is_taken_and_a_loss_is_to_be_low():
    found = find({"x": (0, 3, 6)}, metric="log_loss", n_trials=9)
    assert found.params == {"x": 3}
    assert found.score == min(trial["score"] for trial in found.trials)


@pytest.mark.slow
def test_whole_numbers_and_orders_of_magnitude_are_searched_as_asked():
    space = {
        "x": RangeOptions(low=1, high=6, whole=True),
        "y": RangeOptions(low=1e-4, high=1, log=True),
    }
    trials = find(space, n_trials=40, sampler="random").trials
    assert {type(trial["x"]) for trial in trials} == {int}
    assert np.median([trial["y"] for trial in trials]) < 0.05


def test_no_trial_is_judged_on_a_subject_that_it_trained_on():
    def judge(params, training, held_out):
        assert set(training["subject_id"]).isdisjoint(held_out["subject_id"])
        judged.append(set(held_out["subject_id"]))
        return attempt(params, training, held_out)

    judged = []
    find(using=judge, n_trials=1)
    assert set.union(*judged) == set(ROWS["subject_id"])


@pytest.mark.slow
def test_the_same_seed_makes_the_same_trials():
    assert find(n_trials=8).trials == find(n_trials=8).trials
    assert find(n_trials=8).trials != find(n_trials=8, seed=1).trials


def counting(calls, *, until=np.inf):
    """Return `attempt` that writes down what it tries, and is interrupted at a call."""

    def counted(params, training, held_out):
        if len(calls) >= until:
            raise KeyboardInterrupt
        calls.append(params["x"])
        return attempt(params, training, held_out)

    return counted


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("n_done", [3, 12])  # TPE draws ten by chance before it learns
def test_an_interrupted_search_goes_on_as_the_uninterrupted_one(tmp_path, sampler, n_done):
    whole = find(MIXED, n_trials=14, sampler=sampler)
    calls, asked = [], {"n_trials": 14, "sampler": sampler}
    asked["storage"] = str(tmp_path / "tuning" / "trials.log")
    with pytest.raises(KeyboardInterrupt):
        find(MIXED, using=counting(calls, until=3 * n_done + 1), **asked)  # three folds each
    del calls[3 * n_done :]
    assert find(MIXED, using=counting(calls), **asked) == whole
    assert calls == [trial["x"] for trial in whole.trials for _ in range(3)]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_with_more_trials_goes_on_after_those_it_has(tmp_path, sampler):
    calls, storage = [], str(tmp_path / "trials.log")
    find(n_trials=2, sampler=sampler, storage=storage)
    more = find(n_trials=4, sampler=sampler, storage=storage, using=counting(calls))
    assert more == find(n_trials=4, sampler=sampler)
    assert calls == [trial["x"] for trial in more.trials[2:] for _ in range(3)]


def test_a_search_that_is_done_tries_nothing_again(tmp_path):
    calls, storage = [], str(tmp_path / "trials.log")
    found = find(n_trials=2, storage=storage)
    assert find(n_trials=2, storage=storage, using=counting(calls)) == found
    assert calls == []


def test_other_rows_are_another_search(tmp_path):
    storage = str(tmp_path / "trials.log")
    find(n_trials=3, storage=storage)
    again = find(n_trials=2, rows=ROWS[10:], storage=storage)
    assert len(again.trials) == 2


def test_another_seed_is_another_search(tmp_path):
    calls, asked = [], {"n_trials": 2, "storage": str(tmp_path / "trials.log")}
    for seed in (0, 1):
        find({"x": [1, 2]}, seed=seed, using=counting(calls), **asked)
    assert len(calls) == 2 * 2 * 3  # each of two trials is judged in three folds


def test_a_search_on_test_rows_is_a_leak():
    with pytest.raises(LeakageError, match="rows of the role test"):
        find(rows=TABLE)


def test_a_search_needs_as_many_subjects_as_folds():
    few = ROWS[ROWS["subject_id"].isin(ROWS["subject_id"].unique()[:2])]
    with pytest.raises(EpochalError, match="in 3 folds needs as many subjects; there are 2"):
        find(rows=few)


def test_a_range_without_anything_in_it_is_refused():
    for wrong in ({"low": 2, "high": 1}, {"low": 0, "high": 1, "log": True}):
        with pytest.raises(ValueError, match="no range"):
            RangeOptions(**wrong)


def test_the_metrics_are_those_of_their_names():
    codes, proba = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0, 1]])
    assert score(codes, proba, "kappa") == pytest.approx(0.5)
    assert score(codes, proba, "accuracy") == pytest.approx(0.75)
    assert score(codes, proba, "macro_f1") == pytest.approx((2 / 3 + 4 / 5) / 2)
    expected = -np.log([0.9, 0.4, 0.8, 1]).mean()
    assert score(codes, proba, "log_loss") == pytest.approx(expected, abs=1e-5)


def test_four_files_say_what_was_searched_and_found(tmp_path):
    found = find(n_trials=4)
    write_search(tmp_path / "search", found, {"n_trials": 4})
    read = {path.name: path.read_text() for path in (tmp_path / "search").iterdir()}
    assert set(read) == {"trials.jsonl", "best_params.json", "best_score.json", "config_used.json"}
    assert [json.loads(line)["trial"] for line in read["trials.jsonl"].splitlines()] == [0, 1, 2, 3]
    assert json.loads(read["best_params.json"]) == found.params
    assert json.loads(read["best_score.json"])["score"] == found.score
    assert "selection score" in read["best_score.json"]
    assert json.loads(read["config_used.json"]) == {"n_trials": 4}


@pytest.mark.slow
def test_a_model_is_tuned_anew_in_every_fold_by_its_own_training_subjects():
    space = {"C": RangeOptions(low=1e-3, high=10, log=True)}
    options = ModelOptions(
        kind="logistic_regression", tune=TuneOptions(space=space, n_trials=2, n_folds=2)
    )
    fitted = cross_fit("m", options, ROSTER, TABLE, make_study(), family="classical")
    assert isinstance(fitted.model.tuned, Found)
    last = fitted.model.estimator.steps[-1][1]
    assert fitted.model.tuned.params["C"] == last.C
    assert len(fitted.out_of_fold) == len(ROWS)
