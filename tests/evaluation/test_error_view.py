from xml.etree import ElementTree

import pandas as pd
import pytest

from builders import CLASSES, make_channel, make_epochs, make_night, make_recording
from epochal.errors import EpochalError
from epochal.evaluation.error_view import describe, draw_errors, rows_of, view_errors
from epochal.recording import write_recording
from made_study import LABELS, make_results, spoil
from page_checks import check_page


@pytest.fixture
def study(tmp_path):
    """The folder of a finished study of four recordings."""
    results = make_results()
    for folder in ("03_primary", "07_model_output", "08_reporting", "02_intermediate/recordings"):
        (tmp_path / folder).mkdir(parents=True)
    results.epochs.to_parquet(tmp_path / "03_primary/epochs.parquet")
    results.predictions.to_parquet(tmp_path / "07_model_output/predictions.parquet")
    results.leaderboard.to_csv(tmp_path / "08_reporting/leaderboard.csv", index=False)
    night = make_night(LABELS, recording_id="r0")
    write_recording(tmp_path / "02_intermediate/recordings/r0.h5", night)
    return tmp_path


def rows(recording_id="r0"):
    results = make_results()
    return rows_of(results.predictions, results.epochs, recording_id, model="model")


def words_of(drawn):
    return [e.text for e in ElementTree.fromstring(str(drawn)).iter() if e.text]


@pytest.mark.slow
def test_a_recordings_rows_have_truth_and_probabilities_in_order():
    table = rows()
    assert table["label"].tolist() == LABELS
    assert table["epoch"].tolist() == list(range(24))
    assert {"proba_W", "onset_s", "role"} <= set(table)


@pytest.mark.slow
def test_the_role_that_has_not_seen_the_recording_is_shown():
    results = make_results()
    own = results.predictions[results.predictions["recording_id"] == "r3"]
    both = own.assign(role="val")
    predictions = pd.concat([results.predictions, both], ignore_index=True)
    table = rows_of(predictions, results.epochs, "r3", model="model")
    assert set(table["role"]) == {"test"}
    assert len(table) == 24


@pytest.mark.slow
def test_a_model_that_is_silent_about_a_recording_is_an_error():
    results = make_results()
    with pytest.raises(EpochalError, match="'other' predicts no epoch of 'r0'"):
        rows_of(results.predictions, results.epochs, "r0", model="other")


@pytest.mark.slow
def test_a_sentence_tells_how_much_is_wrong():
    assert describe(rows(), CLASSES, model="model").startswith(
        "r0, model (oof): 6 of 24 epochs differ, κ 0.6"
    )


@pytest.mark.slow
def test_a_recording_that_nobody_scored_says_so():
    table = rows().assign(label=None)
    assert "nobody scored it" in describe(table, CLASSES, model="model")


@pytest.mark.slow
def test_disagreements_are_marked_by_the_experts_class():
    drawn = draw_errors(rows(), CLASSES, model="model")
    root = ElementTree.fromstring(str(drawn))
    (mark,) = [e for e in root.iter() if e.get("class") == "mark"]
    assert mark.get("d").count("M") == 1  # six epochs in a row, all of W
    assert words_of(drawn).count("W") == 3  # expert's, model's, and where they differ
    assert words_of(drawn).count("REM") == 2


@pytest.mark.slow
def test_no_disagreement_is_none():
    drawn = draw_errors(rows("r1"), CLASSES, model="model")
    assert "none" in words_of(drawn)
    assert 'class="mark"' not in drawn


@pytest.mark.slow
def test_signals_stand_on_the_same_axis():
    emg = make_channel("EMG", length_s=720.0)
    night = make_night(LABELS, recording_id="r0")
    recording = make_recording(*night.channels, emg, recording_id="r0")
    words = words_of(draw_errors(rows(), CLASSES, recording, model="model"))
    for name in ("Expert", "model", "Differ", "Probability", "EEG", "EMG"):
        assert name in words


@pytest.mark.slow
def test_a_wrist_shows_its_slow_channels_instead():
    eda = make_channel("EDA", [1.0] * 2880, sfreq=4.0, unit="uS")
    drawn = draw_errors(rows(), CLASSES, make_recording(eda), model="model")
    assert "EDA" in words_of(drawn)


def test_the_view_of_a_study_is_a_page_of_its_own(study, tmp_path):
    view = view_errors(study, "r0")
    view.save(tmp_path / "errors.html")
    page = check_page((tmp_path / "errors.html").read_text(encoding="utf-8"))
    assert "r0, model (oof): 6 of 24 epochs differ" in page.shown  # the headline, not the baseline
    assert "Data: simulated." in page.shown
    assert "data:image/png" in view.html


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(study):
    shown = view_errors(study, "r0")._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert "<svg" not in shown


def test_another_model_can_be_looked_at(study):
    assert "r1, majority (oof)" in view_errors(study, "r1", model="majority").html


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("r9",), "no recording 'r9'; it has: r0, r1, r2, r3"),
        (("r0", "modle"), "no model 'modle'; did you mean 'model'"),
    ],
)
def test_a_wrong_name_is_told_with_the_near_miss(study, given, message):
    recording_id, *model = given
    with pytest.raises(EpochalError, match=message):
        view_errors(study, recording_id, model=model[0] if model else None)


def test_a_study_that_has_not_run_says_what_to_do(tmp_path):
    with pytest.raises(EpochalError, match="`kedro run` of the study writes it"):
        view_errors(tmp_path, "r0")


@pytest.mark.slow
def test_a_hostile_recording_name_is_text():
    name = "<script>alert(1)</script>"
    epochs = make_epochs(LABELS).replace({"recording_id": {"r0": name}})
    predictions = spoil(make_results().predictions, "r0", "W")
    predictions = predictions.replace({"recording_id": {"r0": name}})
    table = rows_of(predictions, epochs, name, model="model")
    assert "<script" not in draw_errors(table, CLASSES, model="model")
