import json
from datetime import datetime

import edfio
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from epochal.errors import EpochalError, RecordingError
from epochal.evaluation.scoring_files import KINDS, data_source_of_scoring, read_stages
from epochal.hypnogram.writing import (
    FORMATS,
    Origin,
    cut_into_epochs,
    fill_unscored,
    write_hypnogram,
)
from epochal.readers.edf_header import read_header
from epochal.readers.hypnograms import Hypnogram, parse_hypnogram, read_hypnogram
from epochal.readers.scorer_columns import split_by_scorer
from epochal.serving.hypnograms import write_edf_annotations

REAL = Origin("real", "night.txt")
ENDINGS = {"csv": ".csv", "tsv": ".tsv", "edf": ".edf", "bids": "_events.tsv"}
STAGES = ("W", "N1", "N2", "N3", "REM")


def make_hypnogram(*labels, epoch_s=30.0, start_s=0.0, **changed) -> Hypnogram:
    """Return a hypnogram of epochs; None is unscored."""
    rows = [
        (start_s + index * epoch_s, epoch_s, label) for index, label in enumerate(labels) if label
    ]
    frame = pd.DataFrame(rows, columns=["onset_s", "duration_s", "label"])
    frame = frame.astype({"onset_s": float, "duration_s": float, "label": object})
    given_ = {
        "stages": frame, "unscored_s": epoch_s * labels.count(None), "start_s": start_s,
        "end_s": start_s + epoch_s * len(labels),
    }  # fmt: skip
    return Hypnogram(**given_ | changed)


def assert_same(found: Hypnogram, expected: Hypnogram) -> None:
    pd.testing.assert_frame_equal(
        found.stages.astype({"label": object}), expected.stages, check_exact=False, atol=1e-5
    )
    for name in ("unscored_s", "start_s", "end_s"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-4), name


def write(folder, hypnogram, to, origin=REAL):
    path = folder / f"night{ENDINGS[to]}"
    write_hypnogram(path, hypnogram, to=to, origin=origin)
    return path


@pytest.mark.parametrize("to", FORMATS)
def test_a_hypnogram_reads_back_as_it_was(tmp_path, to):
    given_ = make_hypnogram("W", "N1", "N2", "N3", "REM", "W")
    assert_same(read_hypnogram(write(tmp_path, given_, to)), given_)


@pytest.mark.parametrize("to", FORMATS)
def test_unscored_epochs_at_the_ends_and_between_stay_unscored(tmp_path, to):
    given_ = make_hypnogram(None, "W", None, None, "N2", None, start_s=60.0)
    found = read_hypnogram(write(tmp_path, given_, to))
    assert_same(found, given_)
    assert (found.start_s, found.end_s, found.unscored_s) == (60.0, 240.0, 120.0)


lengths_s = st.sampled_from([1.0, 2.5, 4.0, 10.0, 20.0, 30.0, 0.1])
stretches = st.lists(
    st.tuples(st.sampled_from([*STAGES, None]), st.integers(1, 40)), min_size=1, max_size=12
).filter(lambda rows: any(label for label, _ in rows))


@pytest.mark.slow
@pytest.mark.parametrize("to", FORMATS)
@given(rows=stretches, epoch_s=lengths_s, start=st.integers(0, 900))
@settings(max_examples=25, deadline=None)
def test_stretches_of_any_length_with_any_gaps_read_back(
    tmp_path_factory, to, rows, epoch_s, start
):
    at, table, unscored_s = start * epoch_s, [], 0.0
    for label, n_epochs in rows:
        if label:
            table.append((at, n_epochs * epoch_s, label))
        else:
            unscored_s += n_epochs * epoch_s
        at += n_epochs * epoch_s
    frame = pd.DataFrame(table, columns=["onset_s", "duration_s", "label"])
    frame = frame.astype({"label": object})
    given_ = Hypnogram(frame, unscored_s, start * epoch_s, at)
    assert_same(read_hypnogram(write(tmp_path_factory.mktemp("x"), given_, to)), given_)


@pytest.mark.parametrize("to", FORMATS)
def test_rodent_stages_read_back_under_their_own_map(tmp_path, to):
    given_ = make_hypnogram("W", "NREM", None, "REM", epoch_s=4.0)
    assert_same(read_stages(write(tmp_path, given_, to), KINDS["rodent"], epoch_s=4.0), given_)


@pytest.mark.parametrize("to", ["csv", "tsv", "bids"])
def test_times_before_0_are_kept_where_the_format_can(tmp_path, to):
    given_ = make_hypnogram("W", "N2", start_s=-30.0)
    assert_same(read_hypnogram(write(tmp_path, given_, to)), given_)


def test_edf_counts_from_0_and_says_so(tmp_path):
    with pytest.raises(RecordingError, match=r"W at -30 s: EDF\+ counts from 0"):
        write(tmp_path, make_hypnogram("W", start_s=-30.0), "edf")


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("source", ["real", "simulated"])
def test_every_format_says_whether_the_data_are_real(tmp_path, to, source):
    path = write(tmp_path, make_hypnogram("W", "N2"), to, Origin(source, "night.txt"))
    assert data_source_of_scoring(path) == source


def test_edf_has_the_texts_of_edf_plus_no_signal_and_no_name(tmp_path):
    path = write(tmp_path, make_hypnogram("W", "N1", "N2", "N3", "REM", None), "edf")
    file = edfio.read_edf(path)
    texts = [mark.text for mark in file.annotations]
    assert texts[0].startswith("Epochal ")
    assert "data: real. Research use only" in texts[0]
    assert texts[1:] == [f"Sleep stage {code}" for code in ("W", "N1", "N2", "N3", "R", "?")]
    assert (file.num_signals, file.patient.name) == (0, "X")


def test_an_edf_keeps_the_clock_that_its_source_had(tmp_path):
    at = datetime(2021, 3, 4, 22, 30, 15)
    path = write(tmp_path, make_hypnogram("W", starts_at=at), "edf")
    assert read_header(path).start == at
    assert read_hypnogram(path).starts_at == at


def test_a_year_that_a_header_cannot_hold_is_left_out(tmp_path):
    at = datetime(1901, 1, 1)
    path = write(tmp_path, make_hypnogram("W", starts_at=at), "edf")
    assert_same(read_hypnogram(path), make_hypnogram("W"))


def test_bids_events_have_a_sidecar_that_tells_what_they_mean(tmp_path):
    path = write(tmp_path, make_hypnogram("W", None, "REM"), "bids")
    lines = path.read_text().splitlines()
    assert lines == ["onset\tduration\ttrial_type", "0\t30\tW", "30\t30\tn/a", "60\t30\tREM"]
    sidecar = json.loads((tmp_path / "night_events.json").read_text())
    assert sidecar["trial_type"]["Levels"] == {"W": "Wake", "n/a": "Unscored", "REM": "REM sleep"}
    assert sidecar["data_source"] == "real"
    assert sidecar["GeneratedBy"]["Source"] == "night.txt"


def test_bids_events_must_be_called_so(tmp_path):
    with pytest.raises(EpochalError, match=r"stages.tsv: BIDS events are called …_events.tsv"):
        write_hypnogram(tmp_path / "stages.tsv", make_hypnogram("W"), to="bids", origin=REAL)


scorers = st.dictionaries(
    st.sampled_from(["anna", "ben", "7"]),
    st.lists(st.sampled_from([*STAGES, None]), min_size=1, max_size=20).filter(any),
    min_size=2,
)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["tsv", "bids"])
@given(labels=scorers, epoch_s=lengths_s)
@settings(max_examples=20, deadline=None)
def test_several_scorers_read_back_each_as_alone(tmp_path_factory, to, labels, epoch_s):
    given_ = {name: make_hypnogram(*of, epoch_s=epoch_s) for name, of in labels.items()}
    path = write(tmp_path_factory.mktemp("x"), given_, to)
    texts = split_by_scorer(path, columns=None, scored_by="scorer")
    assert set(texts) == set(given_)
    for name, text in texts.items():
        assert_same(parse_hypnogram(path, text), given_[name])


@pytest.mark.parametrize("to", ["csv", "edf"])
def test_a_format_for_one_scorer_refuses_several(tmp_path, to):
    both = {"a": make_hypnogram("W"), "b": make_hypnogram("N1")}
    with pytest.raises(EpochalError, match=f"{to} holds one scorer, given are a, b; tsv and bids"):
        write(tmp_path, both, to)


def test_holes_are_filled_with_what_is_not_scored():
    found = fill_unscored(make_hypnogram(None, "W", None, "N2"))
    assert found["label"].tolist() == ["n/a", "W", "n/a", "N2"]
    assert found["onset_s"].tolist() == [0, 30, 60, 90]
    assert found["duration_s"].sum() == 120


def test_a_stretch_is_cut_into_epochs_by_what_lies_at_their_middles():
    frame = pd.DataFrame({"onset_s": [0.0, 70.0], "duration_s": [70.0, 30.0], "label": ["W", "N2"]})
    found = cut_into_epochs(Hypnogram(frame, 0.0, 0.0, 100.0), 30.0)
    assert found.stages["label"].tolist() == ["W", "W", "N2"]  # the third's middle is at 75 s
    assert found.stages["onset_s"].tolist() == [0, 30, 60]
    assert (found.end_s, found.unscored_s) == (90.0, 0.0)


@pytest.mark.slow
@given(labels=st.lists(st.sampled_from([*STAGES, None]), min_size=1, max_size=40).filter(any),
       epoch_s=lengths_s)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_a_hypnogram_of_epochs_is_its_own_cut(labels, epoch_s):
    given_ = make_hypnogram(*labels, epoch_s=epoch_s)
    assert_same(cut_into_epochs(given_, epoch_s), given_)


def test_what_score_writes_as_edf_is_read_by_the_reader_and_converts(tmp_path):
    summary = {
        "epoch_length_s": 30.0, "epochal_version": "0.1.0", "model": "stack",
        "data_source": "simulated", "notice": "Research use only.", "recording_id": "night",
    }  # fmt: skip
    labels = ["W", "N1", "", "N3", "REM"]
    table = pd.DataFrame({"onset_s": 30.0 * np.arange(5), "label": labels})
    scored = tmp_path / "night.hypnogram.edf"
    write_edf_annotations(scored, table, summary)
    expected = make_hypnogram("W", "N1", None, "N3", "REM")
    found = read_hypnogram(scored)
    assert_same(found, expected)
    assert data_source_of_scoring(scored) == "simulated"
    assert_same(read_hypnogram(write(tmp_path, found, "bids")), expected)
