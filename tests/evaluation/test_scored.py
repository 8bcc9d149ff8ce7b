import numpy as np
import pandas as pd
import pytest

from builders import CLASSES, make_epochs, make_predictions, make_splits
from epochal.evaluation.scored import list_scored, without_baselines

EPOCHS = make_epochs(n_subjects=5, n_epochs=20)
SPLITS = make_splits(EPOCHS)


def scored_of(*predictions, **changed):
    return list_scored(pd.concat(predictions), EPOCHS.assign(**changed), CLASSES)


def test_there_is_one_for_each_model_and_role_in_the_order_of_the_table():
    found = scored_of(*(make_predictions(EPOCHS, SPLITS, model=name) for name in "ba"))
    assert [(one.model, one.role) for one in found] == [
        ("b", "oof"), ("b", "test"), ("a", "oof"), ("a", "test"),
    ]  # fmt: skip
    assert [one.n_subjects for one in found] == [4, 1, 4, 1]


def test_epochs_without_a_label_are_left_out():
    labels = EPOCHS["label"].where(EPOCHS["epoch"] >= 15)
    found = scored_of(make_predictions(EPOCHS, SPLITS), label=labels)
    assert [len(one.truth) for one in found] == [20, 5]


def test_subjects_and_epochs_have_the_same_numbers_for_every_model():
    first = make_predictions(EPOCHS, SPLITS, model="a")
    second = make_predictions(EPOCHS, SPLITS, model="b").sample(frac=1, random_state=0)
    one, other = (one for one in scored_of(first, second) if one.role == "oof")
    subject = dict(zip(one.epochs, one.subjects, strict=True))
    assert all(subject[e] == s for e, s in zip(other.epochs, other.subjects, strict=True))
    assert other.names[other.subjects].tolist() != one.names[one.subjects].tolist()
    assert set(one.names) == set(EPOCHS["subject_id"])


@pytest.mark.parametrize(("certainty", "share"), [(0.9, 0.0), (0.1, 1.0)])
def test_wrong_and_confidence_are_those_of_the_most_probable_class(certainty, share):
    one = scored_of(make_predictions(EPOCHS, SPLITS, certainty=certainty))[0]
    assert one.wrong.mean() == share
    assert one.confidence == pytest.approx(np.full(80, max(certainty, (1 - certainty) / 2)))


def test_each_says_real_simulated_or_both():
    mixed = np.where(EPOCHS["subject_id"] == "s0", "real", "simulated")
    found = scored_of(make_predictions(EPOCHS, SPLITS), data_source=mixed)
    assert [one.data_source for one in found] == ["real/simulated", "simulated"]
    real = scored_of(make_predictions(EPOCHS, SPLITS), data_source="real")
    assert real[0].described == {"model": "m", "role": "oof", "data_source": "real"}


def test_baselines_can_be_left_out():
    found = scored_of(
        make_predictions(EPOCHS, SPLITS, model="majority", family="baseline"),
        make_predictions(EPOCHS, SPLITS, model="stack", family="stack"),
    )
    assert {one.model for one in without_baselines(found)} == {"stack"}
