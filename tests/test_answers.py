import numpy as np
import pytest

from epochal.answers import AnswerRules, nonconformity, predict_sets

CLASSES = ("W", "N2", "REM")
PROBA = np.array([[0.9, 0.06, 0.04], [0.5, 0.3, 0.2], [0.1, 0.45, 0.45], [np.nan] * 3])


def rules(**changed):
    given = {
        "model": "m", "classes": CLASSES, "n_subjects": 9, "score": "aps", "coverage": 0.9,
        "set_thresholds": [0.6] * 3, "wanted_error": 0.1, "abstain_below": 0.5,
    }  # fmt: skip
    return AnswerRules(**given | changed)


def test_a_set_lists_its_classes_the_most_probable_first():
    found = rules().apply(PROBA)
    assert found["prediction_set"].tolist() == ["W", "W;N2", "N2;REM", ""]


def test_what_is_too_unsure_or_unscored_is_abstained_from():
    assert rules().apply(PROBA)["abstain"].tolist() == [False, False, True, True]


def test_where_no_confidence_is_known_to_be_enough_nothing_is_answered():
    assert rules(abstain_below=None).apply(PROBA)["abstain"].all()


def test_a_class_without_a_threshold_is_never_ruled_out():
    found = rules(set_thresholds=[0.6, None, 0.6]).apply(PROBA)
    assert found["prediction_set"].tolist() == ["W;N2", "W;N2", "N2;REM", ""]


@pytest.mark.parametrize(("score", "limit"), [("aps", 0.0), ("lac", 0.0)])
def test_no_set_is_ever_empty(score, limit):
    assert predict_sets(PROBA[:3], limit, score).sum(axis=1).tolist() == [1, 1, 1]


def test_lac_takes_every_class_above_one_probability():
    assert nonconformity(PROBA[:1], "lac").tolist() == [[0.0, 0.94, pytest.approx(0.96)]]
    assert predict_sets(PROBA[1:2], 0.75, "lac").tolist() == [[True, True, False]]


def test_the_summary_says_what_the_sets_came_to():
    applied = rules()
    assert applied.summarise(applied.apply(PROBA)) == {
        "wanted_coverage": 0.9, "mean_set_size": pytest.approx(5 / 3, abs=1e-4),
        "single_share": pytest.approx(1 / 3, abs=1e-4), "wanted_error": 0.1,
        "abstain_below": 0.5, "answered_share": 0.5, "fitted_on_subjects": 9,
    }  # fmt: skip


def test_a_recording_without_a_prediction_has_no_mean():
    found = rules().summarise(rules().apply(PROBA[3:]))
    assert (found["mean_set_size"], found["answered_share"]) == (None, 0.0)


def test_rules_come_back_from_json():
    given = rules(set_thresholds=[0.6, None, 0.6], abstain_below=None)
    assert AnswerRules.model_validate_json(given.model_dump_json()) == given
