import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.hypnogram.bouts import (
    Bout,
    edit_distance,
    find_bouts,
    hypnogram_edit_distance,
    impossible_percent,
    median_bout_error_s,
    median_bout_s,
)

NIGHT = ["W", "W", "N2", "N2", "N2", None, "N2", "REM"]
LABELS = st.lists(st.sampled_from("WNR"), max_size=12)


def test_a_bout_is_a_run_of_one_label_and_unscored_epochs_end_it():
    assert find_bouts(NIGHT) == [
        Bout("W", 0, 2), Bout("N2", 2, 3), Bout("N2", 6, 1), Bout("REM", 7, 1),
    ]  # fmt: skip


def test_an_empty_or_unscored_hypnogram_has_no_bouts():
    assert find_bouts([]) == []
    assert find_bouts(pd.Series([None, np.nan])) == []


def test_the_median_bout_is_in_seconds_and_nan_without_any():
    found = median_bout_s(NIGHT, ["W", "N2", "N3"], epoch_s=30)
    assert (found["W"], found["N2"]) == (60.0, 60.0)
    assert np.isnan(found["N3"])


def test_a_fragmented_guess_has_a_negative_bout_error():
    truth = ["W"] * 10
    guess = ["W", "W", "N1", "W", "W", "N1", "W", "W", "N1", "W"]
    found = median_bout_error_s(truth, guess, ["W", "N1"], epoch_s=10)
    assert found["W"] == pytest.approx(20 - 100)
    assert np.isnan(found["N1"])


def test_impossible_transitions_are_a_share_of_all_changes():
    labels = ["W", "REM", "REM", "NREM", "W", "W", "REM"]
    assert impossible_percent(labels, [("W", "REM")]) == pytest.approx(50.0)
    assert impossible_percent(labels, []) == 0.0
    assert impossible_percent(["W"] * 5, [("W", "REM")]) == 0.0


def test_a_change_across_unscored_epochs_is_no_transition():
    assert impossible_percent(["W", None, "REM", "NREM"], [("W", "REM")]) == 0.0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("abc", "abc", 0)],
)
def test_the_edit_distance_of_known_words(one, other, expected):
    assert edit_distance(one, other) == expected


def by_the_book(one, other):
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        rows.append([i])
        for j, b in enumerate(other, 1):
            rows[i].append(
                min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a != b))
            )
    return rows[-1][-1]


@pytest.mark.slow
@given(LABELS, LABELS)
def test_the_edit_distance_is_that_of_the_textbook(one, other):
    assert edit_distance(one, other) == edit_distance(other, one) == by_the_book(one, other)


def test_a_shifted_hypnogram_costs_its_two_ends_only():
    night = ["W"] * 5 + ["N2"] * 10 + ["REM"] * 5
    shifted = [*night[2:], "W", "W"]
    assert hypnogram_edit_distance(night, shifted) == pytest.approx(4 / 20)


def test_the_order_of_stages_ignores_their_lengths():
    one = ["W"] * 9 + ["N2"] + ["REM"] * 4
    other = ["W"] + ["N2"] * 20 + ["REM"]
    assert hypnogram_edit_distance(one, other, of="bouts") == 0.0
    assert hypnogram_edit_distance(one, [*other, "W"], of="bouts") == pytest.approx(1 / 4)


def test_equal_and_empty_hypnograms_are_at_no_distance():
    assert hypnogram_edit_distance(NIGHT, NIGHT) == 0.0
    assert hypnogram_edit_distance([None], []) == 0.0


def test_another_kind_of_distance_is_refused():
    with pytest.raises(ValueError, match="allowed are epochs, bouts"):
        hypnogram_edit_distance(NIGHT, NIGHT, of="hours")
