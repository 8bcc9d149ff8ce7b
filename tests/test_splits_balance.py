import numpy as np
import pandas as pd
import pytest

from builders import make_epochs, make_splits
from epochal.options.splitting import SplitOptions
from epochal.splits import kept_rows, split_subjects
from epochal.splits.balance import keep_balanced, report_adjacency

# A day in short: long bouts of W and N2, one bout of REM.
DAY = ["W"] * 40 + ["N2"] * 40 + ["REM"] * 10 + ["W"] * 40 + ["N2"] * 40


@pytest.fixture
def epochs():
    return make_epochs(DAY, n_subjects=3)


def balanced(epochs, seed=0):
    splits = make_splits(epochs, n_test=1)
    return splits.assign(kept=keep_balanced(splits.assign(label=epochs["label"]), seed=seed))


def test_train_keeps_as_many_of_each_class_as_the_rarest_has(epochs):
    kept = balanced(epochs)["kept"] & (make_splits(epochs)["role"] == "train")
    assert epochs.loc[kept, "label"].value_counts().to_dict() == {"W": 20, "N2": 20, "REM": 20}


def test_val_is_balanced_by_itself(epochs):
    splits = make_splits(epochs, n_test=1, n_val=1)
    kept = keep_balanced(splits.assign(label=epochs["label"]), seed=0)
    for role in ("train", "val"):
        of_role = epochs.loc[kept & (splits["role"] == role), "label"]
        assert of_role.value_counts().to_dict() == {"W": 10, "N2": 10, "REM": 10}


def test_what_is_not_scored_is_not_kept_and_test_stays_whole(epochs):
    epochs.loc[::7, "label"] = None
    splits = balanced(epochs)
    fitting = splits["role"] == "train"
    assert not splits.loc[fitting & epochs["label"].isna(), "kept"].any()
    assert splits.loc[~fitting, "kept"].all()


def test_the_same_seed_keeps_the_same_epochs_and_another_others(epochs):
    assert balanced(epochs, 1).equals(balanced(epochs, 1))
    assert not balanced(epochs, 1).equals(balanced(epochs, 2))


def test_the_kept_epochs_are_saved_with_the_split_and_only_where_asked(epochs):
    options = SplitOptions(scheme="group_folds", n_folds=2, test_share=0.3, val_share=0)
    assert "kept" not in split_subjects(epochs, options, seed=0)
    splits = split_subjects(epochs, options.model_copy(update={"balance": True}), seed=0)
    kept = splits[splits["kept"] & (splits["role"] == "train")]
    labels = kept.merge(epochs[["recording_id", "epoch", "label"]])["label"]
    assert labels.value_counts().to_dict() == {"W": 20, "N2": 20, "REM": 20}


def test_a_model_is_fitted_on_kept_rows_alone(epochs):
    splits = balanced(epochs)
    assert kept_rows(splits)["kept"].all()
    assert len(kept_rows(splits)) == splits["kept"].sum()
    assert kept_rows(splits.drop(columns="kept")).shape[0] == len(splits)


def test_the_rare_class_keeps_its_bouts_and_the_common_ones_are_left_in_crumbs(epochs):
    """As the rodent document found: 168 neighbours in REM beside 15 and 8 in the others."""
    report = report_adjacency(balanced(epochs), epochs).set_index("label")
    assert report["n_epochs"].to_dict() == {"N2": 160, "REM": 20, "W": 160}
    assert report["n_kept"].to_dict() == {"N2": 20, "REM": 20, "W": 20}
    assert report["adjacent"].to_dict() == {"N2": 2 * 78, "REM": 2 * 9, "W": 2 * 78}
    assert report.loc["REM", "adjacent_kept"] == 18
    assert report.loc[["W", "N2"], "adjacent_kept"].max() < 8
    assert report.loc["REM", "share_adjacent_kept"] == pytest.approx(0.9)


def test_without_subsampling_every_neighbour_is_kept(epochs):
    report = report_adjacency(make_splits(epochs), epochs)
    assert report["adjacent"].equals(report["adjacent_kept"])
    assert report["n_epochs"].equals(report["n_kept"])


@pytest.mark.parametrize(
    ("column", "value"), [("onset_s", 1e5), ("run", 1), ("recording_id", "other"), ("label", None)]
)
def test_a_gap_a_run_a_recording_or_a_hole_in_the_labels_ends_a_bout(column, value):
    epochs = make_epochs(["W"] * 6, n_subjects=1)
    whole = report_adjacency(make_splits(epochs, n_test=0), epochs)
    assert whole["adjacent"].tolist() == [5]
    parted = epochs.copy()
    later = parted["epoch"] == 3 if column == "label" else parted["epoch"] >= 3
    parted[column] = parted[column].mask(
        later, parted[column] + value if column == "onset_s" else value
    )
    report = report_adjacency(make_splits(parted, n_test=0), parted)
    assert report["adjacent"].tolist() == [3 if column == "label" else 4]


def test_a_class_of_which_nothing_is_in_train_has_no_row():
    epochs = make_epochs(["W"] * 4, n_subjects=2)
    epochs.loc[epochs["subject_id"] == "s1", "label"] = "REM"
    assert report_adjacency(make_splits(epochs), epochs)["label"].tolist() == ["W"]


def test_string_labels_with_holes_are_counted_too():
    epochs = make_epochs(["W", None, "W", "W"], n_subjects=1)
    epochs["label"] = pd.array(epochs["label"], dtype="string")
    report = report_adjacency(make_splits(epochs, n_test=0), epochs)
    assert report[["n_epochs", "adjacent"]].to_numpy().tolist() == [[3, 1]]
    assert np.isfinite(report["share_adjacent_kept"]).all()
