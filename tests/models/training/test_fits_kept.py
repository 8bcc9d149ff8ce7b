"""What stored fits are told apart by, and which fits keep nothing."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from epochal.datasets.keys import key_of
from epochal.experiments.cells import cell_key
from epochal.experiments.options import Cell, ExperimentOptions
from epochal.models.cross_fitting import fit_refit
from epochal.models.one_fit import Fitting
from epochal.options.deep import PROVENANCE, WEIGHTS, DeepOptions, NetworkModelOptions
from epochal.options.study import StudyOptions
from window_cohort import CLASSES, make_cohort


def network_of(folder):
    return NetworkModelOptions(kind="cnn1d", pretrained=str(folder))


def piece_key(folder):
    """Return the key of a piece of work with a network of these weights."""
    return key_of(partial(fit_refit, network_of(folder)))


def study_key(folder):
    return key_of(DeepOptions(models={"net": network_of(folder)}))


def experiment_key(folder):
    options = ExperimentOptions(model={"pretrained": str(folder)}, channels={"channel": ()})
    return cell_key(Cell(backbone="cnn1d"), options, "material")


def write_weights(folder, content):
    folder.mkdir(exist_ok=True)
    (folder / WEIGHTS).write_bytes(content)
    (folder / PROVENANCE).write_text("{}")
    return folder


@pytest.mark.parametrize("key", [piece_key, study_key, experiment_key])
def test_other_weights_in_the_same_place_are_another_fit(key, tmp_path):
    before = key(write_weights(tmp_path / "a", b"one"))
    assert key(tmp_path / "a") == before
    assert key(write_weights(tmp_path / "a", b"other")) != before


def test_a_cell_with_the_same_weights_elsewhere_is_the_same(tmp_path):
    folders = (write_weights(tmp_path / name, b"one") for name in "ab")
    first, second = map(experiment_key, folders)
    assert first == second


class Remembered(ClassifierMixin, BaseEstimator):
    """Says on what it was fitted where, and knows the shares of the classes."""

    fits: list[tuple[str | None, str]] = []

    def __init__(self, folder="checkpoints", part="", share=1):
        self.folder, self.part, self.share = folder, part, share

    def fit(self, X, y, sample_weight=None):
        self.fits.append((self.folder, self.part))
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))


def test_the_trials_of_a_search_keep_nothing_and_its_fit_keeps_its_own():
    _, table = make_cohort()
    options = NetworkModelOptions(
        kind="spy",
        columns=("is_rem",),
        tune={"space": {"share": [1, 2]}, "n_trials": 2, "n_folds": 2, "sampler": "random"},
    )
    Remembered.fits.clear()
    study = StudyOptions(name="rhythms", classes=CLASSES, recording_kind="rodent")
    roster = {"spy": lambda seed, **params: Remembered(**params)}
    fit_refit(Fitting("net", options, roster, table, study, family="deep"))
    *trials, last = Remembered.fits
    assert {folder for folder, _ in trials} == {None}
    assert last == ("checkpoints", "refit")
