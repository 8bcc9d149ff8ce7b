"""Fewer labels, or wrong ones, and only in training."""

import numpy as np
import pytest

from epochal.experiments.options import Cell
from epochal.experiments.spoiling import change_labels
from experiment_material import make_epochs, make_splits
from window_cohort import CLASSES

EPOCHS = make_epochs()
SPLITS = make_splits(EPOCHS)
TRAINING = (SPLITS["role"] == "train").to_numpy()


def change(seed=0, **cell):
    return change_labels(EPOCHS, SPLITS, Cell(**cell), CLASSES, seed=seed)["label"]


def test_without_a_wish_nothing_changes():
    assert change().tolist() == EPOCHS["label"].tolist()


def test_noise_makes_its_share_of_training_labels_wrong_and_no_other():
    wrong = (change(label_noise=0.4) != EPOCHS["label"]).to_numpy()
    assert not wrong[~TRAINING].any()
    assert wrong[TRAINING].mean() == pytest.approx(0.4, abs=0.12)


def test_a_wrong_label_is_a_class_of_the_study():
    assert set(change(label_noise=0.9)) <= set(CLASSES)


def test_only_so_many_training_animals_keep_their_labels():
    kept = change(labelled=2).notna()
    assert EPOCHS.loc[TRAINING & kept, "subject_id"].nunique() == 2
    assert kept[~TRAINING].all()


def test_no_animal_loses_its_labels_where_more_are_asked_for_than_there_are():
    assert change(labelled=99).notna().all()


def test_what_is_spoilt_follows_from_the_seed_and_not_from_the_cell():
    first = change(label_noise=0.3, loss="focal")
    assert first.equals(change(label_noise=0.3, loss="ordinal"))
    assert not first.equals(change(seed=1, label_noise=0.3))


def test_missing_labels_stay_missing_under_noise():
    epochs = EPOCHS.assign(label=EPOCHS["label"].where(EPOCHS["epoch"] > 5))
    changed = change_labels(epochs, SPLITS, Cell(label_noise=0.9), CLASSES, seed=0)
    np.testing.assert_array_equal(changed["label"].isna(), epochs["label"].isna())
