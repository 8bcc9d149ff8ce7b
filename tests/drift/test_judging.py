import numpy as np
import pandas as pd
import pytest
from made_features import SIGNALS, louder, make_subjects, swapped

from epochal.drift.confidence import describe_confidence, judge_confidence
from epochal.drift.faults import list_gains, list_swaps, responses_by_unit
from epochal.drift.judging import choose_level, judge_window
from epochal.drift.limits import choose_limit
from epochal.drift.reference import DriftReference, build_reference

FEATURES, RECORDINGS, SUBJECTS = make_subjects()
NAMES = list(FEATURES)
FAULTS = [*list_gains(responses_by_unit(NAMES, SIGNALS)), *list_swaps(NAMES, SIGNALS)]


@pytest.fixture(scope="module")
def reference():
    return build_reference(FEATURES, RECORDINGS, SUBJECTS, faults=FAULTS)


def newcomers(n=40):
    features, _, subjects = make_subjects(n, seed=1)
    return [part for _, part in features.groupby(subjects)]


def share_of_alarms(reference, plant=lambda features: features, **given):
    verdicts = [judge_window(plant(one), reference) for one in newcomers(**given)]
    return np.mean([one["drift"] for one in verdicts]), verdicts


@pytest.mark.slow
def test_new_subjects_of_the_same_kind_are_no_drift(reference):
    share, _ = share_of_alarms(reference)
    assert share <= 0.125  # .05 of forty is two, give or take


@pytest.mark.slow
def test_a_doubled_signal_is_drift_and_named(reference):
    share, verdicts = share_of_alarms(reference, lambda one: louder(one, "two"))
    assert share >= 0.9
    named = [one["likely_fault"] for one in verdicts]
    # where all is told by the ratio of the two signals, the other one's half explains as much
    assert set(named) <= {"two times 2", "one times 0.5", None}
    assert named.count("two times 2") >= 0.7 * len(named)


@pytest.mark.slow
def test_swapped_signals_are_drift_and_named(reference):
    share, verdicts = share_of_alarms(reference, swapped)
    assert share == 1.0
    assert {one["likely_fault"] for one in verdicts} == {"one and two swapped"}


def test_the_drivers_are_the_features_that_were_shifted(reference):
    moved = newcomers(1)[0].assign(one_pitch=lambda table: table["one_pitch"] + 20)
    verdict = judge_window(moved, reference)
    assert verdict["drift"]
    first = verdict["drivers"][0]
    assert (first["feature"], first["d"]) == ("one_pitch", 1.0)
    assert first["d"] > first["d_limit"]
    assert first["psi"] > first["psi_limit"]


def test_a_feature_that_was_lost_is_drift_by_itself(reference):
    verdict = judge_window(newcomers(1)[0].assign(two_entropy=np.nan), reference)
    assert verdict["drift"]
    assert verdict["lost_features"] == ["two_entropy"]
    assert judge_window(newcomers(1)[0].drop(columns="two_entropy"), reference)["drift"]


@pytest.mark.slow
def test_p_values_would_call_every_subject_drift(reference):
    """Why D is judged by left-out subjects: its test rejects people who are quite ordinary."""
    from scipy.stats import ks_2samp

    rejected = [
        min(ks_2samp(one[name], FEATURES[name]).pvalue for name in NAMES) < 0.05 / len(NAMES)
        for one in newcomers()
    ]
    assert np.mean(rejected) > 0.8


def test_a_short_window_is_compared_with_short_windows(reference):
    whole, *shorter = reference.levels
    assert [level.n_epochs for level in shorter] == [20]
    assert choose_level(80, reference) is whole
    assert choose_level(39, reference) is shorter[0]
    verdict = judge_window(newcomers(1)[0][:25], reference)
    assert verdict["compared_with"] == "windows of 20 epochs"


def test_too_few_epochs_are_not_judged(reference):
    verdict = judge_window(newcomers(1)[0][:5], reference)
    assert verdict["drift"] is None
    assert "fewer than 20 epochs" in verdict["reason"]


def test_too_few_subjects_or_too_short_recordings_give_no_reference():
    few = SUBJECTS.isin(["s0", "s1", "s2", "s3"])
    assert build_reference(FEATURES[few], RECORDINGS[few], SUBJECTS[few], faults=[]) is None
    alone = pd.Series(np.arange(len(FEATURES)).astype(str))
    assert build_reference(FEATURES, alone, alone, faults=[]) is None


def test_a_reference_comes_back_from_json_and_judges_alike(reference):
    again = DriftReference.model_validate_json(reference.model_dump_json())
    one = newcomers(1)[0]
    assert judge_window(one, again) == judge_window(one, reference)


def test_the_limit_leaves_one_place_for_the_newcomer():
    values = np.arange(1.0, 40.0)  # of 39 subjects: .95 of forty places is the 38th
    assert choose_limit(values, np.arange(39)) == 38.0


def test_a_subject_with_many_windows_counts_once():
    values = np.concatenate([np.full(400, 9.0), np.arange(38) / 38])
    subjects = np.concatenate([np.zeros(400, dtype=int), np.arange(1, 39)])
    assert choose_limit(values, subjects) < 1.0 + 1e-9


def test_with_few_subjects_the_limit_lies_above_all_that_was_seen():
    assert choose_limit(np.array([1.0, 1.2, 0.9, 1.1, 1.05]), np.arange(5)) > 1.2


# Confidence


def predictions(confidence, *, n_subjects=24, seed=0):
    random = np.random.default_rng(seed)
    parts = []
    for subject in range(n_subjects):
        sure = np.clip(confidence + random.normal(0, 0.02), 0.51, 0.99)
        first = random.random(200) < 0.5 + random.normal(0, 0.05)
        proba = np.where(first[:, None], [sure, 1 - sure], [1 - sure, sure])
        parts.append(pd.DataFrame(proba, columns=["proba_a", "proba_b"]).assign(who=subject))
    return pd.concat(parts, ignore_index=True)


CONFIDENCE = describe_confidence(
    predictions(0.85), predictions(0.85)["who"], model="m", classes=("a", "b")
)


def test_a_model_that_is_as_sure_as_ever_is_not_unlike():
    table = predictions(0.85, seed=5, n_subjects=20)
    alarms = [
        bool(judge_confidence(part[["proba_a", "proba_b"]].to_numpy(), CONFIDENCE)["unlike"])
        for _, part in table.groupby("who")
    ]
    assert np.mean(alarms) <= 0.15


def test_a_model_that_doubts_is_unlike_without_any_label():
    proba = predictions(0.6, n_subjects=1)[["proba_a", "proba_b"]].to_numpy()
    found = judge_confidence(proba, CONFIDENCE)
    assert found["unlike"] == ["mean confidence"]
    assert found["measures"]["mean confidence"]["found"] == pytest.approx(0.6, abs=0.05)
    assert found["measures"]["mean confidence"]["typical"] == pytest.approx(0.85, abs=0.02)


def test_one_class_throughout_is_unlike():
    found = judge_confidence(np.tile([0.85, 0.15], (50, 1)), CONFIDENCE)
    assert found["unlike"] == ["share of a", "share of b"]


def test_a_handful_of_predictions_says_nothing():
    assert judge_confidence(np.full((5, 2), 0.5), CONFIDENCE) is None
    assert judge_confidence(np.full((50, 2), np.nan), CONFIDENCE) is None
