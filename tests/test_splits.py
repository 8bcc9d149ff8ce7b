import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from builders import make_epochs
from epochal.errors import EpochalError
from epochal.leakage import refuse_shared_subjects
from epochal.options.splitting import SplitOptions
from epochal.splits import HELD_OUT, split_subjects

FOLDS = SplitOptions(scheme="group_folds", n_folds=3, test_share=0.2, val_share=0.1)
ONE_OUT = SplitOptions(scheme="leave_one_subject_out")


def test_the_first_name_of_group_folds_still_means_it():
    assert SplitOptions(scheme="subject_folds") == SplitOptions(scheme="group_folds")


def roles_of(splits):
    return splits.drop_duplicates("subject_id").set_index("subject_id")["role"]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    n_subjects=st.integers(7, 15),
    seed=st.integers(0, 99),
    n_folds=st.integers(2, 4),
    test_share=st.floats(0.05, 0.3),
    val_share=st.floats(0, 0.2),
)
def test_no_subject_is_ever_in_two_roles_or_folds(n_subjects, seed, n_folds, test_share, val_share):
    epochs = make_epochs(n_subjects=n_subjects, n_epochs=3)
    options = SplitOptions(
        scheme="group_folds", n_folds=n_folds, test_share=test_share, val_share=val_share
    )
    splits = split_subjects(epochs, options, seed=seed)
    refuse_shared_subjects(splits)
    assert len(splits) == len(epochs)
    assert set(splits["fold"]) == {HELD_OUT, *range(n_folds)}
    assert ((splits["role"] == "test") == (splits["fold"] == HELD_OUT)).all()


def test_the_shares_are_of_subjects():
    splits = split_subjects(make_epochs(n_subjects=20), FOLDS, seed=0)
    assert roles_of(splits).value_counts().to_dict() == {"train": 14, "test": 4, "val": 2}


def test_at_least_one_subject_is_held_out_however_small_the_share():
    options = FOLDS.model_copy(update={"test_share": 0.01, "val_share": 0.01})
    counts = roles_of(split_subjects(make_epochs(n_subjects=6), options, seed=0)).value_counts()
    assert (counts["test"], counts["val"]) == (1, 1)


def test_no_val_is_drawn_where_none_is_wanted():
    options = FOLDS.model_copy(update={"val_share": 0.0})
    splits = split_subjects(make_epochs(n_subjects=10), options, seed=0)
    assert set(splits["role"]) == {"train", "test"}


def test_folds_over_train_and_val_are_equally_large():
    splits = split_subjects(make_epochs(n_subjects=15), FOLDS, seed=0)
    per_fold = splits[splits["fold"] >= 0].groupby("fold")["subject_id"].nunique()
    assert per_fold.tolist() == [4, 4, 4]


def test_the_same_seed_draws_the_same_subjects_and_another_others():
    epochs = make_epochs(n_subjects=20, n_epochs=2)
    first = split_subjects(epochs, FOLDS, seed=1)
    assert first.equals(split_subjects(epochs, FOLDS, seed=1))
    assert not first.equals(split_subjects(epochs, FOLDS, seed=2))


def test_the_order_of_the_epochs_does_not_matter_to_who_is_where():
    epochs = make_epochs(n_subjects=12)
    shuffled = epochs.sample(frac=1.0, random_state=0)
    first, second = (split_subjects(table, FOLDS, seed=0) for table in (epochs, shuffled))
    assert roles_of(first).to_dict() == roles_of(second).to_dict()


def test_leaving_one_subject_out_makes_each_a_fold_and_holds_nobody_out():
    splits = split_subjects(make_epochs(n_subjects=5), ONE_OUT, seed=0)
    assert set(splits["role"]) == {"train"}
    assert splits.groupby("subject_id")["fold"].first().tolist() == [0, 1, 2, 3, 4]


def test_a_subject_without_any_label_takes_no_part():
    epochs = make_epochs(n_subjects=8)
    epochs.loc[epochs["subject_id"] == "s3", "label"] = None
    splits = split_subjects(epochs, FOLDS, seed=0)
    assert "s3" not in set(splits["subject_id"])
    assert splits["subject_id"].nunique() == 7


def test_unlabelled_epochs_of_a_scored_subject_stay():
    epochs = make_epochs(n_subjects=8)
    epochs.loc[epochs["epoch"] > 0, "label"] = None
    assert len(split_subjects(epochs, FOLDS, seed=0)) == len(epochs)


def test_all_nights_of_a_subject_stay_together():
    epochs = make_epochs(n_subjects=12)
    epochs["subject_id"] = "s" + (epochs["subject_id"].str[1:].astype(int) // 2).astype(str)
    splits = split_subjects(epochs, ONE_OUT, seed=0)
    assert splits.groupby("subject_id")["recording_id"].nunique().tolist() == [2] * 6
    refuse_shared_subjects(splits)


@pytest.mark.parametrize(
    ("n_subjects", "options", "reason"),
    [
        (1, ONE_OUT, "1 scored subjects for 2 folds"),
        (4, FOLDS.model_copy(update={"n_folds": 5}), "3 scored subjects for 5 folds"),
        (2, FOLDS, "1 test and 1 val of 2 scored subjects leave none to train on"),
        (
            10,
            FOLDS.model_copy(update={"test_share": 0.5, "val_share": 0.5}),
            "5 test and 5 val of 10 scored subjects leave none",
        ),
    ],
)
def test_too_few_subjects_are_refused_with_what_to_change(n_subjects, options, reason):
    with pytest.raises(EpochalError, match=f"{reason}.*splitting"):
        split_subjects(make_epochs(n_subjects=n_subjects), options, seed=0)


def test_without_any_label_there_is_nobody_to_split():
    epochs = make_epochs(n_subjects=5).assign(label=np.nan)
    with pytest.raises(EpochalError, match="of 0 scored subjects"):
        split_subjects(epochs, FOLDS, seed=0)
