import pandas as pd
import pytest

from builders import CLASSES, make_epochs, make_predictions, make_splits
from epochal.evaluation.by_recording import COLUMNS, choose_worst, f1_of, score_each_recording
from made_study import LABELS, make_results, spoil


@pytest.fixture(scope="module")
def results():
    return make_results().by_recording.set_index(["model", "recording_id"])


def test_every_model_has_a_row_for_each_recording(results):
    assert len(results) == 8
    assert list(results.reset_index()[COLUMNS]) == COLUMNS


def test_a_recording_without_an_error_is_perfect(results):
    row = results.loc["model", "r1"]
    assert (row["accuracy"], row["kappa"], row["macro_f1"]) == (1.0, 1.0, 1.0)
    assert row["mean_confidence"] == pytest.approx(0.8)
    assert row["log_loss"] == pytest.approx(0.2231, abs=1e-4)  # -ln .8


def test_errors_lower_the_figures_of_their_own_recording_alone(results):
    row = results.loc["model", "r0"]
    assert row["accuracy"] == pytest.approx(18 / 24)
    # 6 of 8 W are called REM: F1 of W 2·2/(2+8), of REM 2·4/(10+4), of N2 1
    assert row["macro_f1"] == pytest.approx((4 / 10 + 1 + 8 / 14) / 3)
    assert row["n_epochs"] == 24


def test_the_role_is_that_in_which_the_recording_was_predicted(results):
    assert results.loc["model", "r3"]["role"] == "test"
    assert results.loc["model", "r0"]["role"] == "oof"


def test_epochs_without_a_label_do_not_count():
    epochs = make_epochs(LABELS)
    predictions = make_predictions(epochs, make_splits(epochs))
    epochs.loc[epochs["recording_id"] == "r1", "label"] = None
    epochs.loc[0, "label"] = None
    found = score_each_recording(predictions, epochs, CLASSES).set_index("recording_id")
    assert "r1" not in found.index
    assert found.loc["r0", "n_epochs"] == 23


def test_a_class_that_a_recording_lacks_is_not_averaged():
    epochs = make_epochs(["W"] * 6 + ["N2"] * 6)
    predictions = make_predictions(epochs, make_splits(epochs))
    found = score_each_recording(predictions, epochs, CLASSES)
    assert (found["macro_f1"] == 1).all()


def test_f1_is_that_of_a_known_table():
    table = pd.DataFrame([[8, 2, 0], [1, 9, 0], [0, 0, 0]]).to_numpy()
    assert f1_of(table) == pytest.approx([16 / 19, 18 / 21, 0])


@pytest.mark.slow
def test_the_worst_come_first_and_only_unseen_ones():
    table = make_results().by_recording
    seen = table.assign(role="val", kappa=-1.0).head(1)
    worst = choose_worst(pd.concat([table, seen]), "model", n=2)
    assert worst["recording_id"].tolist() == ["r3", "r0"]
    assert (worst["role"] != "val").all()


@pytest.mark.slow
def test_recordings_of_a_few_epochs_are_passed_over_where_there_are_longer_ones():
    table = make_results().by_recording
    short = table[table["recording_id"] == "r1"].assign(recording_id="x", n_epochs=3, kappa=-1.0)
    assert "x" not in choose_worst(pd.concat([table, short]), "model", n=9)["recording_id"].tolist()


def test_where_all_are_short_the_worst_probabilities_count():
    epochs = make_epochs(["W", "N2", "REM"])
    predictions = spoil(make_predictions(epochs, make_splits(epochs)), "r2", "W", epochs=[2])
    worst = choose_worst(score_each_recording(predictions, epochs, CLASSES), "m", n=1)
    assert worst["recording_id"].tolist() == ["r2"]
