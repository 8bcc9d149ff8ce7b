"""A model's folds, refit and trials as parts of one piece of work: the same, wherever done."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from builders import make_epochs, make_features, make_splits, make_study
from epochal.datasets.partitions import Partitions
from epochal.datasets.parts import key_of_piece
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import cross_fit, divide, join_table
from epochal.models.one_fit import Fitting
from epochal.models.tuning import conclude, judge_trial, search
from epochal.options.models import ModelOptions, RangeOptions, TuneOptions

EPOCHS = make_epochs(n_subjects=6, n_epochs=20)
TABLE = join_table(make_features(EPOCHS), EPOCHS, make_splits(EPOCHS, n_folds=3, n_test=1, n_val=1))
ROWS = TABLE[TABLE["role"] != "test"]
STUDY = make_study()
SPACE = {"C": RangeOptions(low=1e-3, high=10, log=True)}


def tuned(**given):
    tune = TuneOptions(**{"space": SPACE, "n_trials": 4, "n_folds": 2} | given)
    return ModelOptions(kind="logistic_regression", tune=tune, calibration="temperature")


def divided(options, table=TABLE, study=STUDY):
    return divide(Fitting("m", options, ROSTER, table, study, "classical"))


def assert_same(one, other):
    pd.testing.assert_frame_equal(one.out_of_fold, other.out_of_fold, check_exact=True)
    np.testing.assert_array_equal(
        one.model.predict_proba(TABLE), other.model.predict_proba(TABLE), strict=True
    )
    assert one.model.tuned == other.model.tuned


def test_the_parts_are_the_folds_and_the_refit():
    parts = divided(ModelOptions(kind="majority")).parts
    assert list(parts) == ["fold_0", "fold_1", "fold_2", "refit", "whole"]
    assert all(not part.needs for name, part in parts.items() if name != "whole")


def test_trials_drawn_at_random_are_parts_that_wait_for_nothing_but_are_waited_for():
    parts = divided(tuned(sampler="random")).parts
    trials = tuple(f"fold_1.trial_{number}" for number in range(4))
    assert parts["fold_1"].needs == trials
    assert {parts[trial].needs for trial in trials} == {()}
    assert len(parts) == 4 * (1 + 4) + 1


def test_trials_in_batches_wait_for_the_batches_before():
    parts = divided(tuned(n_trials=5, at_once=2)).parts
    needs = [len(parts[f"refit.trial_{number}"].needs) for number in range(5)]
    assert needs == [0, 0, 2, 2, 4]


def key_with(**changed):
    piece = divided(tuned(sampler="random"), study=make_study(**changed))
    return key_of_piece(piece, {})


@pytest.mark.parametrize(
    "changed", [{"caveats": ("Made up.",)}, {"recording_kind": "nap"}, {"subjects_known": False}]
)
def test_what_is_only_told_of_a_study_makes_no_model_anew(changed):
    assert key_with(**changed) == key_with()


@pytest.mark.parametrize("changed", [{"seed": 1}, {"classes": STUDY.classes[::-1]}])
def test_another_seed_and_other_classes_make_every_model_anew(changed):
    assert key_with(**changed) != key_with()


@pytest.mark.parametrize("given", [{}, {"at_once": 1}, {"storage": "x", "sampler": "random"}])
def test_trials_that_follow_each_other_stay_in_their_fold(given):
    assert list(divided(tuned(**given)).parts)[:2] == ["fold_0", "fold_1"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["sequential", "threads", "processes"])
def test_every_backend_makes_the_same_model_bit_for_bit(tmp_path, backend):
    options = {
        "plain": ModelOptions(kind="lightgbm", params={"n_estimators": 5}),
        "tuned": tuned(sampler="random", n_trials=2),
    }
    dataset = Partitions(
        path=str(tmp_path), dataset="pickle.PickleDataset", filename_suffix=".pkl",
        parallel={"backend": backend, "n_jobs": 2, "progress": False},
    )  # fmt: skip
    dataset.save({name: divided(one) for name, one in options.items()})
    for name, piece in dataset.load().items():
        assert_same(
            piece(), cross_fit("m", options[name], ROSTER, TABLE, STUDY, family="classical")
        )


def attempt(params, training, held_out):
    """Answer rightly the more often, the nearer `C` is to 1."""
    right = pd.get_dummies(pd.Categorical(held_out["label"], categories=STUDY.classes))
    noise = np.random.default_rng(0).random(right.shape)
    return right.to_numpy(float) + noise * abs(np.log(params["C"]))


def find(**given):
    options = tuned(**given).tune
    return search(attempt, ROWS, STUDY.classes, options, seed=3, name="m"), options


def in_batches(options):
    """Do the trials of a search as parts do: each by itself, last of a batch first."""
    scores = [0.0] * options.n_trials
    for start in range(0, options.n_trials, options.batch):
        for number in reversed(range(start, min(start + options.batch, options.n_trials))):
            scores[number] = judge_trial(
                attempt, ROWS, STUDY.classes, options,
                number=number, scores=scores[:start], seed=3, name="m",
            )  # fmt: skip
    return conclude(options, scores, seed=3)


@pytest.mark.slow
def test_trials_drawn_at_random_are_those_of_a_search_one_after_another():
    found, options = find(sampler="random", n_trials=6)
    one_by_one, _ = find(sampler="random", n_trials=6, at_once=1)
    assert in_batches(options) == found == one_by_one
    assert len({trial["C"] for trial in found.trials}) == 6


@pytest.mark.slow
def test_batches_of_tpe_are_the_same_in_whatever_order_they_are_done():
    found, options = find(n_trials=17, at_once=4)
    assert in_batches(options) == found
    assert len({trial["C"] for trial in found.trials}) == 17


@pytest.mark.slow
def test_batches_of_tpe_learn_from_the_batches_before():
    found, _ = find(n_trials=40, at_once=4)
    off = [abs(np.log(trial["C"])) for trial in found.trials]
    assert np.median(off[-12:]) < np.median(off[:12])


@pytest.mark.slow
def test_a_fold_without_a_past_has_no_trials_to_do():
    chained = TABLE.assign(first_seen_fold=0)
    fitted = divided(tuned(sampler="random", n_trials=2), chained)
    assert "fold_0" not in fitted.parts
    assert set(fitted().out_of_fold["fold"]) == {1, 2}


@pytest.mark.slow
def test_a_fold_that_the_model_cannot_speak_of_is_left_out():
    table = TABLE.copy()
    table.loc[table["fold"] == 1, ["eeg_level", "eeg_turn"]] = np.nan
    options = ModelOptions(kind="logistic_regression", columns=("eeg_level", "eeg_turn"))
    fitted = cross_fit("m", options, ROSTER, table, STUDY, family="classical")
    assert set(fitted.out_of_fold["fold"]) == {0, 2}


def test_a_search_in_a_file_does_not_go_in_batches():
    with pytest.raises(ValueError, match="leave `storage` out"):
        tuned(storage="trials.log", at_once=3)


def test_the_partial_of_a_part_names_its_fold():
    part = divided(ModelOptions(kind="majority")).parts["fold_2"]
    assert isinstance(part.work, partial)
    assert part.work.args[1] == 2
