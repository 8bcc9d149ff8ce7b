import numpy as np
import pandas as pd
import pytest

from builders import SFREQ, make_bundle, make_channel, make_night, make_recording
from epochal.errors import EpochalError, RecordingError
from epochal.serving.answering import (
    ALONE,
    NOT_SCORED,
    OUTSIDE,
    answer_features,
    answer_recording,
    flag_lonely,
    known_columns,
    name_neighbourhood,
)
from epochal.serving.bundle import Scorer
from epochal.serving.scoring import score_recording
from rest_material import LABELS, columns, icu_bundle, night_features, ruled_bundle

CLASSES = make_bundle().manifest.classes


@pytest.fixture(scope="module")
def scorer():
    return Scorer(make_bundle())


def night():
    return make_night(LABELS, seed=100, metadata={"age": 32.0, "sex": "F"})


@pytest.mark.parametrize("model", [None, "lightgbm", "stack", "stack_forward_backward"])
def test_features_are_answered_as_the_scorer_would(scorer, model):
    answers = answer_features(night_features(), scorer, model=model)
    expected = scorer.predict(night_features(), model)
    assert np.abs(answers.proba - expected).max() < 1e-12


def test_a_recording_is_answered_as_score_would(scorer):
    answers, _ = answer_recording(night(), scorer)
    scored = score_recording(night(), scorer).epochs
    assert answers.labels(CLASSES) == scored["label"].tolist() == LABELS
    assert np.abs(answers.proba - scored.filter(regex="^proba_").to_numpy()).max() < 1e-6
    assert [";".join(flags) for flags in answers.flags] == scored["flags"].tolist()
    assert answers.onset_s.tolist() == scored["onset_s"].tolist()


@pytest.mark.slow
def test_rows_in_runs_of_their_own_are_smoothed_alone(scorer):
    table = night_features()
    model = "stack_forward_backward"
    alone = answer_features(table, scorer, model=model, runs=np.arange(len(table)))
    each = [answer_features(table.iloc[[row]], scorer, model=model) for row in range(len(table))]
    assert np.abs(alone.proba - np.concatenate([one.proba for one in each])).max() < 1e-12
    together = answer_features(table, scorer, model=model)
    assert np.abs(alone.proba - together.proba).max() > 1e-3


def test_the_order_of_columns_does_not_matter(scorer):
    table = night_features()
    turned = answer_features(table[table.columns[::-1]], scorer)
    assert np.array_equal(turned.proba, answer_features(table, scorer).proba)


def test_a_row_of_nothing_is_not_scored_and_says_so(scorer):
    table = night_features().iloc[:2].copy()
    table.iloc[1] = np.nan
    answers = answer_features(table, scorer)
    assert answers.labels(CLASSES)[1] == ""
    assert answers.flags == [[], [NOT_SCORED]]
    assert np.isnan(answers.proba[1]).all()


def test_rows_unlike_the_training_are_answered_and_flagged(scorer):
    answers = answer_features(night_features().iloc[:1] * 1e4, scorer)
    assert answers.flags == [[OUTSIDE]]
    assert answers.labels(CLASSES)[0] in CLASSES


def test_an_unknown_column_is_refused_with_the_one_that_may_be_meant(scorer):
    table = night_features().rename(columns={"eeg_log_delta": "eeg_log_detla"})
    with pytest.raises(EpochalError, match="'eeg_log_detla'; did you mean 'eeg_log_delta'"):
        answer_features(table, scorer)


def test_missing_columns_are_counted_and_named(scorer):
    with pytest.raises(EpochalError, match=r"39 columns are missing: .* and 36 more"):
        answer_features(night_features()[columns()[:1]], scorer)


def test_a_model_of_no_name_is_refused(scorer):
    with pytest.raises(EpochalError, match=r"No model 'lightbgm'.*did you mean 'lightgbm'"):
        answer_features(night_features(), scorer, model="lightbgm")


def test_rules_give_sets_and_abstentions_of_the_model_they_are_for():
    ruled = Scorer(ruled_bundle())
    answers = answer_features(night_features(), ruled)
    assert answers.sets is not None
    assert [names.split(";")[0] for names in answers.sets] == answers.labels(CLASSES)
    assert answers.abstain == [False] * len(LABELS)
    other = answer_features(night_features(), ruled, model="lightgbm")
    assert other.sets is None
    assert other.abstain is None


def test_too_short_a_recording_says_what_an_epoch_needs(scorer):
    with pytest.raises(RecordingError, match="29 s of signals; an epoch needs 30 s"):
        answer_recording(make_recording(make_channel(length_s=29)), scorer)


def test_a_rate_that_cannot_give_the_features_is_refused_with_the_rate(scorer):
    slow = make_recording(make_channel(sfreq=10.0, length_s=60))
    with pytest.raises(RecordingError, match=r"cannot give .*; it has: EEG at 10 Hz"):
        answer_recording(slow, scorer)


def test_a_missing_channel_is_refused_with_those_there_are(scorer):
    with pytest.raises(RecordingError, match="no channel 'EEG'; it has: EOG"):
        answer_recording(make_recording(make_channel("EOG")), scorer)


def test_flat_epochs_are_flagged(scorer):
    flat = make_recording(make_channel(data=np.zeros(round(30 * SFREQ))))
    answers, _ = answer_recording(flat, scorer)
    assert "flat" in answers.flags[0]


def test_a_model_of_columns_depends_on_neighbours_only_where_they_are_computed(scorer):
    assert name_neighbourhood(scorer, None, from_signals=False) is None
    said = name_neighbourhood(scorer, None, from_signals=True)
    assert "columns such as 'eeg_log_delta__past2'" in said


def test_a_smoothed_model_depends_on_neighbours_always(scorer):
    said = name_neighbourhood(scorer, "stack_forward", from_signals=False)
    assert "one run of epochs in order" in said
    assert "smoothed along a run" in said
    assert ALONE in said


def test_epochs_alone_in_their_run_are_flagged(scorer):
    answers = answer_features(night_features().iloc[:3], scorer)
    flagged = flag_lonely(answers, np.array([0, 0, 1])).flags
    assert [ALONE in flags for flags in flagged] == [False, False, True]


def test_the_known_columns_are_all_models_together(scorer):
    known = known_columns(scorer)
    assert set(columns()) <= known
    assert not [name for name in known if name.startswith("lightgbm__")]  # a stack's own


def test_another_kind_of_bundle_answers_by_its_own_epochs():
    sine = np.sin(np.arange(10_000) / 200 * 2 * np.pi * 10) * 20
    recording = make_recording(make_channel("Fp1", sine, sfreq=200.0))
    answers, features = answer_recording(recording, Scorer(icu_bundle()))
    assert len(answers) == len(features) == 1
    assert isinstance(features, pd.DataFrame)
    assert answers.labels(CLASSES) == ["W"]  # alpha
