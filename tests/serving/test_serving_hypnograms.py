import edfio
import numpy as np
import pandas as pd
import pytest

from epochal.serving.hypnograms import write_edf_annotations

SUMMARY = {
    "epoch_length_s": 30.0, "epochal_version": "0.1.0", "model": "stack",
    "data_source": "simulated", "notice": "Research use only, not a medical device.",
    "recording_id": "night",
}  # fmt: skip


def write(path, labels, **summary):
    table = pd.DataFrame({"onset_s": 30.0 * np.arange(len(labels)), "label": labels})
    write_edf_annotations(path, table, SUMMARY | summary)
    return edfio.read_edf(path)


def test_the_annotations_reopen_with_the_labels_as_they_were(tmp_path):
    file = write(tmp_path / "a.edf", ["W", "N1", "N2", "N3", "REM"])
    texts = [annotation.text for annotation in file.annotations[1:]]
    assert texts == [f"Sleep stage {code}" for code in "W123R"]
    assert [annotation.onset for annotation in file.annotations[1:]] == [0, 30, 60, 90, 120]
    assert {annotation.duration for annotation in file.annotations[1:]} == {30.0}


@pytest.mark.parametrize("source", ["real", "simulated"])
def test_the_first_annotation_says_who_scored_and_what_the_data_are(tmp_path, source):
    first = write(tmp_path / "a.edf", ["W"], data_source=source).annotations[0]
    assert first.text == (
        f"Epochal 0.1.0, stack, data: {source}. Research use only, not a medical device."
    )
    assert (first.onset, first.duration) == (0.0, None)


def test_labels_of_other_studies_stay_as_they_are(tmp_path):
    file = write(tmp_path / "a.edf", ["baseline", "stress"])
    assert [annotation.text for annotation in file.annotations[1:]] == ["baseline", "stress"]


def test_an_epoch_without_a_label_has_no_annotation(tmp_path):
    file = write(tmp_path / "a.edf", ["W", "", "N2"])
    assert [annotation.onset for annotation in file.annotations[1:]] == [0, 60]


def test_the_file_holds_no_signal_and_no_name(tmp_path):
    file = write(tmp_path / "a.edf", ["W"])
    assert file.num_signals == 0
    assert file.patient.name == "X"
    assert file.reserved.startswith("EDF+")
    assert b"night" not in (tmp_path / "a.edf").read_bytes()


def test_epochs_of_any_length_and_onset_keep_their_times(tmp_path):
    table = pd.DataFrame({"onset_s": [0.25, 4.25], "label": ["NREM", "W"]})
    write_edf_annotations(tmp_path / "a.edf", table, SUMMARY | {"epoch_length_s": 4.0})
    marks = edfio.read_edf(tmp_path / "a.edf").annotations
    found = [
        (mark.onset, mark.duration) for mark in marks if mark.text in ("NREM", "Sleep stage W")
    ]
    assert found == [(0.25, 4.0), (4.25, 4.0)]


def test_a_whole_night_reopens(tmp_path):
    labels = list(np.resize(["W", "N2", "REM"], 960))
    file = write(tmp_path / "a.edf", labels)
    assert len(file.annotations) == 961
