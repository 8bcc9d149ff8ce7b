import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from builders import CLASSES, make_epochs
from epochal.labels import encode, keep_classes, log_proba, proba_columns


@pytest.mark.slow
@given(st.lists(st.sampled_from([*CLASSES, "movement", None])))
def test_a_class_is_its_number_and_anything_else_is_minus_one(labels):
    expected = [CLASSES.index(label) if label in CLASSES else -1 for label in labels]
    assert encode(pd.Series(labels, dtype=object), CLASSES).tolist() == expected


@pytest.mark.parametrize("dtype", [object, "str", "string", "category"])
def test_every_way_of_holding_text_gives_the_same_numbers(dtype):
    labels = pd.Series(["REM", None, "W", "other"], dtype=dtype)
    assert encode(labels, CLASSES).tolist() == [2, -1, 0, -1]


def test_codes_count_as_numbers():
    codes = encode(pd.Series(["W", "N2", "N2"]), CLASSES)
    assert np.bincount(codes, minlength=3).tolist() == [1, 2, 0]


def test_labels_that_the_study_does_not_classify_become_null():
    epochs = make_epochs(["W", "amusement", None], n_subjects=1)
    kept = keep_classes(epochs, ("W", "N2"))["label"]
    assert kept.isna().tolist() == [False, True, True]
    assert epochs["label"][1] == "amusement"  # the given table is left alone


def test_probability_columns_follow_the_order_of_the_classes():
    assert proba_columns(("W", "N2")) == ["proba_W", "proba_N2"]


def test_the_logarithm_of_a_probability_stays_finite_and_says_little_below_one_percent():
    found = log_proba(np.array([0.0, 0.001, 0.5, 1.0]))
    assert found == pytest.approx([np.log(0.01), np.log(0.01), np.log(0.5), 0.0])
