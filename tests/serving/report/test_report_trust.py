import pytest

from epochal.serving.report.page import make_report
from epochal.serving.report.trust import tell_trust
from made_report import make_manifest, make_scored_recording, spell
from page_checks import check_page

ANSWERS = {
    "wanted_coverage": 0.9, "mean_set_size": 1.25, "single_share": 0.8, "wanted_error": 0.1,
    "abstain_below": 0.7, "answered_share": 0.95, "fitted_on_subjects": 9,
}  # fmt: skip
DRIFT = {
    "drift": True, "score": 7.5, "limit": 3.2, "compared_with": "whole recordings",
    "likely_fault": "gain", "drivers": [{"feature": "eeg_sd"}, {"feature": "emg_sd"}],
}  # fmt: skip


def page_with(abstain=None, **summary):
    manifest = make_manifest()
    recording, scored = make_scored_recording(spell("W*4 N2*6"), manifest)
    scored.summary.update(summary)
    if abstain is not None:
        scored.epochs["abstain"] = abstain
    return check_page(make_report(recording, scored, manifest)).shown


@pytest.mark.slow
def test_a_recording_that_training_saw_is_marked_in_its_banner():
    assert "IN-SAMPLE: the model was trained on this recording" in page_with(in_sample=True)
    assert "IN-SAMPLE" not in page_with(in_sample=False)
    assert "IN-SAMPLE" not in page_with()


def test_abstention_is_told_and_marked_in_time():
    shown = page_with(answers=ANSWERS, abstain=[True] + [False] * 9)
    assert "95.0 % of the epochs (confidence of 0.70 or more)" in shown
    assert "1.25 classes on average, to hold the true one in 90 % of the epochs" in shown
    assert "abstained" in shown


def test_where_no_confidence_is_enough_it_says_so():
    told = dict(tell_trust({"answers": ANSWERS | {"abstain_below": None}})["answers"])
    assert "nothing is sure enough" in told["Answered"]


def test_drift_is_told_with_what_drives_it():
    shown = page_with(drift=DRIFT)
    assert "Drift yes: not like the training data" in shown
    assert "Farthest off eeg_sd, emg_sd" in shown
    assert "Looks like gain" in shown


def test_no_drift_names_no_driver():
    shown = page_with(drift=DRIFT | {"drift": False})
    assert "Drift none found" in shown
    assert "Farthest off" not in shown


def test_what_was_not_judged_says_why():
    told = dict(tell_trust({"drift": {"drift": None, "reason": "too few epochs"}})["drift"])
    assert told == {"Drift": "not judged: too few epochs"}


def test_a_bundle_without_rules_tells_nothing_of_them():
    assert tell_trust({}) == {"in_sample": None, "answers": [], "drift": []}
    shown = page_with()
    assert "Abstention" not in shown
    assert "Like the training data?" not in shown


def test_labels_unlike_those_of_training_subjects_are_told_though_no_feature_drifts():
    confidence = {"unlike": ["mean confidence", "share of REM"]}
    told = "Unlike whole recordings of left-out subjects mean confidence, share of REM"
    assert told in page_with(drift=DRIFT | {"drift": False, "confidence": confidence})
    assert "Unlike" not in page_with(drift=DRIFT | {"confidence": {"unlike": []}})
