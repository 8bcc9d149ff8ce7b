"""What holds of every scheme, over cohorts drawn at random."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings

from epochal import schemas
from epochal.errors import EpochalError
from epochal.leakage import refuse_overlapping_windows, refuse_shared_subjects
from epochal.options.splitting import SplitOptions
from epochal.splits import HELD_OUT, folds_to_predict, rows_to_fit, split_subjects
from epochal.splits.schemes import SCHEMES

OF_SUBJECTS = [
    "group_folds", "stratified_group_folds", "quota_stratified", "nested", "hold_out",
    "leave_one_subject_out", "leave_one_group_out",
]  # fmt: skip
IN_TIME = ["temporal", "rolling_window"]
OF_ROWS = ["contiguous_blocks", "shuffled"]
EPOCH_S = 30.0
pytestmark = pytest.mark.slow  # many cohorts
KEYS = ["recording_id", "epoch"]
thorough = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@st.composite
def cohorts(draw):
    """Draw an epochs index and its recordings' summary: nights, lengths and labels all differ."""
    n_subjects = draw(st.integers(4, 14))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    rows, summary = {name: [] for name in ("recording_id", "subject_id", "epoch", "label")}, []
    for subject in range(n_subjects):
        facts = {
            "age": random.choice([20.0, 45.0, 70.0, 90.0, np.nan]),
            "sex": random.choice(["F", "M"]),
            "site": f"lab {subject % 3}",
        }
        for night in range(random.integers(1, 3)):
            who = {"recording_id": f"r{subject}-{night}", "subject_id": f"s{subject}"}
            n_epochs = random.integers(12, 40)
            labels = random.choice(["W", "N2", "REM"], n_epochs).astype(object)
            labels[random.random(n_epochs) < 0.1] = None
            for name, value in who.items():
                rows[name] += [value] * n_epochs
            rows["epoch"] += range(n_epochs)
            rows["label"] += labels.tolist()
            summary.append({**who, **facts})
    epochs = pd.DataFrame({name: rows[name] for name in ("recording_id", "subject_id", "epoch")})
    epochs = epochs.assign(
        onset_s=EPOCH_S * epochs["epoch"],
        length_s=EPOCH_S,
        run=0,
        label=pd.Series(rows["label"], dtype=object),
    )
    return epochs, pd.DataFrame(summary)


def options_of(scheme, **changed):
    needed = {
        "leave_one_group_out": {"group": "site"},
        "hold_out": {"held_out": ("s1",)},
        "rolling_window": {"window_folds": 1},
    }.get(scheme, {})
    return SplitOptions(**{"scheme": scheme, "n_folds": 3, "n_inner_folds": 2} | needed | changed)


def split(cohort, scheme, seed=0, **changed):
    """Split, or pass over a cohort that is too small for it: that is refused by name."""
    epochs, recordings = cohort
    try:
        return split_subjects(
            epochs, options_of(scheme, **changed), seed=seed, recordings=recordings
        )
    except EpochalError as refused:
        assert "splitting." in str(refused)  # it says what to change
        assume(False)
        raise


@pytest.mark.parametrize("scheme", SCHEMES)
@thorough
@given(cohort=cohorts(), seed=st.integers(0, 99))
def test_every_epoch_is_assigned_once_and_the_table_is_sound(scheme, cohort, seed):
    splits = split(cohort, scheme, seed)
    given_keys = set(map(tuple, cohort[0][KEYS].to_numpy().tolist()))
    assert set(map(tuple, splits[KEYS].to_numpy().tolist())) <= given_keys
    assert not splits.duplicated(KEYS).any()
    assert len(splits) == len(cohort[0])  # no gap was asked for
    assert len(schemas.splits.validate(splits)) == len(splits)
    assert set(splits["role"]) >= {"train"}


@pytest.mark.parametrize("scheme", OF_SUBJECTS)
@thorough
@given(cohort=cohorts(), seed=st.integers(0, 99))
def test_no_subject_is_in_two_roles_or_folds(scheme, cohort, seed):
    splits = split(cohort, scheme, seed)
    refuse_shared_subjects(splits)
    assert (splits.groupby("subject_id")[["role", "fold"]].nunique() == 1).all(axis=None)
    for fold in folds_to_predict(splits):
        fitted = rows_to_fit(splits, fold=fold)
        assert len(fitted)
        judged = splits[splits["fold"] == fold]
        assert not set(fitted["subject_id"]) & set(judged["subject_id"])
    test = set(splits.loc[splits["role"] == "test", "subject_id"])
    assert not test & set(rows_to_fit(splits)["subject_id"])


@pytest.mark.parametrize("scheme", SCHEMES)
@thorough
@given(cohort=cohorts(), seed=st.integers(0, 99))
def test_it_follows_from_the_seed_and_not_from_the_order_of_the_rows(scheme, cohort, seed):
    epochs, recordings = cohort
    first = split(cohort, scheme, seed)
    again = split((epochs, recordings), scheme, seed)
    pd.testing.assert_frame_equal(first, again)
    shuffled = epochs.sample(frac=1.0, random_state=seed), recordings.iloc[::-1]
    turned = split(shuffled, scheme, seed).sort_values(KEYS, ignore_index=True)
    pd.testing.assert_frame_equal(turned, first.sort_values(KEYS, ignore_index=True))


@pytest.mark.parametrize("scheme", ["group_folds", "quota_stratified", "nested", "hold_out"])
@thorough
@given(cohort=cohorts(), n_folds=st.integers(2, 4))
def test_folds_differ_by_one_subject_at_most(scheme, cohort, n_folds):
    splits = split(cohort, scheme, n_folds=n_folds)
    folded = splits[splits["fold"] != HELD_OUT]
    sizes = folded.groupby("fold")["subject_id"].nunique()
    assert sorted(sizes.index) == list(range(n_folds))
    assert sizes.max() - sizes.min() <= 1


@thorough
@given(cohort=cohorts(), n_folds=st.integers(2, 4))
def test_stratified_folds_leave_no_fold_empty(cohort, n_folds):
    splits = split(cohort, "stratified_group_folds", n_folds=n_folds)
    folded = splits[splits["fold"] != HELD_OUT]
    assert folded["fold"].nunique() == n_folds


@thorough
@given(cohort=cohorts())
def test_whichever_outer_fold_is_left_out_the_inner_folds_stay_balanced(cohort):
    splits = split(cohort, "nested").drop_duplicates("subject_id")
    for fold in folds_to_predict(splits):
        inner = rows_to_fit(splits, fold=fold)["inner_fold"].value_counts()
        assert sorted(inner.index) == [0, 1]
        assert inner.max() - inner.min() <= 2


@settings(thorough, max_examples=25)
@given(cohort=cohorts(), seed=st.integers(0, 99), test=st.floats(0.05, 0.4), val=st.floats(0, 0.3))
def test_quotas_are_kept_to_within_a_subject_or_two(cohort, seed, test, val):
    from epochal.splits.quotas import stratify

    options = options_of("quota_stratified", test_share=test, val_share=val, n_folds=2)
    splits = split(cohort, "quota_stratified", seed, test_share=test, val_share=val, n_folds=2)
    subjects = splits.drop_duplicates("subject_id").set_index("subject_id")["role"]
    shares = subjects.value_counts(normalize=True)  # what the rounding to whole subjects left
    strata = stratify(cohort[0], cohort[1], options)
    for _, names in strata.groupby(["age_group", "sex"]).groups.items():
        here = subjects[names].value_counts()
        assert abs(here.get("test", 0) - shares["test"] * len(names)) < 1
        assert abs(here.get("val", 0) - shares.get("val", 0) * len(names)) < 2


@pytest.mark.parametrize("scheme", IN_TIME)
@thorough
@given(cohort=cohorts(), n_folds=st.integers(3, 5), gap_s=st.sampled_from([0.0, 30.0, 90.0]))
def test_in_time_the_past_trains_and_the_future_is_judged(scheme, cohort, n_folds, gap_s):
    splits = split(cohort, scheme, n_folds=n_folds, gap_s=gap_s)
    refuse_overlapping_windows(splits, cohort[0], reach_s=gap_s)
    timed = splits.merge(cohort[0][[*KEYS, "onset_s"]], on=KEYS)
    for fold in [*folds_to_predict(timed), HELD_OUT]:
        judged = timed[timed["fold"] == fold]
        fitted = rows_to_fit(timed, fold=None if fold == HELD_OUT else fold)
        assert len(fitted)
        for recording, rows in judged.groupby("recording_id"):
            before = fitted.loc[fitted["recording_id"] == recording, "onset_s"]
            assert (before + EPOCH_S + gap_s <= rows["onset_s"].min() + 1e-6).all()


@pytest.mark.parametrize("scheme", OF_ROWS)
@thorough
@given(cohort=cohorts(), n_folds=st.integers(2, 5))
def test_rows_are_dealt_to_equally_large_folds(scheme, cohort, n_folds):
    splits = split(cohort, scheme, n_folds=n_folds)
    sizes = splits.loc[splits["fold"] != HELD_OUT, "fold"].value_counts()
    assert sizes.max() - sizes.min() <= 1
    assert (splits["role"] == "test").sum() == round(0.2 * len(splits))


@thorough
@given(cohort=cohorts(), seed=st.integers(0, 99))
def test_balancing_keeps_as_many_of_each_class_whoever_is_first(cohort, seed):
    splits = split(cohort, "group_folds", seed, balance=True)
    labelled = splits.merge(cohort[0][[*KEYS, "label"]], on=KEYS)
    for role in ("train", "val"):
        kept = labelled[(labelled["role"] == role) & labelled["kept"]]
        assert kept["label"].value_counts().nunique() <= 1
        assert kept["label"].notna().all()
    assert labelled.loc[labelled["role"] == "test", "kept"].all()
    turned = split((cohort[0].iloc[::-1], cohort[1]), "group_folds", seed, balance=True)
    pd.testing.assert_frame_equal(
        turned.sort_values(KEYS, ignore_index=True), splits.sort_values(KEYS, ignore_index=True)
    )
