import json

import edfio
import numpy as np
import pandas as pd
import pytest

from epochal.errors import RecordingError
from epochal.evaluation.scoring_files import KINDS, Lights, find_epoch_length_s, read_scoring
from epochal.serving.hypnograms import write_edf_annotations

HUMAN = KINDS["human"]


def write_scored(folder, labels, epoch_s=30, **facts):
    """Write what `epochal score` does: a table and the JSON beside it."""
    rows = [f"{i},{i * epoch_s},{label},0.9," for i, label in enumerate(labels)]
    path = folder / "night.epochs.csv"
    path.write_text("\n".join(["epoch,onset_s,label,confidence,flags", *rows]) + "\n")
    told = {"epoch_length_s": epoch_s, "model": "m", "data_source": "real", **facts}
    (folder / "night.json").write_text(json.dumps(told))
    return path


def test_a_scored_recording_is_read_with_what_its_json_says(tmp_path):
    path = write_scored(tmp_path, ["W", "N1", "", "REM"], data_source="simulated")
    found = read_scoring(path, HUMAN, epoch_s=30)
    assert found.codes.tolist() == [0, 1, -1, 4]
    assert (found.facts["model"], found.facts["data_source"]) == ("m", "simulated")


def test_the_epoch_length_is_that_of_the_json_or_30(tmp_path):
    assert find_epoch_length_s(write_scored(tmp_path, ["W"], epoch_s=10), None) == 10
    assert find_epoch_length_s(tmp_path / "other.txt", None) == 30
    assert find_epoch_length_s(tmp_path / "other.txt", 20) == 20


def test_another_epoch_length_than_the_jsons_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="its epochs are 10 s long, not 30 s"):
        find_epoch_length_s(write_scored(tmp_path, ["W"], epoch_s=10), 30)


def test_a_broken_json_is_named(tmp_path):
    path = write_scored(tmp_path, ["W"])
    (tmp_path / "night.json").write_text("{")
    with pytest.raises(RecordingError, match=r"night\.json: not the JSON of a scored recording"):
        find_epoch_length_s(path, None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "W\nN1\nN2\nN2\n"),
        ("a.tsv", "onset\tduration\ttrial_type\n0\t30\tW\n30\t30\tN1\n60\t60\tN2\n"),
        ("a.csv", "epoch,stage\n0,W\n1,N1\n2,N2\n3,N2\n"),
        ("a.xml", "<CMPStudyConfig><EpochLength>30</EpochLength><SleepStages><SleepStage>0"
         "</SleepStage><SleepStage>1</SleepStage><SleepStage>2</SleepStage><SleepStage>2"
         "</SleepStage></SleepStages></CMPStudyConfig>"),
    ],
)  # fmt: skip
def test_the_same_hypnogram_in_any_format_gives_the_same_codes(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_scoring(tmp_path / name, HUMAN, epoch_s=30).codes.tolist() == [0, 1, 2, 2]


def test_edf_annotations_give_stages_lights_and_clock(tmp_path):
    stages = ["Sleep stage W", "Sleep stage 2", "Sleep stage R"]
    marks = [edfio.EdfAnnotation(30.0 * i, 30.0, text) for i, text in enumerate(stages)]
    lights = [edfio.EdfAnnotation(12.0, None, "Lights off"),
              edfio.EdfAnnotation(88.0, None, "Lights on")]  # fmt: skip
    edfio.Edf([], annotations=[*marks, *lights]).write(tmp_path / "n.edf")
    found = read_scoring(tmp_path / "n.edf", HUMAN, epoch_s=30)
    assert found.codes.tolist() == [0, 2, 4]
    assert found.lights == Lights(12.0, 88.0)


@pytest.mark.parametrize(
    ("told", "lights"),
    [
        ([(5, "on"), (600, "off"), (12900, "on")], Lights(600.0, 12900.0)),
        ([(600, "off"), (12900, "on"), (13000, "off"), (13100, "on")], Lights(600.0, 12900.0)),
        ([(12900, "on"), (600, "off"), (5, "on")], Lights(600.0, 12900.0)),
        ([(5, "on"), (600, "off")], Lights(600.0, None)),
        ([(12900, "on")], Lights(None, 12900.0)),
        ([], Lights()),
    ],
)
def test_lights_go_on_again_after_they_went_off(tmp_path, told, lights):
    marks = [edfio.EdfAnnotation(at, None, f"Lights {which}") for at, which in told]
    stage = edfio.EdfAnnotation(0.0, 30.0, "Sleep stage W")
    edfio.Edf([], annotations=[stage, *marks]).write(tmp_path / "n.edf")
    assert read_scoring(tmp_path / "n.edf", HUMAN, epoch_s=30).lights == lights


def write_annotations(path, *texts):
    marks = [edfio.EdfAnnotation(30.0 * i, 30.0, text) for i, text in enumerate(texts)]
    edfio.Edf([], annotations=marks).write(path)
    return path


def test_remarks_beside_stages_that_call_themselves_so_are_passed_over_and_told(tmp_path):
    path = write_annotations(
        tmp_path / "n.edf", "Sleep stage N1", "Sleep stage N2", "Obstructive apnea"
    )
    found = read_scoring(path, HUMAN, epoch_s=30)
    assert found.codes.tolist() == [1, 2]
    assert "1 annotations that are no stages passed over: 'Obstructive apnea'" in found.problems[0]


@pytest.mark.parametrize("texts", [("Sleep stage N1", "Sleep stage 7"), ("N1", "N2", "Doze")])
def test_an_annotation_that_must_be_a_stage_and_is_none_is_refused(tmp_path, texts):
    path = write_annotations(tmp_path / "n.edf", *texts)
    with pytest.raises(RecordingError, match=f"unknown stage '{texts[-1]}'"):
        read_scoring(path, HUMAN, epoch_s=30)


@pytest.mark.parametrize("source", ["real", "simulated"])
def test_annotations_that_epochal_wrote_are_read_back_with_their_source(tmp_path, source):
    epochs = pd.DataFrame({"onset_s": [0.0, 30.0, 60.0], "label": ["W", "", "N2"]})
    summary = {"epoch_length_s": 30, "epochal_version": "1", "model": "m", "data_source": source}
    path = tmp_path / "night.hypnogram.edf"
    write_edf_annotations(path, epochs, summary | {"notice": "Research use only."})
    found = read_scoring(path, HUMAN, epoch_s=30)
    assert found.codes.tolist() == [0, -1, 2]
    assert (found.facts["data_source"], found.problems) == (source, ())


def test_an_unknown_label_is_refused_by_name(tmp_path):
    (tmp_path / "a.txt").write_text("W\nN7\n")
    with pytest.raises(RecordingError, match="unknown stage 'N7'"):
        read_scoring(tmp_path / "a.txt", HUMAN, epoch_s=30)


def test_animal_labels_need_their_own_kind(tmp_path):
    (tmp_path / "a.txt").write_text("Wake\nNREM\nREM\n")
    found = read_scoring(tmp_path / "a.txt", KINDS["rodent"], epoch_s=4)
    assert found.codes.tolist() == [0, 1, 2]
    with pytest.raises(RecordingError, match="unknown stage 'NREM'"):
        read_scoring(tmp_path / "a.txt", HUMAN, epoch_s=4)


def test_a_file_without_any_scored_epoch_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("?\n?\n")
    with pytest.raises(RecordingError, match="no epoch in it is scored"):
        read_scoring(tmp_path / "a.txt", HUMAN, epoch_s=30)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"a\.txt: no such file"):
        read_scoring(tmp_path / "a.txt", HUMAN, epoch_s=30)


def test_an_epoch_has_the_stage_at_its_middle_and_an_uneven_grid_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("onset,duration,stage\n0,40,W\n40,50,N2\n")
    found = read_scoring(tmp_path / "a.csv", HUMAN, epoch_s=30)
    assert found.codes.tolist() == [0, 2, 2]
    assert "do not begin on a grid of 30 s" in found.problems[-1]


def test_a_gap_between_stages_is_unscored(tmp_path):
    (tmp_path / "a.csv").write_text("onset,duration,stage\n0,30,W\n90,30,N2\n")
    found = read_scoring(tmp_path / "a.csv", HUMAN, epoch_s=30)
    assert found.codes.tolist() == [0, -1, -1, 2]


@pytest.mark.parametrize("gap_s", [0, 7, 15, 45])
def test_artefacts_lie_on_the_epochs_that_have_them_whatever_the_gap(tmp_path, gap_s):
    table = pd.DataFrame({"onset_s": 30.0 * np.arange(40), "label": "N2", "flags": ""})
    table.loc[4:, "onset_s"] += gap_s
    table.loc[2:11, ["label", "flags"]] = ["N3", "flat"]
    table.to_csv(tmp_path / "n.epochs.csv", index=False)
    found = read_scoring(tmp_path / "n.epochs.csv", HUMAN, epoch_s=30)
    assert (found.codes >= 0).sum() == 40
    assert found.artefact.tolist() == (found.codes == 3).tolist()


def test_a_folder_of_simulated_files_makes_a_hypnogram_simulated(tmp_path):
    (tmp_path / "SIMULATED.txt").write_text("simulated")
    (tmp_path / "a.txt").write_text("W\n")
    assert read_scoring(tmp_path / "a.txt", HUMAN, epoch_s=30).facts["data_source"] == "simulated"


def test_lights_move_with_the_clock_and_unknown_ones_stay_unknown():
    assert Lights(10.0, None).moved(-4.0) == Lights(6.0, None)
    assert np.array_equal(Lights(1.0, 2.0).moved(1.0), [2.0, 3.0])
