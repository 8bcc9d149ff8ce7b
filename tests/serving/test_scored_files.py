import io
import json
import logging

import pandas as pd
import pytest

from builders import make_bundle
from epochal.errors import EpochalError, RecordingError
from epochal.serving import scored_files
from epochal.serving.bundle import Scorer
from epochal.serving.scored_files import (
    Work,
    blaming,
    in_sample,
    name_result,
    score_file,
    source_of,
    write_answer,
)
from service_material import LABELS, write_night


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Work:
    path = write_night(tmp_path_factory.mktemp("files") / "night.edf")
    return Work(path, "night.edf", "tiny", Scorer(make_bundle()))


@pytest.fixture(scope="module")
def done(work):
    return score_file(work)


def test_the_recording_is_called_as_its_file(done):
    (one,) = done
    assert one.recording.recording_id == one.scored.recording_id == "night"
    assert one.scored.epochs["label"].tolist() == LABELS


def test_the_stages_are_told(work):
    told = []
    score_file(work, lambda stage, share: told.append((stage, share)))
    assert told == [("reading", 0.0), ("scoring", 0.0)]


def test_a_table_of_several_recordings_names_each(work, done):
    twice = [done[0], done[0]._replace(scored=done[0].scored)]
    table = pd.read_csv(io.BytesIO(write_answer(work, twice, "csv", "")))
    assert len(table) == 2 * len(LABELS)
    answer = json.loads(write_answer(work, twice, "json", "kept for ever"))
    assert len(answer["recordings"]) == 2
    assert answer["retention"] == "kept for ever"


@pytest.mark.parametrize("kind", ["edf", "report"])
def test_what_is_for_one_recording_is_refused_for_two(work, done, kind):
    with pytest.raises(EpochalError, match=f"'{kind}' is for one recording; 'night.edf' holds 2"):
        write_answer(work, done * 2, kind, "")


def test_json_has_no_nan(work, done):
    import dataclasses

    (one,) = done
    epochs = one.scored.epochs.assign(confidence=float("nan"))
    hollow = one._replace(scored=dataclasses.replace(one.scored, epochs=epochs))
    answer = json.loads(write_answer(work, [hollow], "json", ""))
    assert answer["recordings"][0]["epochs"][0]["confidence"] is None


@pytest.mark.parametrize(
    ("sources", "expected"),
    [(["real"], "real"), (["real", "simulated"], "simulated"), (["simulated"], "simulated")],
)
def test_all_must_be_real_for_the_file_to_be(done, sources, expected):
    assert source_of([said(done[0], data_source=one) for one in sources]) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [([False], False), ([False, True], True), ([None, True], True), ([None, False], None)],
)
def test_one_recording_that_training_saw_is_enough(done, seen, expected):
    assert in_sample([said(done[0], in_sample=one) for one in seen]) is expected


def said(one, **facts):
    import dataclasses

    summary = {**one.scored.summary, **facts}
    return one._replace(scored=dataclasses.replace(one.scored, summary=summary))


def test_results_are_named_after_the_file():
    assert name_result("night.edf", "csv") == "night.epochs.csv"
    assert name_result("a.b.edf", "report") == "a.b.report.html"


def test_a_stumble_of_a_reader_is_the_files_fault_and_logged(tmp_path, caplog):
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(RecordingError, match=r"it cannot be read \(KeyError\)"),
        blaming("night.edf", tmp_path / "recording.edf"),
    ):
        raise KeyError("x")
    assert "cannot be scored" in caplog.text


def test_where_a_file_lies_is_not_said(tmp_path):
    path = tmp_path / "recording.edf"
    with pytest.raises(RecordingError) as refused, blaming("night.edf", path):
        raise RecordingError(path, f"no sense in {path}, nor in {tmp_path}/unpacked/a.edf")
    assert str(refused.value) == "night.edf: no sense in night.edf, nor in unpacked/a.edf"


def test_other_refusals_pass_as_they_are(tmp_path):
    with pytest.raises(EpochalError, match=r"^as it is$"), blaming("night.edf", tmp_path):
        raise EpochalError("as it is")


def test_too_many_recordings_are_refused(work, monkeypatch):
    monkeypatch.setattr(scored_files, "N_RECORDINGS", 0)
    with pytest.raises(RecordingError, match="more than 0 recordings"):
        score_file(work)


def test_a_file_without_a_recording_is_refused(work, monkeypatch):
    monkeypatch.setattr(scored_files, "read_all", lambda *_: iter(()))
    with pytest.raises(RecordingError, match="no recording in it"):
        score_file(work)


def test_of_a_folder_it_is_never_said_that_training_did_not_see_it(done, tmp_path):
    unseen = said(done[0], in_sample=False).scored
    assert scored_files._doubt(unseen, tmp_path).summary["in_sample"] is None
    assert scored_files._doubt(unseen, tmp_path / "night.edf").summary["in_sample"] is False
    seen = said(done[0], in_sample=True).scored
    assert scored_files._doubt(seen, tmp_path).summary["in_sample"] is True
