import json
from datetime import UTC

import numpy as np
import pandas as pd
import pytest
from brain_files import sine, write_brainvision
from rodent_folders import (
    LOCAL,
    SFREQ,
    STAGES,
    UTC_START,
    epoch_labels,
    mat_variables,
    voltage,
    write_edf,
    write_edf_labels,
    write_epoch_csv,
    write_events,
    write_mat,
)

from epochal import readers
from epochal.errors import RecordingError
from epochal.readers import file_table


@pytest.fixture(autouse=True)
def _known_endings(monkeypatch):
    """Let the endings be known whatever the registry holds by default."""
    for suffix, name in {".mat": "rodent", ".vhdr": "mne"}.items():
        monkeypatch.setitem(readers.BY_EXTENSION, suffix, name)
    for name, module in {"rodent": "rodent", "mne": "mne_files"}.items():
        monkeypatch.setitem(readers.READERS, name, f"epochal.readers.{module}")


def write_table(folder, rows, name="recordings.csv"):
    frame = pd.DataFrame(rows)
    path = folder / name
    if name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if name.endswith(".tsv") else ",")
    return path


def read_all(folder, **options):
    chosen = file_table.Options(**options)
    return [file_table.read(source, chosen) for source in file_table.find(folder, chosen)]


def read_one(folder, **options):
    (recording,) = read_all(folder, **options)
    return recording


@pytest.mark.parametrize("name", file_table.TABLES)
def test_every_kind_of_table_is_read(tmp_path, name):
    write_edf(tmp_path / "x.edf")
    row = {"recording": "r1", "path": "x.edf", "subject": 7, "age": 31.5, "sex": "f", "dose": 2}
    write_table(tmp_path, [row], name)
    recording = read_one(tmp_path)
    assert (recording.recording_id, recording.subject_id) == ("r1", "7")
    assert recording.metadata == {"age": 31.5, "sex": "F", "dose": 2}
    assert recording.channel_names == ["EEG", "EMG"]


@pytest.mark.slow
def test_each_file_is_read_by_the_reader_that_fits(tmp_path):
    pytest.importorskip("mne", reason="BrainVision is read by MNE")
    write_edf(tmp_path / "a" / "x.edf")
    write_mat(tmp_path / "b" / "x.mat")
    write_brainvision(tmp_path / "c.vhdr", {"EEG Cz": sine()})
    paths = {"r1": "a/x.edf", "r2": "b/x.mat", "r3": "c.vhdr"}
    write_table(tmp_path, [{"recording": name, "path": path} for name, path in paths.items()])
    recordings = read_all(tmp_path)
    assert [one.recording_id for one in recordings] == ["r1", "r2", "r3"]
    assert [one.channel_names for one in recordings] == [["EEG", "EMG"], ["EEG", "EMG"], ["EEG Cz"]]
    assert epoch_labels(recordings[1]) == STAGES


def test_an_e4_folder_is_a_file_too(tmp_path):
    folder = tmp_path / "E4"
    folder.mkdir()
    samples = "\n".join(["1700000000.0", "64.0", *(f"{x:.2f}" for x in sine(30))])
    (folder / "BVP.csv").write_text(samples + "\n")
    write_table(tmp_path, [{"recording": "r1", "path": "E4", "subject": "S1"}])
    recording = read_one(tmp_path)
    assert (recording.channel_names, recording.subject_id) == (["BVP"], "S1")


def test_without_a_subject_a_recording_is_its_own(tmp_path):
    write_edf(tmp_path / "x.edf")
    write_table(tmp_path, [{"recording": "r1", "path": "x.edf"}])
    assert read_one(tmp_path).subject_id == "r1"


def test_options_reach_the_reader_of_an_ending(tmp_path):
    write_mat(tmp_path / "x.mat", mat_variables(fs=None))
    write_table(tmp_path, [{"recording": "r1", "path": "x.mat"}])
    with pytest.raises(RecordingError, match="no sampling rate"):
        read_one(tmp_path)
    options = {"rodent": {"sfreq": 128, "channels": {"brain": "EEG"}}}
    assert read_one(tmp_path, reader_options=options).channel_names == ["brain"]


class TestLabels:
    def write(self, folder, **row):
        write_edf(folder / "x.edf")
        return write_table(folder, [{"recording": "r1", "path": "x.edf", **row}])

    def test_a_label_file_goes_with_a_recording(self, tmp_path):
        write_epoch_csv(tmp_path / "scores.csv")
        self.write(tmp_path, labels="scores.csv")
        assert epoch_labels(read_one(tmp_path, epoch_s=10)) == STAGES

    def test_labels_go_through_the_map(self, tmp_path):
        write_events(tmp_path / "scores.tsv")
        self.write(tmp_path, labels="scores.tsv")
        recording = read_one(tmp_path, stages={"1": "W", "2": "NREM", "3": "REM"})
        assert epoch_labels(recording) == STAGES

    @pytest.mark.slow
    def test_an_unknown_label_is_refused_or_unscored(self, tmp_path):
        write_events(tmp_path / "scores.tsv")
        self.write(tmp_path, labels="scores.tsv")
        with pytest.raises(RecordingError, match="unknown stage '2'"):
            read_one(tmp_path, stages={"1": "W"})
        recording = read_one(tmp_path, stages={"1": "W"}, unknown_labels="unscored")
        assert set(epoch_labels(recording)) == {"W", None}

    @pytest.mark.slow
    def test_labels_may_lie_in_a_mat(self, tmp_path):
        variables = {"labels": mat_variables()["labels"], "epochLength": 10.0}
        write_mat(tmp_path / "scores.mat", variables)
        self.write(tmp_path, labels="scores.mat")
        recording = read_one(tmp_path, stages={"1": "REM", "2": "W", "3": "NREM"})
        assert epoch_labels(recording) == STAGES

    def test_a_mat_without_labels_is_refused(self, tmp_path):
        write_mat(tmp_path / "scores.mat", {"other": np.ones(3)})
        self.write(tmp_path, labels="scores.mat")
        with pytest.raises(RecordingError, match="no labels in it; it has: other"):
            read_one(tmp_path)

    def test_labels_of_another_length_are_refused(self, tmp_path):
        write_epoch_csv(tmp_path / "scores.csv")
        self.write(tmp_path, labels="scores.csv")
        with pytest.raises(RecordingError, match="epochs of 10 s would fit"):
            read_one(tmp_path, epoch_s=30)

    def test_one_label_may_hold_for_the_whole_recording(self, tmp_path):
        self.write(tmp_path, label="Seizure")
        assert set(epoch_labels(read_one(tmp_path))) == {"Seizure"}

    def test_a_file_of_labels_and_a_label_at_once_are_refused(self, tmp_path):
        write_epoch_csv(tmp_path / "scores.csv")
        self.write(tmp_path, labels="scores.csv", label="W")
        with pytest.raises(RecordingError, match="both 'labels' and 'label'"):
            read_one(tmp_path)

    def test_a_start_in_utc_does_not_move_labels_on_the_local_clock(self, tmp_path):
        write_edf_labels(tmp_path / "scores.edf")
        self.write(tmp_path, labels="scores.edf", **UTC_START)
        write_edf(tmp_path / "x.edf", start=LOCAL)
        recording = read_one(tmp_path)
        assert epoch_labels(recording) == STAGES
        assert recording.start.isoformat() == "2024-03-04T12:00:00+00:00"
        assert recording.problems == ()

    def test_the_labels_of_several_scorers_keep_the_local_clock_too(self, tmp_path):
        for name in ("ada", "bo"):
            write_edf_labels(tmp_path / f"scores_{name}.edf")
        self.write(tmp_path, labels="scores_*.edf", **UTC_START)
        write_edf(tmp_path / "x.edf", start=LOCAL)
        recording = read_one(tmp_path)
        assert epoch_labels(recording) == STAGES
        assert recording.start.hour == 12

    def test_edf_labels_go_with_a_file_that_has_a_time_zone(self, tmp_path):
        mne = pytest.importorskip("mne", reason="FIF is read by MNE")
        info = mne.create_info(["EEG Cz"], SFREQ, "eeg")
        raw = mne.io.RawArray(voltage()[None] / 1e6, info, verbose="error")
        raw.set_meas_date(LOCAL.replace(tzinfo=UTC))
        raw.save(tmp_path / "x_raw.fif", verbose="error")
        write_edf_labels(tmp_path / "scores.edf")
        row = {"recording": "r1", "path": "x_raw.fif", "labels": "scores.edf"}
        write_table(tmp_path, [row])
        recording = read_one(tmp_path)
        assert epoch_labels(recording) == STAGES
        assert recording.problems == ()

    def test_labels_can_be_required(self, tmp_path):
        self.write(tmp_path)
        with pytest.raises(RecordingError, match="'r1' has no labels"):
            read_one(tmp_path, require_labels=True)


class TestFacts:
    def test_start_and_lights_are_read(self, tmp_path):
        write_edf(tmp_path / "x.edf")
        row = {"start_utc": "2024-03-04T12:00:00Z", "lights_off": "19:00", "age_weeks": 26}
        write_table(tmp_path, [{"recording": "r1", "path": "x.edf", **row}])
        recording = read_one(tmp_path)
        assert recording.start.hour == 12
        assert recording.metadata["lights_off_s"] == 7 * 3600
        assert recording.metadata["age"] == pytest.approx(0.5, abs=0.01)

    def test_private_columns_are_dropped(self, tmp_path):
        write_edf(tmp_path / "x.edf")
        write_table(tmp_path, [{"recording": "r1", "path": "x.edf", "patient_name": "Ada"}])
        assert "Ada" not in json.dumps(read_one(tmp_path).metadata)


class TestRefusals:
    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([{"path": "x.edf"}], "no column 'recording'; it has: path"),
            ([{"recording": "a"}], "no column 'path'; it has: recording"),
            ([{"recording": "a", "path": ""}], "row 1: 'path' is empty"),
            ([{"recording": None, "path": "x.edf"}], "row 1: 'recording' is empty"),
            ([{"recording": "a/b", "path": "x.edf"}], "'a/b' cannot name a file; 'a_b' could"),
            (
                [{"recording": "a", "path": "x.edf"}] * 2,
                "row 2: the recording 'a' is there already",
            ),
            ([{"recording": "a", "path": "y.edf"}], r"'a': there is no 'y\.edf'"),
            ([{"recording": "a", "path": "x.edf", "labels": "l.csv"}], r"there is no 'l\.csv'"),
        ],
    )
    def test_a_table_that_cannot_be_followed_says_where(self, tmp_path, rows, message):
        write_edf(tmp_path / "x.edf")
        write_table(tmp_path, rows)
        with pytest.raises(RecordingError, match=message):
            read_all(tmp_path)

    def test_a_table_without_rows_is_refused(self, tmp_path):
        (tmp_path / "recordings.csv").write_text("recording,path\n")
        with pytest.raises(RecordingError, match="the table has no rows"):
            read_all(tmp_path)

    def test_an_empty_table_is_refused(self, tmp_path):
        (tmp_path / "recordings.csv").write_text("")
        with pytest.raises(RecordingError, match="not a readable table"):
            read_all(tmp_path)

    def test_no_table_is_refused(self, tmp_path):
        with pytest.raises(RecordingError, match=r"no table of recordings here: recordings\.csv"):
            read_all(tmp_path)

    def test_two_tables_are_refused_until_one_is_named(self, tmp_path):
        write_edf(tmp_path / "x.edf")
        for name in file_table.TABLES[:2]:
            write_table(tmp_path, [{"recording": "r1", "path": "x.edf"}], name)
        with pytest.raises(RecordingError, match="several tables"):
            read_all(tmp_path)
        assert read_one(tmp_path, table="recordings.tsv").recording_id == "r1"
        assert read_one(tmp_path / "recordings.csv").recording_id == "r1"

    def test_a_table_of_another_format_is_refused(self, tmp_path):
        (tmp_path / "list.xlsx").write_bytes(b"x")
        with pytest.raises(RecordingError, match=r"ends in \.csv, \.tsv or \.parquet"):
            read_all(tmp_path, table="list.xlsx")

    def test_a_file_that_no_reader_fits_is_refused(self, tmp_path):
        (tmp_path / "x.docx").write_bytes(b"x")
        write_table(tmp_path, [{"recording": "r1", "path": "x.docx"}])
        with pytest.raises(RecordingError, match=r"no reader for '\.docx'"):
            read_all(tmp_path)
