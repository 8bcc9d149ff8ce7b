import numpy as np
import pandas as pd
import pytest

from builders import CLASSES, make_epochs, make_predictions, make_splits
from epochal.evaluation.structure import (
    KEYS,
    MOST_EPOCHS,
    SUMMARY,
    count_changes,
    list_sequences,
    measure_structure,
    summarise_recordings,
)
from epochal.labels import proba_columns

LABELS = ["W"] * 10 + ["N2"] * 20 + ["REM"] * 10
EPOCHS = make_epochs(LABELS, n_subjects=3)
SPLITS = make_splits(EPOCHS)
COLUMNS = proba_columns(CLASSES)


def predict(**given):
    return make_predictions(EPOCHS, SPLITS, **given)


def say(predictions, label, epochs):
    """Make the model say one class in some epochs of every recording."""
    changed = predictions.copy()
    at = changed["epoch"].isin(epochs)
    changed.loc[at, COLUMNS] = np.eye(3)[CLASSES.index(label)]
    return changed


def measure(predictions, epochs=EPOCHS, impossible=()):
    return measure_structure(predictions, epochs, CLASSES, impossible)


def test_a_perfect_hypnogram_is_built_like_the_scoring():
    found = measure(predict())
    assert list(found.columns[:6]) == KEYS
    assert len(found) == 3
    assert (found["changes"] == 2).all()
    assert (found["changes_scored"] == 2).all()
    assert (found[["edit_distance_epochs", "edit_distance_bouts"]] == 0).all(axis=None)
    assert (found.filter(like="median_bout_error") == 0).all(axis=None)


def test_one_wrong_epoch_breaks_a_bout_in_two():
    found = measure(say(predict(), "W", [15])).iloc[0]
    assert (found["changes"], found["changes_scored"]) == (4, 2)
    assert found["edit_distance_epochs"] == pytest.approx(1 / 40)
    assert found["edit_distance_bouts"] == pytest.approx(2 / 5)
    # N2's bouts of 5 and 14 instead of 20; W's of 10 and 1 instead of 10
    assert found["median_bout_error_s_N2"] == pytest.approx((9.5 - 20) * 30)
    assert found["median_bout_error_s_W"] == pytest.approx((5.5 - 10) * 30)
    assert found["median_bout_error_s_REM"] == 0


def test_impossible_transitions_are_counted_in_the_prediction_and_in_the_scoring():
    found = measure(say(predict(), "REM", [4]), impossible=(("W", "REM"),)).iloc[0]
    assert found["impossible_percent"] == pytest.approx(100 / 4)  # of four changes
    assert found["impossible_percent_scored"] == 0
    assert measure(say(predict(), "REM", [4])).iloc[0]["impossible_percent"] == 0  # none listed


@pytest.mark.slow
def test_nothing_changes_across_a_gap_an_unscored_epoch_or_one_without_a_prediction():
    predictions = predict()
    for epochs, given in (
        (EPOCHS.assign(run=(EPOCHS["epoch"] >= 10).astype(int)), predictions),
        (EPOCHS.assign(label=EPOCHS["label"].where(EPOCHS["epoch"] != 10)), predictions),
        (EPOCHS, predictions[predictions["epoch"] != 10]),
        (EPOCHS[EPOCHS["epoch"] != 10], predictions[predictions["epoch"] != 10]),
    ):
        found = measure(given, epochs).iloc[0]
        assert (found["changes"], found["changes_scored"]) == (1, 1)


def test_structure_is_the_same_however_long_a_gap_is():
    predictions = say(predict(), "W", [15])
    short, long = (
        EPOCHS.assign(
            run=(EPOCHS["epoch"] >= 20).astype(int),
            onset_s=EPOCHS["onset_s"] + gap_s * (EPOCHS["epoch"] >= 20),
        )
        for gap_s in (30.0, 30.0 * MOST_EPOCHS)
    )
    pd.testing.assert_frame_equal(measure(predictions, short), measure(predictions, long))


@pytest.mark.parametrize(
    ("gap_s", "n_missing"), [(0, 1), (10, 1), (15, 1), (30, 1), (45, 1), (50, 2), (3600, 120)]
)
def test_a_sequence_has_the_epochs_that_a_gap_lacks_and_one_at_least(gap_s, n_missing):
    later = EPOCHS["epoch"] >= 10
    epochs = EPOCHS.assign(run=later.astype(int), onset_s=EPOCHS["onset_s"] + gap_s * later)
    one = next(iter(list_sequences(predict(), epochs, CLASSES)))
    expected = [0] * 10 + [-1] * n_missing + [1] * 20 + [2] * 10
    assert one.truth.tolist() == one.guess.tolist() == expected


def test_epochs_that_were_dropped_lack_in_a_sequence_one_by_one():
    kept = ~EPOCHS["epoch"].isin([3, 4, 5, 12])
    predictions = predict()
    left = predictions[~predictions["epoch"].isin([3, 4, 5, 12])]
    one = next(iter(list_sequences(left, EPOCHS[kept], CLASSES)))
    assert len(one.truth) == 40
    assert np.flatnonzero(one.truth < 0).tolist() == [3, 4, 5, 12]


@pytest.mark.slow
def test_windows_that_overlap_have_no_structure():
    overlapping = EPOCHS.assign(onset_s=EPOCHS["onset_s"] / 2)
    assert measure(predict(), overlapping).empty
    assert list(measure(predict(), overlapping)) == list(measure(predict()))


def test_single_epochs_have_no_structure():
    single = EPOCHS[EPOCHS["epoch"] == 0]
    predictions = predict()
    assert measure(predictions[predictions["epoch"] == 0], single).empty


def test_the_length_of_an_epoch_is_that_of_the_study():
    short = EPOCHS.assign(onset_s=EPOCHS["epoch"] * 4.0, length_s=4.0)
    found = measure(say(predict(), "W", [15]), short).iloc[0]
    assert found["median_bout_error_s_N2"] == pytest.approx((9.5 - 20) * 4)


def test_baselines_and_recordings_without_any_scored_epoch_are_left_out():
    unscored = EPOCHS.assign(label=EPOCHS["label"].where(EPOCHS["recording_id"] != "r1"))
    both = pd.concat([predict(), predict(model="majority", family="baseline")])
    found = measure(both, unscored)
    assert set(found["model"]) == {"m"}
    assert set(found["recording_id"]) == {"r0", "r2"}


def test_the_order_of_the_rows_does_not_matter():
    predictions = say(predict(), "W", [15])
    shuffled = predictions.sample(frac=1, random_state=0)
    keys = ["model", "role", "recording_id"]
    one, other = (
        measure(given, epochs).sort_values(keys, ignore_index=True)
        for given, epochs in ((predictions, EPOCHS), (shuffled, EPOCHS[::-1]))
    )
    pd.testing.assert_frame_equal(one, other)


def test_a_sequence_says_whose_it_is_and_how_long_a_step_is():
    one = next(iter(list_sequences(predict(), EPOCHS, CLASSES)))
    assert one.step_s == 30.0
    assert one.described["recording_id"] in {"r0", "r1", "r2"}
    assert np.array_equal(one.truth, one.guess)
    assert one.described["n_epochs"] == 40


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([], 0), (["W"], 0), (["W", "W", "N2"], 1), (["W", None, "N2", "W"], 1), ([None], 0)],
)
def test_changes_are_between_neighbours_that_both_have_a_label(labels, expected):
    assert count_changes(np.array(labels, dtype=object)) == expected


def test_the_distribution_over_recordings_is_of_every_figure_of_every_table():
    agreement = pd.DataFrame(
        {
            "model": "m", "role": "oof", "data_source": "real", "subject_id": "s",
            "recording_id": [f"r{i}" for i in range(11)], "n_epochs": 5,
            "kappa": np.arange(11) / 10,
        }
    )  # fmt: skip
    structure = agreement.drop(columns="kappa").assign(changes=[1] * 10 + [np.nan])
    found = summarise_recordings(agreement, structure)
    assert list(found) == SUMMARY
    kappa, changes = (found[found["figure"] == name].iloc[0] for name in ("kappa", "changes"))
    assert kappa[["n_recordings", "mean", "p10", "median", "p90"]].tolist() == pytest.approx(
        [11, 0.5, 0.1, 0.5, 0.9]
    )
    assert kappa["sd"] == pytest.approx(np.std(np.arange(11) / 10, ddof=1))
    assert (changes["n_recordings"], changes["mean"]) == (10, 1.0)


def test_nothing_to_sum_up_gives_an_empty_table():
    empty = measure(predict()[:0])
    assert empty.empty
    assert list(summarise_recordings(empty)) == SUMMARY
