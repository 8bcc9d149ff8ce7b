import json

import edfio
import numpy as np
import pytest
from brain_files import sine, write_brainvision, write_eeglab
from rodent_folders import (
    LOCAL,
    STAGES,
    UTC_START,
    epoch_labels,
    voltage,
    write_edf,
    write_edf_labels,
    write_events,
    write_json,
)

from epochal.errors import RecordingError
from epochal.readers import bids

RODENT = {"Wake": "W", "NREM": "NREM", "REM": "REM", "Artifact": None}
LEVELS = {"1": "Wake", "2": "NREM", "3": "REM", "4": "Artifact"}


def eeg_folder(root, subject="sub-01", session=None):
    folder = root / subject / session / "eeg" if session else root / subject / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_subject(root, subject="sub-01", session=None, *, task="sleep", events=True):
    parts = [subject, session, f"task-{task}"]
    stem = "_".join(part for part in parts if part)
    folder = eeg_folder(root, subject, session)
    write_edf(folder / f"{stem}_eeg.edf")
    if events:
        write_events(folder / f"{stem}_events.tsv")
    return folder / stem


def read_all(root, **options):
    chosen = bids.Options(**options)
    return [bids.read(source, chosen) for source in bids.find(root, chosen)]


def read_one(root, **options):
    (recording,) = read_all(root, **options)
    return recording


class TestFind:
    def test_subjects_and_sessions_are_found_in_order(self, tmp_path):
        write_subject(tmp_path, "sub-02")
        write_subject(tmp_path, "sub-01", "ses-b")
        write_subject(tmp_path, "sub-01", "ses-a")
        names = [source.recording_id for source in bids.find(tmp_path, bids.Options())]
        assert names == ["sub-01_ses-a_task-sleep", "sub-01_ses-b_task-sleep", "sub-02_task-sleep"]

    def test_a_task_selects(self, tmp_path):
        write_subject(tmp_path, task="sleep")
        write_subject(tmp_path, task="rest")
        names = [source.recording_id for source in bids.find(tmp_path, bids.Options(task="rest"))]
        assert names == ["sub-01_task-rest"]

    def test_a_folder_without_recordings_is_refused(self, tmp_path):
        with pytest.raises(RecordingError, match="no sub-"):
            bids.find(tmp_path, bids.Options())

    def test_a_task_that_nobody_did_is_refused(self, tmp_path):
        write_subject(tmp_path)
        with pytest.raises(RecordingError, match="here of task 'nap'"):
            bids.find(tmp_path, bids.Options(task="nap"))

    def test_one_recording_in_two_formats_is_refused(self, tmp_path):
        stem = write_subject(tmp_path)
        stem.with_name(f"{stem.name}_eeg.bdf").write_bytes(b"")
        with pytest.raises(RecordingError, match="'sub-01_task-sleep' is there in several formats"):
            bids.find(tmp_path, bids.Options())

    def test_other_files_are_passed_over(self, tmp_path):
        stem = write_subject(tmp_path)
        write_edf(stem.with_name("notes.edf"))
        write_edf(tmp_path / "derivatives" / "sub-01" / "eeg" / "sub-01_task-sleep_eeg.edf")
        assert len(bids.find(tmp_path, bids.Options())) == 1

    def test_the_entities_of_a_name_are_told(self, tmp_path):
        assert bids.entities_of(tmp_path / "sub-01_ses-2_task-sleep_run-3_eeg.edf") == {
            "sub": "01", "ses": "2", "task": "sleep", "run": "3",
        }  # fmt: skip


class TestSignals:
    def test_edf_is_read_by_the_edf_reader(self, tmp_path):
        write_subject(tmp_path)
        recording = read_one(tmp_path)
        assert recording.channel_names == ["EEG", "EMG"]
        assert recording.subject_id == "sub-01"
        assert recording.metadata["task"] == "sleep"

    def test_bdf_is_read_by_the_edf_reader(self, tmp_path):
        signal = edfio.BdfSignal(voltage(1), 128, label="EEG", physical_dimension="uV")
        path = eeg_folder(tmp_path) / "sub-01_task-sleep_eeg.bdf"
        edfio.Bdf([signal]).write(path)
        np.testing.assert_allclose(read_one(tmp_path).channel("EEG").data, voltage(1), atol=1e-3)

    @pytest.mark.slow
    @pytest.mark.parametrize("suffix", [".vhdr", ".set"])
    def test_brainvision_and_eeglab_are_read_by_mne(self, tmp_path, suffix):
        pytest.importorskip("mne", reason="BrainVision and EEGLAB are read by MNE")
        write = {".vhdr": write_brainvision, ".set": write_eeglab}[suffix]
        write(eeg_folder(tmp_path) / f"sub-01_task-x_eeg{suffix}", {"EEG Cz": sine()})
        channel = read_one(tmp_path).channel("EEG Cz")
        np.testing.assert_allclose(channel.data, sine(), atol=1e-3)


class TestEvents:
    @pytest.mark.slow
    def test_labels_stay_as_written_without_a_map(self, tmp_path):
        stem = write_subject(tmp_path, events=False)
        write_events(stem.with_name(f"{stem.name}_events.tsv"), ["calm"] * 30 + ["n/a"] * 30)
        assert epoch_labels(read_one(tmp_path)) == ["calm"] * 30 + [None] * 30

    @pytest.mark.slow
    def test_a_sidecar_at_the_root_names_the_codes(self, tmp_path):
        write_subject(tmp_path)
        write_json(tmp_path / "task-sleep_events.json", stage={"Levels": LEVELS})
        assert set(epoch_labels(read_one(tmp_path))) == {"Wake", "NREM", "REM"}

    def test_a_map_of_what_the_sidecar_calls_the_codes(self, tmp_path):
        write_subject(tmp_path)
        write_json(tmp_path / "task-sleep_events.json", stage={"Levels": LEVELS})
        assert epoch_labels(read_one(tmp_path, stages=RODENT)) == STAGES

    def test_a_nearer_sidecar_takes_precedence(self, tmp_path):
        stem = write_subject(tmp_path)
        write_json(tmp_path / "task-sleep_events.json", stage={"Levels": LEVELS})
        nearer = {"1": "REM", "2": "REM", "3": "REM"}
        write_json(stem.with_name(f"{stem.name}_events.json"), stage={"Levels": nearer})
        assert set(epoch_labels(read_one(tmp_path, stages=RODENT))) == {"REM"}

    def test_a_sidecar_of_another_task_does_not_apply(self, tmp_path):
        write_subject(tmp_path)
        write_json(tmp_path / "task-rest_events.json", stage={"Levels": LEVELS})
        assert set(epoch_labels(read_one(tmp_path))) == {"1", "2", "3"}

    def test_an_unknown_label_is_refused_by_name(self, tmp_path):
        write_subject(tmp_path)
        with pytest.raises(RecordingError, match="unknown stage '2'"):
            read_one(tmp_path, stages={"1": "W"})

    def test_an_unknown_label_is_unscored_where_allowed(self, tmp_path):
        write_subject(tmp_path)
        recording = read_one(tmp_path, stages={"1": "W"}, unknown_labels="unscored")
        assert set(epoch_labels(recording)) == {"W", None}
        assert any("'2' (30×)" in problem for problem in recording.problems)

    def test_a_start_in_utc_does_not_move_labels_on_the_local_clock(self, tmp_path):
        stem = write_subject(tmp_path, events=False)
        write_edf(stem.with_name(f"{stem.name}_eeg.edf"), start=LOCAL)
        write_json(stem.with_name(f"{stem.name}_eeg.json"), **UTC_START)
        stem.with_name(f"{stem.name}_channels.tsv").write_text("name\nEEG\nEMG\n")
        write_edf_labels(stem.with_name(f"{stem.name}_scorer-ada.edf"))
        recording = read_one(tmp_path, scorers="{stem}_scorer-*.edf")
        assert epoch_labels(recording) == STAGES
        assert recording.start.isoformat() == "2024-03-04T12:00:00+00:00"
        assert recording.problems == ()

    def test_a_recording_without_events_is_read_unless_they_are_required(self, tmp_path):
        write_subject(tmp_path, events=False)
        assert read_one(tmp_path).annotations.empty
        with pytest.raises(RecordingError, match=r"no _events\.tsv beside it"):
            read_one(tmp_path, require_labels=True)


class TestTables:
    def test_participants_and_sidecar_become_metadata(self, tmp_path):
        stem = write_subject(tmp_path, session="ses-1")
        (tmp_path / "participants.tsv").write_text(
            "participant_id\tage\tsex\tstrain\nsub-01\t0.4\tF\tBALB/cJ\n"
        )
        write_json(
            stem.with_name(f"{stem.name}_eeg.json"), PowerLineFrequency=50,
            EEGReference="cerebellum", InstitutionName="hidden", start_utc="2024-03-04T12:00:00Z",
            lights_off="19:00",
        )  # fmt: skip
        recording = read_one(tmp_path)
        facts = recording.metadata
        assert (facts["age"], facts["sex"], facts["strain"]) == (0.4, "F", "BALB/cJ")
        assert (facts["mains_hz"], facts["reference"], facts["session"]) == (50, "cerebellum", "1")
        assert facts["lights_off_s"] == 7 * 3600
        assert "hidden" not in json.dumps(facts)
        assert recording.start.hour == 12

    def write_channels(self, root, text, signals=None, unit="uV"):
        stem = write_subject(root)
        write_edf(stem.with_name(f"{stem.name}_eeg.edf"), signals, unit=unit)
        stem.with_name(f"{stem.name}_channels.tsv").write_text(text)

    def test_types_and_bad_channels_are_told(self, tmp_path):
        self.write_channels(
            tmp_path, "name\ttype\tunits\tstatus\nEEG\tEEG\tuV\tgood\nEMG\tEMG\tuV\tbad\n"
        )
        recording = read_one(tmp_path)
        assert recording.metadata["channel_types"] == {"EEG": "EEG", "EMG": "EMG"}
        assert recording.metadata["bad_channels"] == ["EMG"]
        assert recording.problems == ()

    def test_tables_and_files_that_disagree_on_channels_are_reported(self, tmp_path):
        self.write_channels(tmp_path, "name\ttype\nEEG\tEEG\nEOG\tEOG\n")
        name = "sub-01_task-sleep_channels.tsv"
        assert read_one(tmp_path).problems == (
            f"{name} lists channels that the file lacks: EOG",
            f"{name} does not list channels of the file: EMG",
        )

    def test_a_unit_that_only_the_table_gives_is_used_and_reported(self, tmp_path):
        signals = {"EEG": voltage(1), "Move": voltage(2, uv=0.2)}
        text = "name\ttype\tunits\nEEG\tEEG\tuV\nMove\tMISC\tmV\n"
        self.write_channels(tmp_path, text, signals, unit="")
        recording = read_one(tmp_path)
        assert recording.channel("Move").unit == "uV"
        np.testing.assert_allclose(recording.channel("Move").data, 1e3 * voltage(2, uv=0.2), atol=1)
        assert "channel 'Move': the unit 'mV' is that of channels.tsv" in recording.problems

    def test_a_channel_table_without_names_is_refused(self, tmp_path):
        self.write_channels(tmp_path, "channel\tunits\nEEG\tuV\n")
        with pytest.raises(RecordingError, match="no column 'name'; it has: channel, units"):
            read_one(tmp_path)

    def test_an_empty_channel_table_is_refused(self, tmp_path):
        self.write_channels(tmp_path, "")
        with pytest.raises(RecordingError, match="not a readable table"):
            read_one(tmp_path)
