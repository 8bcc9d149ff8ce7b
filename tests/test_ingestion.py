import hashlib
import os
from functools import partial

import numpy as np
import pandas as pd
import pytest

from builders import CLASSES, make_ingestion, make_recording, sine, write_edf
from epochal.downloads.ledger import LEDGER, Ledger, locked, read_ledger
from epochal.errors import RecordingError
from epochal.ingestion import (
    describe_recording,
    find_sources,
    index_recordings,
    note_processed,
    read_source,
)
from epochal.provenance import mark_as_simulated
from epochal.readers import Source
from epochal.recording import Recording
from epochal.simulation.cohort import RECIPE


def alpha(length_s=60.0):
    return sine(10.0, length_s=length_s, amplitude=30.0)


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for name in ("sub-02", "sub-01"):
        write_edf(folder / f"{name}.edf", {"EEG Fpz-Cz": alpha()})
    return folder


def find(folder, **changed):
    return find_sources(make_ingestion(path=str(folder), **changed))


def read_first(folder):
    row = next(find(folder).itertuples())
    source = Source(row.recording_id, row.path, tuple(row.companions))
    return read_source(source, row.state, "edf", make_ingestion().reader_settings())


def test_every_recording_of_the_folder_is_found_by_name(raw):
    table = find(raw)
    assert list(table) == ["recording_id", "path", "companions", "state"]
    assert table["recording_id"].tolist() == ["sub-01", "sub-02"]
    assert table["companions"].tolist() == [[], []]


def test_the_state_of_a_source_changes_with_its_file_alone(raw):
    before = find(raw)["state"]
    assert find(raw)["state"].equals(before)
    write_edf(raw / "sub-01.edf", {"EEG Fpz-Cz": alpha(90)})
    after = find(raw)["state"]
    assert (before != after).tolist() == [True, False]


def test_a_file_that_was_only_touched_is_read_again(raw):
    before = find(raw)["state"]
    os.utime(raw / "sub-02.edf", ns=(1, 1))
    assert (before != find(raw)["state"]).tolist() == [False, True]


def test_companions_are_listed_and_belong_to_the_state(raw):
    (raw / "sub-01_stages.txt").write_text("W\nW\n")
    options = {"reader_options": {"hypnogram": "{stem}_stages.txt"}}
    table = find(raw, **options)
    assert table["companions"].tolist() == [[str(raw / "sub-01_stages.txt")], []]
    assert "sub-01_stages.txt:4:" in table["state"][0]


def test_an_absent_folder_is_refused_by_name(tmp_path):
    with pytest.raises(RecordingError, match=r"absent: no such folder \(ingestion.path\)"):
        find(tmp_path / "absent")


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="no EDF or BDF file"):
        find(tmp_path)


def test_a_reader_that_finds_nothing_is_reported_by_name(raw, monkeypatch):
    monkeypatch.setattr("epochal.readers.edf.find", lambda folder, options: [])
    with pytest.raises(RecordingError, match="no recording that reader 'edf' knows"):
        find(raw)


def test_two_recordings_of_one_name_are_refused_with_both_paths(raw, monkeypatch):
    twins = [Source("night", "a/night.edf"), Source("night", "b/night.edf")]
    monkeypatch.setattr("epochal.readers.edf.find", lambda folder, options: twins)
    with pytest.raises(
        RecordingError, match=r"b/night\.edf: .*'night' is also that of a/night\.edf"
    ):
        find(raw)


def test_a_simulated_source_is_written_first_and_only_once(tmp_path):
    options = {
        "source": "simulated", "reader": "sleep_edfx", "simulated_path": str(tmp_path / "made"),
        "simulator_options": {"n_subjects": 1, "hours": 0.5},
    }  # fmt: skip
    table = find(tmp_path, **options)
    assert table["recording_id"].tolist() == ["SC4001E0"]
    written = (tmp_path / "made" / RECIPE).stat().st_mtime_ns
    assert find(tmp_path, **options).equals(table)
    assert (tmp_path / "made" / RECIPE).stat().st_mtime_ns == written


def test_a_recording_carries_the_checksum_of_its_files(raw):
    recording = read_first(raw)
    expected = hashlib.sha256((raw / "sub-01.edf").read_bytes()).hexdigest()
    assert recording.metadata["sha256"] == expected
    assert recording.metadata["signal_sha256"] == expected
    assert recording.channel("EEG Fpz-Cz").sfreq == 100.0
    assert recording.data_source == "real"


def test_a_marked_folder_makes_its_recordings_simulated(raw):
    mark_as_simulated(raw, "test")
    assert read_first(raw).data_source == "simulated"


def test_the_checksum_of_a_folder_is_that_of_all_its_files(tmp_path):
    folder = tmp_path / "S01"
    folder.mkdir()
    for name in ("TEMP", "EDA"):
        (folder / f"{name}.csv").write_text("1600000000\n4\n" + "31.5\n" * 400)
    settings = make_ingestion(reader="e4").reader_settings()
    recording = read_source(Source("S01", str(folder)), "", "e4", settings)
    digests = [
        hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("EDA.csv", "TEMP.csv")
    ]
    assert recording.metadata["sha256"] == hashlib.sha256("".join(digests).encode()).hexdigest()


def test_a_recording_of_nothing_is_refused(raw, monkeypatch):
    empty = Recording("sub-01", "s")
    monkeypatch.setattr("epochal.readers.edf.read", lambda source, options: empty)
    with pytest.raises(RecordingError, match=r"sub-01\.edf: it holds no signal and no table"):
        read_first(raw)


def test_a_recording_is_described_in_one_row():
    recording = make_recording(
        metadata={"sha256": "ab", "age": 33, "sex": "F", "subset": "cassette"},
        problems=("one.", "two."), data_source="simulated",
        runs=((0.0, 30.0), (60.0, 120.0)),
    )  # fmt: skip
    assert describe_recording(recording, make_ingestion()) == {
        "recording_id": "r1",
        "subject_id": "s1",
        "data_source": "simulated",
        "duration_s": 120.0,
        "channels": "EEG (100 Hz, uV)",
        "n_runs": 2,
        "age": 33,
        "sex": "F",
        "site": None,
        "strain": None,
        "subset": "cassette",
        "day": None,
        "problems": "one.; two.",
        "sha256": "ab",
        "signal_sha256": "",
        "reader": "edf",
    }


def test_all_recordings_are_indexed_one_after_the_other():
    pieces = {
        "r1": partial(make_recording, labels=["W"] * 4),
        "r2": partial(make_recording, recording_id="r2", subject_id="s2"),
    }
    epochs, summary = index_recordings(pieces, make_ingestion(), CLASSES)
    assert epochs.groupby("recording_id")["epoch"].agg(list).to_dict() == {
        "r1": [0, 1, 2, 3],
        "r2": [0, 1, 2, 3],
    }
    assert epochs.index.equals(pd.RangeIndex(8))
    assert epochs["label"].isna().to_numpy().nonzero()[0].tolist() == [4, 5, 6, 7]
    assert summary["recording_id"].tolist() == ["r1", "r2"]
    assert np.allclose(summary["duration_s"], 120.0)


def test_recordings_without_any_label_are_named_in_a_warning(caplog):
    named = [f"r{n}" for n in range(12)]
    pieces = {name: partial(make_recording, recording_id=name) for name in named}
    labelled = {"r0": partial(make_recording, recording_id="r0", labels=["W"])}
    index_recordings(pieces | labelled, make_ingestion(), CLASSES)
    assert "11 of 12 recordings have no label of study.classes" in caplog.text
    assert "r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, ..." in caplog.text


def test_nothing_is_said_where_each_recording_has_some_label(caplog):
    index_recordings({"r1": partial(make_recording, labels=["W"])}, make_ingestion(), CLASSES)
    assert caplog.text == ""


def test_labels_of_other_classes_become_null():
    epochs, _ = index_recordings(
        {"r1": partial(make_recording, labels=["W", "MT"])}, make_ingestion(), CLASSES
    )
    assert epochs["label"].fillna("").tolist() == ["W", "", "", ""]


def test_several_scorers_become_votes(raw):
    for scorer, stages in {"a": "W\nW", "b": "W\nREM", "c": "W\nREM"}.items():
        (raw / f"sub-01_{scorer}.txt").write_text(stages)
    options = make_ingestion(path=str(raw), reader_options={"scorers": "{stem}_*.txt"})
    recording = read_row(find_sources(options).iloc[0], options)
    epochs, _ = index_recordings({"sub-01": lambda: recording}, options, CLASSES)
    assert epochs["label"].tolist() == ["W", "REM"]
    assert epochs[["vote_W", "vote_N2", "vote_REM"]].to_numpy().tolist() == [[3, 0, 0], [1, 0, 2]]


def read_row(row, options, **given):
    source = Source(row.recording_id, row.path, tuple(row.companions))
    return read_source(source, row.state, options.reader, options.reader_settings(), **given)


# Substitution

STAND_INS = {"EEG Pz-Oz": ("EEG O1-M2", "EEG Fpz-Cz")}


def test_a_stand_in_takes_the_missing_channels_name_where_it_is_allowed(raw):
    row = find(raw).iloc[0]
    found = read_row(row, make_ingestion(), substitutes=STAND_INS, allow_substitution=True)
    assert found.channel_names == ["EEG Fpz-Cz", "EEG Pz-Oz"]
    assert "'EEG Fpz-Cz' stands in for 'EEG Pz-Oz': another derivation" in found.problems[0]
    assert found.metadata["substitutions"] == {"EEG Pz-Oz": "EEG Fpz-Cz"}
    assert "stands in for" in describe_recording(found, make_ingestion())["problems"]


def test_without_leave_the_recording_is_refused_with_what_could_stand_in(raw):
    row = find(raw).iloc[0]
    with pytest.raises(
        RecordingError, match=r"No channel 'EEG Pz-Oz'; 'EEG Fpz-Cz' could stand in.*--substitute"
    ):
        read_row(row, make_ingestion(), substitutes=STAND_INS)


# Downloads


@pytest.fixture
def downloaded(raw):
    """Two recordings, both verified by a download."""
    ledger = Ledger()
    for name in ("sub-01.edf", "sub-02.edf"):
        ledger.record(name, raw / name, "ab")
    ledger.save(raw)
    return raw


def processed(folder):
    return [name for name, entry in read_ledger(folder).files.items() if entry.processed]


def test_what_was_read_is_noted_in_the_list_of_downloads(downloaded):
    assert note_processed(find(downloaded), ["sub-01"]) == ["sub-01.edf"]
    assert processed(downloaded) == ["sub-01.edf"]


def test_a_file_that_changed_since_its_download_is_not_noted(downloaded):
    write_edf(downloaded / "sub-01.edf", {"EEG Fpz-Cz": alpha(90)})
    assert note_processed(find(downloaded), ["sub-01", "sub-02"]) == ["sub-02.edf"]


def test_the_list_may_lie_above_the_recordings(downloaded):
    folder = downloaded / "sleep-cassette"
    folder.mkdir()
    (downloaded / "sub-01.edf").rename(folder / "sub-01.edf")
    ledger = Ledger()
    ledger.record("sleep-cassette/sub-01.edf", folder / "sub-01.edf", "ab")
    ledger.save(downloaded)
    assert note_processed(find(folder), ["sub-01"]) == ["sleep-cassette/sub-01.edf"]


def test_files_that_nobody_downloaded_are_passed_over(raw):
    assert note_processed(find(raw), ["sub-01", "sub-02"]) == []
    assert not (raw / LEDGER).exists()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such lock")
def test_a_folder_that_a_download_writes_to_is_passed_over(downloaded):
    with locked(downloaded):
        assert note_processed(find(downloaded), ["sub-01"]) == []
    assert processed(downloaded) == []
