import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from builders import make_epochs
from epochal.errors import EpochalError
from epochal.options.splitting import SplitOptions
from epochal.splits import HELD_OUT, inner_parts, rows_to_fit, split_subjects
from epochal.splits.schemes import SCHEMES


def summary_of(epochs, **columns):
    """Return a recordings' summary; each column is given per recording, in order."""
    recordings = epochs.drop_duplicates("recording_id")[["recording_id", "subject_id"]]
    return recordings.reset_index(drop=True).assign(**columns)


def of_subjects(splits, column):
    return splits.drop_duplicates("subject_id").set_index("subject_id")[column]


def test_every_scheme_that_conf_may_name_is_in_the_roster():
    assert set(SplitOptions.model_fields["scheme"].annotation.__args__) == set(SCHEMES)


def test_min_test_subjects_holds_out_that_many_however_small_the_share():
    options = SplitOptions(
        scheme="group_folds", n_folds=3, test_share=0.15, val_share=0.15, min_test_subjects=5
    )
    roles = of_subjects(split_subjects(make_epochs(n_subjects=16), options, seed=0), "role")
    assert roles.value_counts().to_dict() == {"train": 9, "test": 5, "val": 2}


def test_no_share_of_test_holds_nobody_out():
    options = SplitOptions(scheme="group_folds", n_folds=3, test_share=0, val_share=0)
    splits = split_subjects(make_epochs(n_subjects=6), options, seed=0)
    assert set(splits["role"]) == {"train"}
    assert set(splits["fold"]) == {0, 1, 2}


# --- stratified


def test_stratified_folds_share_a_class_that_few_subjects_have():
    """Four of twelve subjects have REM: each of four folds gets one, which chance seldom does."""
    epochs = pd.concat(
        [
            make_epochs(["REM"] * 6 + ["W"] * 6, n_subjects=4),
            make_epochs(["N2"] * 6 + ["W"] * 6, n_subjects=8).assign(
                subject_id=lambda table: "t" + table["subject_id"],
                recording_id=lambda table: "t" + table["recording_id"],
            ),
        ],
        ignore_index=True,
    )
    options = SplitOptions(
        scheme="stratified_group_folds", n_folds=4, test_share=0.0, val_share=0.0
    )
    for seed in range(3):
        splits = split_subjects(epochs, options, seed=seed)
        rem = splits[epochs["label"] == "REM"].groupby("fold")["subject_id"].nunique()
        assert rem.to_dict() == {0: 1, 1: 1, 2: 1, 3: 1}


def test_a_class_rarer_than_the_folds_is_shared_as_far_as_it_goes():
    epochs = make_epochs(n_subjects=6)
    epochs["label"] = "W"
    epochs.loc[0, "label"] = "REM"
    options = SplitOptions(scheme="stratified_group_folds", n_folds=3, test_share=0.0, val_share=0)
    splits = split_subjects(epochs, options, seed=0)
    assert splits.groupby("fold")["subject_id"].nunique().tolist() == [2, 2, 2]


def test_labels_too_rare_to_be_stratified_at_all_are_refused():
    epochs = make_epochs(["W"], n_subjects=4).assign(label=["a", "b", "c", "d"])
    options = SplitOptions(scheme="stratified_group_folds", n_folds=4, test_share=0, val_share=0)
    with pytest.raises(EpochalError, match="No 4 folds of these labels"):
        split_subjects(epochs, options, seed=0)


# --- nested


def test_nested_folds_have_inner_folds_of_whole_subjects_for_tuning():
    epochs = make_epochs(n_subjects=12, n_epochs=4)
    options = SplitOptions(scheme="nested", n_folds=3, n_inner_folds=3, val_share=0.0)
    splits = split_subjects(epochs, options, seed=0)
    assert (splits.groupby("subject_id")["inner_fold"].nunique() == 1).all()
    assert set(splits.loc[splits["role"] == "test", "inner_fold"]) == {HELD_OUT}
    for fold in range(3):
        rows = rows_to_fit(splits, fold=fold)
        parts = inner_parts(rows)
        assert len(parts) == 3
        for train, validation in parts:
            assert (train ^ validation).all()
            subjects = rows["subject_id"].to_numpy()
            assert not set(subjects[train]) & set(subjects[validation])


def test_too_few_subjects_for_inner_folds_are_refused():
    options = SplitOptions(scheme="nested", n_folds=2, n_inner_folds=3, test_share=0, val_share=0)
    with pytest.raises(EpochalError, match=r"Without fold 0, 2 subjects .* 3 inner folds.*n_inner"):
        split_subjects(make_epochs(n_subjects=4), options, seed=0)


def test_without_a_nested_scheme_inner_parts_are_by_subject():
    rows = make_epochs(n_subjects=5, n_epochs=3)
    parts = inner_parts(rows, n_folds=4, seed=1)
    left_out = [set(rows["subject_id"].to_numpy()[validation]) for _, validation in parts]
    assert sorted(name for names in left_out for name in names) == ["s0", "s1", "s2", "s3", "s4"]


def test_one_subject_has_no_inner_folds():
    with pytest.raises(EpochalError, match="1 subjects to train on for 3 inner folds"):
        inner_parts(make_epochs(n_subjects=1))


# --- by site, day or lab


@pytest.fixture
def epochs():
    return make_epochs(n_subjects=6, n_epochs=3)


def test_leaving_one_site_out_makes_each_site_a_fold(epochs):
    recordings = summary_of(epochs, site=["a", "a", "b", "b", "c", "c"])
    options = SplitOptions(scheme="leave_one_group_out", group="site")
    splits = split_subjects(epochs, options, seed=0, recordings=recordings)
    assert of_subjects(splits, "fold").tolist() == [0, 0, 1, 1, 2, 2]
    assert set(splits["role"]) == {"train"}


def test_the_group_may_be_a_column_of_the_epochs(epochs):
    options = SplitOptions(scheme="leave_one_group_out", group="lab")
    lab = epochs["subject_id"].isin(["s4", "s5"]).map({True: "y", False: "x"})
    splits = split_subjects(epochs.assign(lab=lab), options, seed=0)
    assert of_subjects(splits, "fold").tolist() == [0, 0, 0, 0, 1, 1]


def test_one_site_is_too_few_to_leave_one_out(epochs):
    options = SplitOptions(scheme="leave_one_group_out", group="site")
    with pytest.raises(EpochalError, match="1 values of 'site' for 2 folds"):
        split_subjects(epochs, options, seed=0, recordings=summary_of(epochs, site="a"))


def test_a_recording_of_no_known_site_is_named(epochs):
    options = SplitOptions(scheme="leave_one_group_out", group="site")
    recordings = summary_of(epochs, site=["a", "a", "b", "b", None, None])
    with pytest.raises(EpochalError, match=r"No 'site' is known of r4, r5 \(splitting.group\)"):
        split_subjects(epochs, options, seed=0, recordings=recordings)
    nowhere = summary_of(epochs, site=None)
    with pytest.raises(EpochalError, match="r4 and 1 more"):
        split_subjects(epochs, options, seed=0, recordings=nowhere)


def test_a_misspelt_group_is_refused_with_the_near_miss(epochs):
    options = SplitOptions(scheme="leave_one_group_out", group="sites")
    with pytest.raises(EpochalError, match=r"No column 'sites'.*did you mean 'site'"):
        split_subjects(epochs, options, seed=0, recordings=summary_of(epochs, site="a"))


@pytest.mark.parametrize("days", [[1, 1, 2, 2, 3, None], [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]])
def test_a_fixed_day_is_held_out_though_a_table_made_it_a_float(epochs, days):
    epochs = epochs[epochs["subject_id"] != "s5"] if None in days else epochs
    recordings = summary_of(make_epochs(n_subjects=6), day=days)
    options = SplitOptions(
        scheme="hold_out", group="day", held_out=[3], n_folds=2, val_share=0.0
    )  # conf writes numbers
    splits = split_subjects(epochs, options, seed=0, recordings=recordings)
    roles = of_subjects(splits, "role")
    assert set(roles.index[roles == "test"]) == set(epochs["subject_id"]) & {"s4", "s5"}
    assert set(of_subjects(splits, "fold")[["s0", "s1", "s2", "s3"]]) == {0, 1}


def test_subjects_are_held_out_by_name(epochs):
    options = SplitOptions(scheme="hold_out", held_out=["s2", "s5"], n_folds=2, val_share=0.25)
    roles = of_subjects(split_subjects(epochs, options, seed=0), "role")
    assert roles[roles == "test"].index.tolist() == ["s2", "s5"]
    assert roles.value_counts().to_dict() == {"train": 3, "test": 2, "val": 1}


def test_a_held_out_value_that_nobody_has_is_refused_with_the_near_miss(epochs):
    options = SplitOptions(scheme="hold_out", held_out=["s22"])
    with pytest.raises(EpochalError, match=r"No 's22' in 'subject_id' to hold out.*did you mean"):
        split_subjects(epochs, options, seed=0)


def test_holding_everybody_out_leaves_none_to_train_on(epochs):
    options = SplitOptions(scheme="hold_out", group="site", held_out=["a"], val_share=0)
    with pytest.raises(EpochalError, match="leave none to train on"):
        split_subjects(epochs, options, seed=0, recordings=summary_of(epochs, site="a"))


def test_known_subjects_may_be_tested_on_another_day():
    epochs = make_epochs(n_subjects=6, n_epochs=3)
    epochs["subject_id"] = "s" + (epochs["subject_id"].str[1:].astype(int) // 2).astype(str)
    options = SplitOptions(
        scheme="hold_out", group="day", held_out=["2"], known_subjects=True, n_folds=3, val_share=0
    )
    recordings = summary_of(epochs, day=[1, 2] * 3)
    splits = split_subjects(epochs, options, seed=0, recordings=recordings)
    assert set(splits["unit"]) == {"recording"}
    assert splits.groupby("subject_id")["role"].nunique().tolist() == [2, 2, 2]


# --- what the options themselves refuse


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"scheme": "hold_out"}, "needs `held_out`"),
        ({"scheme": "leave_one_group_out"}, "needs `group`"),
        ({"scheme": "rolling_window"}, "needs `window_folds`"),
        ({"scheme": "temporal", "n_folds": 2}, "needs `n_folds` of 3 or more"),
        ({"scheme": "quota_stratified", "age_edges_years": [60, 40]}, "do not rise"),
        ({"scheme": "by_epoch"}, "scheme"),
    ],
)
def test_options_that_cannot_work_are_refused_before_anything_runs(given, reason):
    with pytest.raises(ValidationError, match=reason):
        SplitOptions(**given)


def test_subject_names_that_are_numbers_stay_the_same_subjects():
    epochs = make_epochs(n_subjects=6)
    epochs["subject_id"] = epochs["subject_id"].str[1:].astype(int)
    options = SplitOptions(scheme="group_folds", n_folds=2)
    splits = split_subjects(epochs, options, seed=0)
    assert splits["subject_id"].map(type).eq(str).all()
    assert np.array_equal(splits["subject_id"].astype(int), epochs["subject_id"])
