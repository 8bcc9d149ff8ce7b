import numpy as np
import pandas as pd
import pytest

from builders import EPOCH_S, make_epochs
from epochal.errors import EpochalError
from epochal.options.splitting import SplitOptions
from epochal.splits import folds_to_predict, rows_to_fit, split_subjects, unit_of

TEMPORAL = SplitOptions(scheme="temporal", n_folds=4, test_share=0.2, val_share=0.1)


def one_subject(n_epochs, options, **columns):
    epochs = make_epochs(n_subjects=1, n_epochs=n_epochs, **columns)
    return split_subjects(epochs, options, seed=0)


def test_the_last_share_of_each_subject_is_test_and_the_one_before_it_val():
    splits = split_subjects(make_epochs(n_subjects=3, n_epochs=20), TEMPORAL, seed=0)
    for _, rows in splits.groupby("subject_id"):
        assert rows["role"].tolist() == ["train"] * 14 + ["val"] * 2 + ["test"] * 4
    assert unit_of(splits) == "time"


def test_blocks_of_time_follow_one_another_and_the_first_is_never_predicted():
    splits = one_subject(20, TEMPORAL)
    assert splits["fold"].tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4 + [-1] * 4
    assert folds_to_predict(splits) == [1, 2, 3]


def test_the_first_block_takes_what_does_not_divide():
    options = TEMPORAL.model_copy(update={"test_share": 0.0, "val_share": 0.0})
    assert one_subject(11, options)["fold"].value_counts().to_dict() == {0: 5, 1: 2, 2: 2, 3: 2}


def test_every_earlier_block_trains_a_fold_of_the_temporal_scheme():
    splits = one_subject(20, TEMPORAL)
    assert set(rows_to_fit(splits, fold=3)["fold"]) == {0, 1, 2}
    assert set(rows_to_fit(splits, fold=1)["fold"]) == {0}
    assert set(rows_to_fit(splits)["role"]) == {"train"}


def test_only_the_blocks_in_the_window_train_a_fold_of_the_rolling_scheme():
    options = TEMPORAL.model_copy(update={"scheme": "rolling_window", "window_folds": 2})
    splits = one_subject(20, options)
    assert set(rows_to_fit(splits, fold=3)["fold"]) == {1, 2}
    assert set(rows_to_fit(splits, fold=1)["fold"]) == {0}


def test_a_scheme_by_subject_fits_on_every_other_fold():
    options = SplitOptions(scheme="group_folds", n_folds=3)
    splits = split_subjects(make_epochs(n_subjects=8), options, seed=0)
    assert unit_of(splits) == "subject"
    assert folds_to_predict(splits) == [0, 1, 2]
    assert set(rows_to_fit(splits, fold=1)["fold"]) == {0, 2}


@pytest.mark.parametrize(("gap_s", "n_left_out"), [(0, 0), (EPOCH_S, 1), (EPOCH_S + 1, 2)])
def test_a_gap_leaves_epochs_out_before_each_cut(gap_s, n_left_out):
    """Cuts: three between four blocks, one before val (in the last block), one before test."""
    splits = one_subject(40, TEMPORAL.model_copy(update={"gap_s": gap_s}))
    assert len(splits) == 40 - 5 * n_left_out
    ends = splits.groupby(["role", "fold"])["epoch"].max()
    assert ends["train", 0] == 7 - n_left_out
    assert ends["test", -1] == 39


def test_overlapping_epochs_are_left_out_at_a_cut_without_being_asked():
    splits = one_subject(40, TEMPORAL, length_s=2 * EPOCH_S)
    assert len(splits) == 40 - 5


def test_nothing_is_left_out_between_recordings():
    epochs = make_epochs(n_subjects=4, n_epochs=5).assign(subject_id="s0")
    options = TEMPORAL.model_copy(update={"test_share": 0.0, "val_share": 0.0, "gap_s": 60})
    splits = split_subjects(epochs, options, seed=0)
    assert len(splits) == 20
    assert splits.groupby("recording_id")["fold"].nunique().tolist() == [1, 1, 1, 1]


def test_a_gap_that_leaves_nothing_is_refused():
    with pytest.raises(EpochalError, match=r"A gap of 600 s \(splitting.gap_s\) leaves nothing"):
        one_subject(20, TEMPORAL.model_copy(update={"gap_s": 600.0}))


def test_a_subject_with_too_few_epochs_is_named():
    epochs = make_epochs(n_subjects=2, n_epochs=20)
    few = epochs.drop(epochs[(epochs["subject_id"] == "s1") & (epochs["epoch"] > 2)].index)
    with pytest.raises(EpochalError, match="Subject s1 has 3 epochs, too few for 4 blocks"):
        split_subjects(few, TEMPORAL, seed=0)


# --- data without subjects

BLOCKS = SplitOptions(scheme="contiguous_blocks", n_folds=3, test_share=0.1, val_share=0.0)
SHUFFLED = BLOCKS.model_copy(update={"scheme": "shuffled"})


def test_contiguous_blocks_cut_the_rows_as_they_follow_one_another():
    epochs = make_epochs(n_subjects=4, n_epochs=10)
    splits = split_subjects(epochs, BLOCKS, seed=0)
    assert splits["fold"].tolist() == [0] * 12 + [1] * 12 + [2] * 12 + [-1] * 4
    assert unit_of(splits) == "row"


def test_a_gap_parts_neighbouring_blocks():
    options = BLOCKS.model_copy(update={"gap_s": EPOCH_S})
    splits = split_subjects(make_epochs(n_subjects=4, n_epochs=10), options, seed=0)
    # rows 11 and 23 end a block inside a recording; row 35 does, before test
    assert len(splits) == 40 - 3
    assert ("r1", 1) not in set(zip(splits["recording_id"], splits["epoch"], strict=True))


def test_shuffled_rows_of_one_recording_are_in_every_fold():
    splits = split_subjects(make_epochs(n_subjects=4, n_epochs=30), SHUFFLED, seed=0)
    assert (splits[splits["fold"] >= 0].groupby("recording_id")["fold"].nunique() == 3).all()
    assert (splits["role"] == "test").sum() == 12
    neighbours = splits["fold"].diff().abs().fillna(0)
    assert (neighbours > 0).mean() > 0.5


@pytest.mark.parametrize("options", [BLOCKS, SHUFFLED])
def test_val_is_folded_with_train(options):
    options = options.model_copy(update={"val_share": 0.2})
    splits = split_subjects(make_epochs(n_subjects=4, n_epochs=10), options, seed=0)
    assert splits["role"].value_counts().to_dict() == {"train": 28, "val": 8, "test": 4}
    assert (splits.loc[splits["role"] == "val", "fold"] >= 0).all()


@pytest.mark.parametrize("options", [BLOCKS, SHUFFLED])
def test_too_few_rows_for_the_folds_are_refused(options):
    with pytest.raises(EpochalError, match="2 scored rows are too few for 3 folds"):
        split_subjects(make_epochs(n_subjects=1, n_epochs=2), options, seed=0)


def test_the_gap_is_measured_from_the_end_of_an_epoch_however_long():
    epochs = pd.DataFrame(
        {"recording_id": "r", "subject_id": "s", "epoch": np.arange(30), "label": "W",
         "onset_s": np.arange(30) * 100.0, "length_s": 10.0}
    )  # fmt: skip
    near = split_subjects(epochs, TEMPORAL.model_copy(update={"gap_s": 90.0}), seed=0)
    far = split_subjects(epochs, TEMPORAL.model_copy(update={"gap_s": 91.0}), seed=0)
    assert (len(near), len(far)) == (30, 30 - 5)
