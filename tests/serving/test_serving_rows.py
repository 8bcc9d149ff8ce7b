"""Rows answer as a data frame of the same numbers would."""

import numpy as np
import pandas as pd
import pytest

from epochal.serving.bundle import Scorer
from epochal.serving.rows import Rows, to_table
from rest_material import night_features, ruled_bundle

NAMES = ["a", "b", "c"]
VALUES = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
ROWS, TABLE = Rows(NAMES, VALUES), pd.DataFrame(VALUES, columns=NAMES)


def test_it_has_as_many_epochs_and_the_same_columns():
    assert len(ROWS) == len(TABLE) == 2
    assert list(ROWS) == list(TABLE) == NAMES
    assert "b" in ROWS
    assert "d" not in ROWS


def test_columns_come_in_the_order_asked_for():
    for chosen in (["c", "a"], ["b"], []):
        expected = TABLE[chosen].to_numpy()
        assert np.array_equal(ROWS[chosen].to_numpy(), expected, equal_nan=True)
    with pytest.raises(KeyError, match="d"):
        ROWS[["a", "d"]]


def test_rows_come_by_a_mask():
    mask = np.array([False, True])
    assert ROWS[mask].to_numpy().tolist() == TABLE[mask].to_numpy().tolist() == [[4.0, 5.0, 6.0]]
    assert "c" in ROWS[mask]


def test_rows_come_by_a_slice():
    assert ROWS[1:9].to_numpy().tolist() == TABLE[1:9].to_numpy().tolist() == [[4.0, 5.0, 6.0]]


def test_values_come_as_the_type_asked_for():
    assert ROWS.to_numpy(np.float32).dtype == np.float32
    assert ROWS.to_numpy().dtype == np.float64


def test_columns_that_are_not_there_are_unknown():
    aligned = ROWS.align(["c", "x", "a"])
    assert np.array_equal(aligned, [[3.0, np.nan, 1.0], [6.0, np.nan, 4.0]], equal_nan=True)
    assert np.array_equal(
        ROWS.align(NAMES), TABLE.reindex(columns=NAMES).to_numpy(), equal_nan=True
    )
    assert ROWS.align([]).shape == (2, 0)


def test_it_becomes_a_table():
    assert to_table(ROWS).equals(TABLE)
    assert to_table(TABLE) is TABLE


@pytest.mark.parametrize("model", [None, "lightgbm", "stack", "stack_forward_backward"])
def test_every_model_says_the_same_of_rows_as_of_a_table(model):
    scorer, table = Scorer(ruled_bundle()), night_features()
    gaps = table.copy()
    gaps.iloc[3] = np.nan
    for one in (table, gaps):
        rows = Rows(list(one), one.to_numpy())
        assert scorer.lacking_columns(rows, model) == []
        assert np.array_equal(scorer.known_rows(rows, model), scorer.known_rows(one, model))
        expected = scorer.predict(one, model)
        assert np.array_equal(scorer.predict(rows, model), expected, equal_nan=True)


def test_a_column_that_lacks_is_named():
    scorer, table = Scorer(ruled_bundle()), night_features()
    first = str(table.columns[0])
    rows = Rows(list(table)[1:], table.to_numpy()[:, 1:])
    assert scorer.lacking_columns(rows) == [first]
