import numpy as np
import pandas as pd
import pytest
from made_scored import draw_calibrated, make_scored

from builders import CLASSES, make_epochs, make_predictions, make_splits, make_study
from epochal.evaluation.browsing import (
    CONFUSION_COLUMNS,
    ROC_COLUMNS,
    choose_playback,
    count_confusions,
    describe_study,
    list_headline_epochs,
    trace_roc,
    trace_rocs,
)
from epochal.evaluation.discrimination import measure_ranking
from epochal.metrics import build_leaderboard
from epochal.options.results import EvaluationOptions
from epochal.pipelines.evaluation.browsing_nodes import tabulate_for_browsing


def made(n_subjects=4, n_epochs=30, n_test=2, **changed):
    epochs = make_epochs(n_subjects=n_subjects, n_epochs=n_epochs, **changed)
    splits = make_splits(epochs, n_test=n_test)
    parts = [
        make_predictions(epochs, splits, model=name, certainty=certainty, causal=name == "good")
        for name, certainty in (("good", 0.9), ("bad", 0.2))
    ]
    predictions = pd.concat(parts, ignore_index=True)
    board = build_leaderboard(predictions, epochs, EvaluationOptions(n_bootstrap=0), make_study())
    return predictions, epochs, board


def area(curve):
    return np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])


def test_the_card_says_what_must_stand_beside_every_figure():
    _, epochs, board = made()
    card = describe_study(epochs, board, make_study(caveats=("Made up.",), subjects_known=False))
    assert card == {
        "study": "made", "classes": list(CLASSES), "recording_kind": "polysomnogram",
        "subjects_known": False, "caveats": ["Made up."], "headline": "good",
        "data_source": "simulated", "epoch_length_s": 30.0,
    }  # fmt: skip


@pytest.mark.slow
def test_the_card_of_real_and_simulated_recordings_names_both():
    _, epochs, board = made()
    epochs.loc[:5, "data_source"] = "real"
    assert describe_study(epochs, board, make_study())["data_source"] == "real/simulated"


def test_confusions_count_every_pair_of_classes():
    truth = np.array([0, 0, 0, 1, 2])
    said = np.array([0, 0, 1, 1, 0])
    found = count_confusions([make_scored(np.eye(3)[said], truth)])
    assert list(found) == CONFUSION_COLUMNS
    assert found["n_epochs"].to_numpy().reshape(3, 3).tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert found["truth"].tolist()[::3] == list(CLASSES)


def test_confusions_of_nothing_are_an_empty_table_with_names():
    assert list(count_confusions([])) == CONFUSION_COLUMNS
    assert list(trace_rocs([])) == ROC_COLUMNS


def test_a_roc_curve_goes_through_each_threshold():
    curve = trace_roc(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1]))
    assert curve["false_positive_rate"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert curve["true_positive_rate"].tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve["threshold"].tolist()[1:] == [0.9, 0.8, 0.7, 0.1]
    assert curve["threshold"][0] > 0.9


def test_equal_probabilities_are_one_point_of_the_roc_curve():
    curve = trace_roc(np.array([True, False, True, False]), np.full(4, 0.5))
    assert curve[["false_positive_rate", "true_positive_rate"]].to_numpy().tolist() == [
        [0, 0], [1, 1],
    ]  # fmt: skip


def test_the_thinned_curve_keeps_its_area_and_its_ends():
    proba, truth = draw_calibrated(5000)
    curve = trace_roc(truth == 1, proba[:, 1])
    assert len(curve) <= 60
    assert area(curve) == pytest.approx(measure_ranking(truth == 1, proba[:, 1])["auroc"], abs=2e-3)
    assert curve.iloc[0, :2].tolist() == [0, 0]
    assert curve.iloc[-1, :2].tolist() == [1, 1]
    assert curve["threshold"].is_monotonic_decreasing


def test_a_class_that_never_or_always_occurs_has_no_curve():
    assert trace_roc(np.zeros(3, bool), np.arange(3)).empty
    assert trace_roc(np.ones(3, bool), np.arange(3)).empty
    proba, truth = draw_calibrated(200)
    found = trace_rocs([make_scored(proba[truth < 2], truth[truth < 2])])
    assert set(found["class"]) == {"W", "N2"}


@pytest.mark.slow
def test_the_headlines_epochs_come_in_the_role_that_is_furthest_from_training():
    predictions, epochs, board = made()
    again = predictions[predictions["role"] == "test"].assign(role="oof")
    rows = list_headline_epochs(pd.concat([predictions, again]), epochs, board)
    assert len(rows) == len(epochs)
    assert rows.groupby("recording_id")["role"].first().tolist() == ["oof", "oof", "test", "test"]
    assert rows["said"].tolist() == epochs["label"].tolist()
    assert rows["confidence"].unique().tolist() == [0.9]


@pytest.mark.slow
def test_the_headlines_epochs_keep_those_that_nobody_scored():
    predictions, epochs, board = made()
    epochs.loc[3, "label"] = None
    rows = list_headline_epochs(predictions, epochs, board)
    assert len(rows) == len(epochs)
    assert rows["label"].isna().sum() == 1


@pytest.mark.slow
def test_the_playback_holds_two_subjects_of_200_epochs_and_every_model():
    predictions, epochs, _ = made(n_epochs=260)
    play = choose_playback(predictions, epochs, make_study())
    assert [one["subject_id"] for one in play["subjects"]] == ["s2", "s3"]
    assert [len(one["truth"]) for one in play["subjects"]] == [200, 200]
    assert play["role"] == "test"
    assert play["models"] == [
        {"model": "good", "family": "classical", "causal": True},
        {"model": "bad", "family": "classical", "causal": False},
    ]
    first = play["subjects"][0]
    assert first["said"]["good"] == first["truth"]
    assert not set(zip(first["said"]["bad"], first["truth"], strict=True)) & {(0, 0), (1, 1)}
    labels = epochs.set_index(["recording_id", "epoch"])["label"]
    places = zip(first["recording_id"], first["epoch"], strict=True)
    assert [play["classes"][code] for code in first["truth"]] == [labels[at] for at in places]


@pytest.mark.slow
def test_the_playback_shows_where_the_classes_change_most():
    labels = ["W"] * 200 + ["W", "N2"] * 100 + ["REM"] * 200
    predictions, epochs, _ = made(labels=labels)
    play = choose_playback(predictions, epochs, make_study())
    assert play["subjects"][0]["epoch"][0] == 200


@pytest.mark.slow
def test_the_playback_of_few_epochs_is_as_long_as_they_are():
    predictions, epochs, _ = made(n_epochs=7)
    play = choose_playback(predictions, epochs, make_study())
    assert [len(one["truth"]) for one in play["subjects"]] == [7, 7]


@pytest.mark.slow
def test_the_playback_falls_back_to_out_of_fold_rows_where_one_subject_is_held_out():
    predictions, epochs, _ = made(n_test=1, n_epochs=20)
    assert choose_playback(predictions, epochs, make_study())["role"] == "oof"


@pytest.mark.slow
def test_the_playback_leaves_out_what_not_every_model_predicts():
    predictions, epochs, _ = made(n_epochs=20)
    silent = (predictions["model"] == "bad") & predictions["epoch"].isin([3, 4])
    play = choose_playback(predictions[~silent], epochs, make_study())
    assert [len(one["truth"]) for one in play["subjects"]] == [18, 18]
    assert 3 not in play["subjects"][0]["epoch"]


@pytest.mark.slow
def test_the_node_writes_what_the_dashboard_reads_in_the_order_of_the_pipeline():
    predictions, epochs, board = made()
    card, confusions, roc, rows, play = tabulate_for_browsing(
        predictions, epochs, board, make_study()
    )
    assert (card["headline"], play["study"]) == ("good", "made")
    assert confusions["n_epochs"].sum() == 2 * len(epochs)
    assert set(roc["model"]) == {"good", "bad"}
    assert set(rows["recording_id"]) == set(epochs["recording_id"])
