import pandas as pd
import pytest

from builders import make_epochs, make_predictions, make_splits
from epochal.errors import EpochalError
from epochal.evaluation.choice import choose_headline, most_independent, rows_of_recording

COLUMNS = ["model", "family", "role", "causal", "kappa"]


def board(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


BOARD = board(
    ("schedule_only", "baseline", "oof", True, 0.95),
    ("lightgbm", "classical", "oof", True, 0.6),
    ("stack", "stack", "oof", False, 0.7),
    ("lightgbm", "classical", "test", True, 0.99),
)


def test_the_headline_is_the_best_out_of_fold_whatever_the_test_says():
    assert choose_headline(BOARD) == "stack"


def test_a_baseline_is_no_headline_however_good():
    assert choose_headline(BOARD[:2]) == "lightgbm"


def test_where_there_is_nothing_else_a_baseline_is_the_headline():
    assert choose_headline(BOARD[:1]) == "schedule_only"


def test_a_stream_needs_a_causal_headline():
    assert choose_headline(BOARD, causal_only=True) == "lightgbm"


@pytest.mark.parametrize(
    ("rows", "causal_only"),
    [(BOARD[3:], False), (BOARD[:0], False), (BOARD[2:3], True)],
    ids=["test rows alone", "no rows", "none causal"],
)
def test_without_an_out_of_fold_row_there_is_no_choice(rows, causal_only):
    with pytest.raises(EpochalError, match="No out-of-fold row to choose a headline"):
        choose_headline(rows, causal_only=causal_only)


EPOCHS = make_epochs(n_subjects=4, n_epochs=5)


def predictions(n_test):
    splits = make_splits(EPOCHS, n_test=n_test)
    parts = [
        make_predictions(EPOCHS, splits, model="majority", family="baseline"),
        make_predictions(EPOCHS, splits, model="a"),
        make_predictions(EPOCHS, splits, model="b"),
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_recording_shown_is_one_of_test_where_there_are_any():
    found = rows_of_recording(predictions(2), "a")
    assert set(found["recording_id"]) == {"r2"}
    assert set(found["role"]) == {"test"}
    assert set(found["model"]) == {"a"}


def test_without_test_subjects_the_recording_shown_is_out_of_fold():
    found = rows_of_recording(predictions(0), "b")
    assert set(found["recording_id"]) == {"r0"}
    assert set(found["role"]) == {"oof"}
    assert found["epoch"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("n_test", "role", "n_rows"), [(1, "test", 10), (0, "oof", 40)])
def test_a_picture_shows_the_most_independent_rows_and_no_baseline(n_test, role, n_rows):
    found = most_independent(predictions(n_test))
    assert set(found["role"]) == {role}
    assert set(found["model"]) == {"a", "b"}
    assert len(found) == n_rows
