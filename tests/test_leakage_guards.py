"""Each guard, with its leak planted, and the honest case beside it let through."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from builders import CLASSES, EPOCH_S, make_epochs, make_features, make_splits
from epochal.errors import LeakageError
from epochal.labels import encode
from epochal.leakage import (
    refuse_divided_subjects,
    refuse_fitting_on,
    refuse_foreign_statistics,
    refuse_known_subjects,
    refuse_overlapping_windows,
    refuse_pooled_scaling,
    refuse_shared_context,
    refuse_shared_subjects,
    refuse_tuning_on_test,
)
from epochal.models.classical import prepare_columns
from epochal.options.splitting import SplitOptions
from epochal.splits import split_subjects

TEMPORAL = SplitOptions(scheme="temporal", n_folds=3, test_share=0.2, val_share=0)
PLAIN = LogisticRegression(max_iter=1000)
SHUFFLED = SplitOptions(scheme="shuffled", n_folds=3, test_share=0.2, val_share=0)


@pytest.fixture
def epochs():
    return make_epochs(n_subjects=4, n_epochs=60)


def split(epochs, options, **changed):
    return split_subjects(epochs, options.model_copy(update=changed), seed=0)


# --- subjects


def test_a_recording_on_both_sides_of_a_split_by_recording_is_refused_by_name(epochs):
    splits = make_splits(epochs).assign(unit="recording")
    refuse_shared_subjects(splits)
    splits.loc[0, ["role", "fold"]] = ["test", -1]
    with pytest.raises(LeakageError, match="Recordings in more than one role: r0; a whole record"):
        refuse_shared_subjects(splits)


def test_one_subject_may_have_two_roles_only_where_the_split_is_by_recording(epochs):
    epochs["subject_id"] = "s" + (epochs["subject_id"].str[1:].astype(int) % 2).astype(str)
    splits = make_splits(make_epochs(n_subjects=4, n_epochs=60)).assign(
        subject_id=epochs["subject_id"]
    )
    refuse_shared_subjects(splits.assign(unit="recording"))
    with pytest.raises(LeakageError, match="Subjects in more than one role: s1"):
        refuse_shared_subjects(splits)


@pytest.mark.parametrize("scheme", ["shuffled", "contiguous_blocks"])
def test_rows_of_known_subjects_are_not_dealt_singly(epochs, scheme):
    splits = split(epochs, SHUFFLED, scheme=scheme)
    refuse_divided_subjects(splits, subjects_known=False)
    with pytest.raises(LeakageError, match=r"Rows of one subject in several folds: s\d"):
        refuse_divided_subjects(splits, subjects_known=True)


def test_a_split_by_subject_divides_nobody(epochs):
    splits = make_splits(epochs)
    refuse_divided_subjects(splits, subjects_known=True)
    assert splits.groupby("subject_id")["fold"].nunique().max() == 1


def test_many_names_are_counted_not_listed():
    splits = make_splits(make_epochs(n_subjects=12, n_epochs=2), n_test=0)
    splits.loc[splits["epoch"] == 1, "fold"] = 7
    with pytest.raises(LeakageError, match="s0, s1, s10, s11, s2 and 7 more"):
        refuse_shared_subjects(splits)


# --- overlapping windows


def test_overlapping_epochs_of_whole_subjects_leak_nothing(epochs):
    overlapping = epochs.assign(length_s=3 * EPOCH_S)
    splits = make_splits(overlapping)
    refuse_overlapping_windows(splits, overlapping)
    assert splits["recording_id"].nunique() == 4


def test_half_overlapping_windows_dealt_singly_are_refused_by_recording_and_epoch(epochs):
    splits = split(epochs, SHUFFLED)
    refuse_overlapping_windows(splits, epochs)  # side by side, not over one another
    overlapping = epochs.assign(length_s=2 * EPOCH_S)
    with pytest.raises(LeakageError, match=r"r0 epochs \d+ \(.*\) and \d+ \(.*splitting.gap_s"):
        refuse_overlapping_windows(splits, overlapping)


def test_one_epoch_that_overlaps_another_fold_is_found_among_thousands():
    epochs = make_epochs(n_subjects=2, n_epochs=3000)
    splits = split(epochs, TEMPORAL)
    refuse_overlapping_windows(splits, epochs)
    place = splits.index[(splits["recording_id"] == "r1") & (splits["fold"] == 0)][-1]
    longer = epochs.copy()
    longer.loc[place, "length_s"] += 1.0
    named = (
        f"r1 epochs {splits.loc[place, 'epoch']} .train fold 0. and {epochs['epoch'][place] + 1}"
    )
    with pytest.raises(LeakageError, match=named):
        refuse_overlapping_windows(splits, longer)


def test_an_overlap_reaches_beyond_the_next_epoch(epochs):
    """With the last epoch before each cut gone, a window of two is clear of it, of three is not."""
    splits = split(epochs, TEMPORAL)
    last = splits.groupby(["recording_id", "fold"])["epoch"].transform("max")
    kept = splits[splits["epoch"] != last]
    refuse_overlapping_windows(kept, epochs.assign(length_s=2 * EPOCH_S))
    with pytest.raises(LeakageError, match=r"r0 epochs 14 .* and 16"):
        refuse_overlapping_windows(kept, epochs.assign(length_s=3 * EPOCH_S))


def test_the_order_of_rows_hides_no_overlap(epochs):
    overlapping = epochs.assign(length_s=2 * EPOCH_S)
    splits = split(epochs, TEMPORAL).sample(frac=1.0, random_state=0)
    with pytest.raises(LeakageError, match="Overlapping windows across roles or folds"):
        refuse_overlapping_windows(splits, overlapping)


@pytest.mark.parametrize("scheme", ["temporal", "contiguous_blocks"])
def test_the_schemes_own_gap_is_enough_for_overlapping_epochs(epochs, scheme):
    overlapping = epochs.assign(length_s=2 * EPOCH_S)
    splits = split(overlapping, TEMPORAL, scheme=scheme)
    refuse_overlapping_windows(splits, overlapping)
    assert len(splits) < len(overlapping)


# --- features that see across a cut


def with_column(epochs, name):
    return make_features(epochs).rename(columns={"eeg_level": name})


@pytest.mark.parametrize(
    ("column", "gap_epochs"),
    [
        ("eeg__past5", 5), ("eeg__past5_max", 5), ("eeg__centred4", 4), ("eeg__ahead2_value", 2),
        ("eeg__centred90s", 3),
    ],
)  # fmt: skip
def test_context_across_a_cut_needs_a_gap_as_long(epochs, column, gap_epochs):
    features = with_column(epochs, column)
    splits = split(epochs, TEMPORAL, gap_s=(gap_epochs - 1) * EPOCH_S)
    with pytest.raises(LeakageError, match=r"sees \d+ s farther"):
        refuse_shared_context(features, splits, epochs)
    wide = split(epochs, TEMPORAL, gap_s=gap_epochs * EPOCH_S)
    refuse_shared_context(features, wide, epochs)
    assert len(wide) < len(splits)


def test_a_whole_session_on_both_sides_of_a_cut_is_refused_by_column(epochs):
    splits = split(epochs, TEMPORAL, gap_s=60.0)
    with pytest.raises(
        LeakageError, match=r"of the whole session .*: eeg__session, eeg_turn__sess"
    ):
        refuse_shared_context(
            with_column(epochs, "eeg__session").rename(
                columns={"eeg_turn": "eeg_turn__session__past2"}
            ),
            splits,
            epochs,
        )


def test_whole_subjects_may_be_normalised_over_their_session(epochs):
    splits = make_splits(epochs)
    refuse_shared_context(with_column(epochs, "eeg__session__centred15"), splits, epochs)
    assert "unit" not in splits


# --- scaling and feature selection


@pytest.fixture
def raw(epochs):
    """Features in which subjects differ, as they do."""
    features = make_features(epochs)
    subject = epochs["subject_id"].str[1:].astype(int)
    return features.assign(eeg_level=features["eeg_level"] * 3 + 10 + subject)


def test_features_z_scored_over_all_rows_are_refused_by_column(raw, epochs):
    refuse_pooled_scaling(raw, epochs)
    columns = ["eeg_level", "eeg_turn"]
    scaled = raw.copy()
    scaled[columns] = StandardScaler().fit_transform(raw[columns]).astype(np.float32)
    with pytest.raises(LeakageError, match="scaled over all rows, test included: eeg_level, eeg_t"):
        refuse_pooled_scaling(scaled, epochs)


def test_features_scaled_by_the_sample_deviation_are_found_too(raw, epochs):
    values = raw["eeg_level"].astype(float)
    scaled = raw.assign(eeg_level=((values - values.mean()) / values.std()).astype(np.float32))
    with pytest.raises(LeakageError, match="eeg_level"):
        refuse_pooled_scaling(scaled, epochs)


def test_each_subjects_own_z_scores_pool_nothing(raw, epochs):
    grouped = raw["eeg_level"].groupby(epochs["subject_id"])
    own = (raw["eeg_level"] - grouped.transform("mean")) / grouped.transform("std", ddof=0)
    assert own.mean() == pytest.approx(0, abs=1e-6)
    assert own.std(ddof=0) == pytest.approx(1, abs=1e-6)
    refuse_pooled_scaling(raw.assign(eeg_level=own.astype(np.float32)), epochs)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_column_that_says_nothing_was_not_scaled(raw, epochs, value):
    features = raw.assign(eeg_turn=np.float32(value))
    refuse_pooled_scaling(features, epochs)
    assert features["eeg_turn"].nunique() <= 1


@pytest.fixture
def training(raw, epochs):
    """The rows of three subjects to train on, their classes, and all rows."""
    columns = ["eeg_level", "eeg_turn", "eeg_nothing"]
    rows = raw.loc[epochs["subject_id"] != "s3", columns]
    return rows, encode(epochs.loc[rows.index, "label"], CLASSES), raw[columns]


def fitted(steps, rows, codes):
    return make_pipeline(*steps, PLAIN).fit(rows, codes)


def test_a_pipeline_fitted_on_its_training_rows_is_let_through(training):
    rows, codes, _ = training
    model = fitted(prepare_columns(), rows, codes)
    refuse_foreign_statistics(model, rows, codes)
    assert model[1].n_samples_seen_ == len(rows)


@pytest.mark.parametrize("step", [StandardScaler(), SimpleImputer(strategy="median")])
def test_a_step_fitted_on_all_rows_is_refused_by_name(training, step):
    rows, codes, everything = training
    frozen = FrozenEstimator(step.fit(everything))  # fit of the pipeline leaves it as it is
    model = fitted([frozen], rows, codes)
    with pytest.raises(
        LeakageError, match=r"Step 'frozenestimator' was not fitted on the model's 180 training"
    ):
        refuse_foreign_statistics(model, rows, codes)


def test_a_scaler_after_an_honest_imputer_is_found(training):
    rows, codes, everything = training
    honest, scaler = prepare_columns()
    frozen = FrozenEstimator(scaler.fit(everything.to_numpy()))
    model = fitted([honest, frozen], rows.to_numpy(), codes)
    with pytest.raises(LeakageError, match="Step 'frozenestimator'"):
        refuse_foreign_statistics(model, rows, codes)


def test_features_selected_on_all_rows_are_refused(training):
    rows, codes, everything = training
    honest = fitted([SelectKBest(k=2)], rows, codes)
    refuse_foreign_statistics(honest, rows, codes)
    labels = np.append(codes, np.arange(len(everything) - len(rows)) % 3)
    foreign = FrozenEstimator(SelectKBest(k=2).fit(everything, labels))
    model = fitted([foreign], rows, codes)
    with pytest.raises(LeakageError, match="Step 'frozenestimator'"):
        refuse_foreign_statistics(model, rows, codes)


def test_of_many_columns_some_speak_for_all(training):
    _, codes, _ = training
    random = np.random.default_rng(0)
    wide = pd.DataFrame(random.normal(size=(len(codes) + 60, 100))).add_prefix("c")
    model = fitted(prepare_columns(), wide[: len(codes)], codes)
    refuse_foreign_statistics(model, wide[: len(codes)], codes)
    frozen = FrozenEstimator(StandardScaler().fit(wide))
    with pytest.raises(LeakageError):
        refuse_foreign_statistics(
            fitted([frozen], wide[: len(codes)], codes), wide[: len(codes)], codes
        )


def test_columns_with_holes_and_empty_columns_are_compared(training):
    rows, codes, everything = training
    rows = rows.assign(empty=np.nan, eeg_turn=rows["eeg_turn"].where(rows.index % 3 > 0))
    model = fitted(prepare_columns(), rows, codes)
    refuse_foreign_statistics(model, rows, codes)
    assert len(everything) > len(rows)


@pytest.mark.parametrize("estimator", [PLAIN, make_pipeline(PLAIN)])
def test_a_model_that_prepares_nothing_has_nothing_to_leak(training, estimator):
    rows, codes, _ = training
    refuse_foreign_statistics(estimator.fit(rows, codes), rows, codes)
    assert estimator.predict(rows).shape == codes.shape


# --- whatever else is fitted: calibrators, transitions, selections


def test_what_is_fitted_on_the_subjects_it_is_judged_on_is_refused(epochs):
    splits = make_splits(epochs)
    fitted_on, judged_on = splits[splits["fold"] == 0], splits[splits["fold"] == 1]
    refuse_fitting_on("The calibrator", fitted_on=fitted_on, judged_on=judged_on)
    mixed = pd.concat([fitted_on, judged_on[:1]])
    with pytest.raises(LeakageError, match=r"The calibrator was fitted on subjects .* on: s1"):
        refuse_fitting_on("The calibrator", fitted_on=mixed, judged_on=judged_on)


def test_within_subjects_single_epochs_are_compared(epochs):
    splits = split(epochs, TEMPORAL)
    fitted_on, judged_on = splits[splits["fold"] == 0], splits[splits["fold"] == 1]
    refuse_fitting_on("The prior", fitted_on=fitted_on, judged_on=judged_on)
    mixed = pd.concat([fitted_on, judged_on[:1]])
    with pytest.raises(LeakageError, match=r"The prior was fitted on epochs .*: r0 epoch 16"):
        refuse_fitting_on("The prior", fitted_on=mixed, judged_on=judged_on)


def test_by_recording_recordings_are_compared(epochs):
    splits = make_splits(epochs).assign(unit="recording", subject_id="s0")
    fitted_on, judged_on = splits[splits["fold"] == 0], splits[splits["fold"] == 1]
    refuse_fitting_on("The prior", fitted_on=fitted_on, judged_on=judged_on)
    with pytest.raises(LeakageError, match="on recordings that it is judged on: r0, r1, r2"):
        refuse_fitting_on("The prior", fitted_on=splits, judged_on=splits[splits["fold"] >= 0])


# --- tuning, and models from elsewhere


def test_a_search_that_scores_on_test_is_refused_by_subject(epochs):
    splits = make_splits(epochs)
    refuse_tuning_on_test(splits[splits["role"] != "test"], splits)
    with pytest.raises(LeakageError, match=r"scores its trials on 60 test rows, of s3; it may see"):
        refuse_tuning_on_test(epochs, splits)


def test_a_pretrained_model_that_has_seen_a_subject_judged_here_is_refused(epochs):
    splits = make_splits(epochs)
    refuse_known_subjects("backbone", ["someone else"], splits)
    with pytest.raises(LeakageError, match=r"Pretrained model 'backbone' has seen .*: s0, s3"):
        refuse_known_subjects("backbone", ["s3", "someone else", "s0"], splits)
