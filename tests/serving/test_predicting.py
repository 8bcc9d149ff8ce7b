import numpy as np
import pytest

from builders import CLASSES, make_bundle
from epochal.errors import EpochalError
from epochal.serving.answering import Answers
from epochal.serving.bundle import Scorer
from epochal.serving.messages.requests import Matrix, Sample
from epochal.serving.predicting import (
    Asked,
    list_answers,
    predict_one,
    predict_run,
    predict_samples,
)
from rest_material import columns, night_features, rows, ruled_bundle, signals


@pytest.fixture(scope="module")
def asked():
    return Asked(Scorer(make_bundle()))


def test_one_epoch_is_one(asked):
    predicted = predict_one(Sample(features=rows(0)[0]), asked)
    assert predicted.answers.labels(CLASSES) == ["W"]
    assert list(predicted.features) == columns()
    assert predicted.notes == ()


@pytest.mark.parametrize("several", [rows(0, 1), Matrix(columns=["a"], rows=[[1.0], [2.0]])])
def test_two_epochs_are_not_one(asked, several):
    with pytest.raises(EpochalError):
        predict_one(Sample(features=several), asked)


def test_an_epoch_of_signals_too_many_is_refused_with_the_address_that_takes_them(asked):
    with pytest.raises(EpochalError, match="2 epochs; /predict answers one, /predict_batch"):
        predict_one(Sample(**signals("W", "N2")), asked)


def test_a_run_is_smoothed_as_one(asked):
    smoothed = asked._replace(model="stack_forward_backward")
    predicted = predict_run(Sample(features=rows(*range(12))), smoothed)
    expected = asked.scorer.predict(night_features(), "stack_forward_backward")
    assert np.abs(predicted.answers.proba - expected).max() < 1e-6
    assert len(predicted.notes) == 1


def test_samples_of_rows_and_of_signals_are_answered_the_same_way(asked):
    alike = [Sample(features=row) for row in rows(0, 5)]
    mixed = [*alike, Sample(**signals("W"))]
    together = predict_samples(mixed, asked)
    expected = predict_samples(alike, asked).answers.proba
    assert np.abs(together.answers.proba[:2] - expected).max() < 1e-7
    assert together.answers.labels(CLASSES) == ["W", "N2", "W"]
    assert len(together.features) == 3


def test_the_number_of_a_wrong_sample_is_said(asked):
    samples = [Sample(features=rows(0)[0]), Sample(signals={"EEG": [0.0]}, sfreq=1.0)]
    with pytest.raises(EpochalError, match=r"samples\.1: .* an epoch needs 30 s"):
        predict_samples(samples, asked)


def test_one_simulated_sample_makes_all_so(asked):
    samples = [Sample(features=row) for row in rows(0, 1)]
    assert predict_samples(samples, asked).data_source == "real"
    samples.append(Sample(features=rows(2)[0], data_source="simulated"))
    assert predict_samples(samples, asked).data_source == "simulated"


def test_rules_survive_the_joining_of_samples():
    ruled = Asked(Scorer(ruled_bundle()))
    samples = [Sample(features=rows(0)[0]), Sample(**signals("N2"))]
    answers = list_answers(predict_samples(samples, ruled).answers, CLASSES)
    assert [one.prediction_set[0] for one in answers] == ["W", "N2"]
    assert [one.abstain for one in answers] == [False, False]


def test_an_epoch_that_was_not_scored_is_null_throughout():
    nothing = Answers(np.array([np.nan]), np.full((1, 3), np.nan), [["not_scored"]], [""], [True])
    (answer,) = list_answers(nothing, CLASSES)
    assert (answer.label, answer.confidence, answer.onset_s) == (None, None, None)
    assert set(answer.probabilities.values()) == {None}
    assert (answer.prediction_set, answer.abstain) == ([], True)


def test_confidence_is_the_labels_probability_rounded():
    proba = np.array([[0.12345678, 0.8, 0.07654322]])
    (answer,) = list_answers(Answers(np.array([30.0]), proba, [[]]), CLASSES)
    assert answer.label == "N2"
    assert answer.confidence == 0.8
    assert answer.probabilities["W"] == 0.123457
    assert answer.onset_s == 30.0
