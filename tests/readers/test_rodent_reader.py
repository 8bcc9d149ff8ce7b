import numpy as np
import pytest
import scipy.io
from rodent_folders import (
    LENGTH_S,
    LOCAL,
    SFREQ,
    STAGES,
    UTC_START,
    epoch_labels,
    mat_variables,
    read_all,
    read_one,
    voltage,
    write_bout_csv,
    write_edf,
    write_edf_labels,
    write_epoch_csv,
    write_events,
    write_json,
    write_mat,
)

from epochal.errors import RecordingError


class TestLabels:
    def test_epoch_stage_csv_gives_the_stages(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_epoch_csv(tmp_path / "m1_labels.csv")
        assert epoch_labels(read_one(tmp_path)) == STAGES

    @pytest.mark.slow
    def test_epochs_may_be_counted_from_one(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_epoch_csv(tmp_path / "m1_labels.csv", first=1)
        recording = read_one(tmp_path)
        assert epoch_labels(recording) == STAGES
        assert "hypnogram: epochs are counted from 1" in recording.problems

    @pytest.mark.parametrize("suffix", [".edf", ".mat"])
    def test_a_start_in_utc_does_not_move_labels_on_the_local_clock(self, tmp_path, suffix):
        if suffix == ".edf":
            write_edf(tmp_path / "m1.edf", start=LOCAL)
        else:
            write_mat(tmp_path / "m1.mat", mat_variables(labels=None))
        write_edf_labels(tmp_path / "scores.edf")
        write_json(tmp_path / "m1.json", **UTC_START)
        recording = read_one(tmp_path, pattern=f"m1{suffix}", labels="scores.edf")
        assert epoch_labels(recording) == STAGES
        assert recording.start.isoformat() == "2024-03-04T12:00:00+00:00"
        assert not any("clock" in problem for problem in recording.problems)

    def test_onset_duration_stage_csv_gives_the_stages(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_bout_csv(tmp_path / "m1.csv")
        assert epoch_labels(read_one(tmp_path)) == STAGES

    @pytest.mark.slow
    def test_events_tsv_has_mssvs_codes(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_events(tmp_path / "m1_events.tsv")
        assert epoch_labels(read_one(tmp_path)) == STAGES

    @pytest.mark.slow
    def test_mssvs_artifact_is_unscored_and_counted(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_events(tmp_path / "m1_events.tsv", [1, 4, 4] + [2] * 57)
        recording = read_one(tmp_path)
        assert epoch_labels(recording)[:4] == ["W", None, None, "NREM"]
        assert recording.metadata["unscored_s"] == 20.0

    @pytest.mark.slow
    def test_the_events_sidecar_decides_what_a_code_means(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_events(tmp_path / "m1_events.tsv", [1] * 30 + [2] * 30)
        levels = {"1": "NREM", "2": {"Description": "Wake"}, "7": "REM"}
        write_json(tmp_path / "m1_events.json", stage={"Levels": levels})
        assert epoch_labels(read_one(tmp_path)) == ["NREM"] * 30 + ["W"] * 30

    @pytest.mark.parametrize("version", ["v5", "v7.3"])
    def test_mat_has_accusleeps_codes(self, tmp_path, version):
        write_mat(tmp_path / "m1.mat", version=version)
        assert epoch_labels(read_one(tmp_path)) == STAGES

    @pytest.mark.parametrize("version", ["v5", "v7.3"])
    def test_labels_may_lie_in_a_mat_of_their_own(self, tmp_path, version):
        write_edf(tmp_path / "m1.edf")
        labels = {"labels": mat_variables()["labels"]}
        write_mat(tmp_path / "m1_labels.mat", labels, version=version)
        assert epoch_labels(read_one(tmp_path)) == STAGES

    def test_names_in_a_mat_need_no_codes(self, tmp_path):
        labels = np.array(STAGES, dtype=object)
        write_mat(tmp_path / "m1.mat", mat_variables(labels=labels))
        assert epoch_labels(read_one(tmp_path)) == STAGES

    def test_one_stage_a_line_is_read(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        (tmp_path / "m1_labels.txt").write_text("\n".join(STAGES))
        assert epoch_labels(read_one(tmp_path)) == STAGES

    def test_edf_annotations_serve_where_no_file_does(self, tmp_path):
        marks = [(0, 200, "Sleep stage W"), (200, 400, "Sleep stage NREM"), (10, 1, "door opened")]
        write_edf(tmp_path / "m1.edf", annotations=marks)
        assert epoch_labels(read_one(tmp_path)) == ["W"] * 20 + ["NREM"] * 40

    def test_the_many_names_of_a_stage_are_known(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        names = ["wake", "SWS", "nrem", "PS", "Paradoxical", "R"]
        write_epoch_csv(tmp_path / "m1_labels.csv", [name for name in names for _ in range(10)])
        expected = ["W", "NREM", "NREM", "REM", "REM", "REM"]
        assert epoch_labels(read_one(tmp_path))[::10] == expected

    def test_a_stage_map_by_conf_replaces_the_codes(self, tmp_path):
        write_mat(tmp_path / "m1.mat")
        stages = {"1": "W", "2": "NREM", "3": None}
        labels = epoch_labels(read_one(tmp_path, stages=stages))
        assert labels == ["NREM"] * 20 + [None] * 30 + ["W"] * 10

    def test_codes_of_a_map_may_be_written_as_numbers(self, tmp_path):
        write_mat(tmp_path / "m1.mat")
        stages = {1: "REM", 2: "W", 3: "NREM"}
        assert epoch_labels(read_one(tmp_path, stages=stages)) == STAGES

    def test_a_named_label_file_is_taken(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_epoch_csv(tmp_path / "m1_labels.csv")
        write_epoch_csv(tmp_path / "m1_scorer2.csv", ["REM"] * 60)
        assert set(epoch_labels(read_one(tmp_path, labels="{stem}_scorer2.csv"))) == {"REM"}

    def test_a_named_label_file_must_be_there(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        with pytest.raises(RecordingError, match=r"no label file 'm1_x\.csv' beside it"):
            read_one(tmp_path, labels="{id}_x.csv")


class TestUnknownLabels:
    def write(self, folder):
        write_mat(folder / "m1.mat", mat_variables(labels=np.array([2.0] * 50 + [7.0] * 10)))

    def test_an_unknown_code_is_refused_by_name(self, tmp_path):
        self.write(tmp_path)
        with pytest.raises(RecordingError, match="unknown stage '7'"):
            read_one(tmp_path)

    def test_an_unknown_code_is_unscored_and_reported_where_allowed(self, tmp_path):
        self.write(tmp_path)
        recording = read_one(tmp_path, unknown_labels="unscored")
        assert epoch_labels(recording) == ["W"] * 50 + [None] * 10
        assert recording.metadata["unscored_s"] == 100.0
        assert "unknown labels were taken for unscored: '7' (10×)" in recording.problems

    def test_allowing_unknown_labels_keeps_the_known_ones_in_any_spelling(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_epoch_csv(tmp_path / "m1_labels.csv", ["wAkE"] * 30 + ["dozing"] * 30)
        recording = read_one(tmp_path, unknown_labels="unscored")
        assert epoch_labels(recording) == ["W"] * 30 + [None] * 30

    def test_numbers_in_a_csv_need_a_map(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_epoch_csv(tmp_path / "m1_labels.csv", ["1"] * 60)
        with pytest.raises(RecordingError, match="unknown stage '1'"):
            read_one(tmp_path)

    def test_a_missing_label_is_unscored_not_unknown(self, tmp_path):
        codes = np.array([2.0] * 50 + [np.nan] * 10)
        write_mat(tmp_path / "m1.mat", mat_variables(labels=codes))
        assert epoch_labels(read_one(tmp_path)) == ["W"] * 50 + [None] * 10

    def test_a_recording_without_labels_is_read(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_mat(tmp_path / "m2.mat", mat_variables(labels=None))
        assert [len(one.annotations) for one in read_all(tmp_path)] == [0, 0]

    def test_a_recording_without_labels_is_refused_where_they_are_required(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        with pytest.raises(RecordingError, match="m1: no labels in it or beside it"):
            read_one(tmp_path, require_labels=True)

    def test_two_variables_that_may_be_labels_are_refused(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(stages=np.ones(60)))
        with pytest.raises(RecordingError, match="several variables may be the labels"):
            read_one(tmp_path)

    def test_labels_that_are_a_matrix_are_refused(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(labels=np.ones((2, 60))))
        with pytest.raises(RecordingError, match="not one code per epoch"):
            read_one(tmp_path)


class TestEpochLength:
    def test_a_wrong_epoch_length_is_refused_with_the_one_that_fits(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_epoch_csv(tmp_path / "m1_labels.csv", ["W"] * 150)
        with pytest.raises(RecordingError, match=r"150 labels of 10 s .* epochs of 4 s would fit"):
            read_one(tmp_path)

    def test_labels_of_half_the_length_are_refused(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(labels=np.full(30, 2.0)))
        with pytest.raises(RecordingError, match="epochs of 20 s would fit"):
            read_one(tmp_path)

    @pytest.mark.slow
    def test_the_side_file_gives_the_epoch_length(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_epoch_csv(tmp_path / "m1_labels.csv", ["W"] * 75 + ["REM"] * 75)
        write_json(tmp_path / "m1.json", epoch_s=4)
        labels = epoch_labels(read_one(tmp_path), epoch_s=4)
        assert labels == ["W"] * 75 + ["REM"] * 75

    @pytest.mark.slow
    def test_a_variable_of_the_mat_gives_the_epoch_length(self, tmp_path):
        codes = np.array([2.0] * 75 + [1.0] * 75)
        write_mat(tmp_path / "m1.mat", mat_variables(labels=codes, epochLength=4.0))
        labels = epoch_labels(read_one(tmp_path), epoch_s=4)
        assert labels == ["W"] * 75 + ["REM"] * 75

    def test_a_few_labels_too_many_are_cut_off_and_reported(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_epoch_csv(tmp_path / "m1_labels.csv", [*STAGES, "W", "W"])
        recording = read_one(tmp_path)
        assert epoch_labels(recording) == STAGES
        assert "stages 20 s past the signal's end were cut off" in recording.problems

    def test_labels_that_end_early_are_reported_with_the_offset(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_epoch_csv(tmp_path / "m1_labels.csv", STAGES[:-2])
        recording = read_one(tmp_path)
        assert epoch_labels(recording) == [*STAGES[:-2], None, None]
        assert "the hypnogram ends 20 s before the signal" in recording.problems

    def test_events_may_cover_a_part_only(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_events(tmp_path / "m1_events.tsv", [2] * 10)
        assert epoch_labels(read_one(tmp_path)) == ["NREM"] * 10 + [None] * 50


class TestMatSignals:
    @pytest.mark.parametrize("version", ["v5", "v7.3"])
    def test_every_version_gives_channels_in_microvolts(self, tmp_path, version):
        write_mat(tmp_path / "m1.mat", version=version)
        recording = read_one(tmp_path)
        assert recording.channel_names == ["EEG", "EMG"]
        assert {(c.unit, c.sfreq, len(c.data)) for c in recording.channels} == {
            ("uV", SFREQ, LENGTH_S * SFREQ)
        }
        np.testing.assert_allclose(recording.channel("EEG").data, voltage(1), rtol=1e-6)

    def test_emg_is_optional(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(EMG=None))
        assert read_one(tmp_path).channel_names == ["EEG"]

    def test_missing_eeg_is_named_with_what_there_is(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(EEG=None))
        with pytest.raises(RecordingError, match=r"m1\.mat: no EEG: .*it has: EMG, fs, labels"):
            read_one(tmp_path)

    def test_volts_are_converted_and_reported(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(EEG=voltage(1) * 1e-6))
        recording = read_one(tmp_path)
        np.testing.assert_allclose(recording.channel("EEG").data, voltage(1), rtol=1e-5)
        assert any("'EEG': without a unit" in p and "volts" in p for p in recording.problems)

    def test_a_declared_unit_is_believed_without_a_report(self, tmp_path):
        eeg, emg = voltage(1) * 1e-3, voltage(2) * 1e-3
        write_mat(tmp_path / "m1.mat", mat_variables(EEG=eeg, EMG=emg))
        recording = read_one(tmp_path, unit="mV")
        np.testing.assert_allclose(recording.channel("EEG").data, voltage(1), rtol=1e-5)
        assert recording.problems == ()

    def test_an_amplitude_of_no_unit_is_refused(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(EEG=voltage(1) * 1e6))
        with pytest.raises(RecordingError, match="channel 'EEG'"):
            read_one(tmp_path)

    @pytest.mark.parametrize("name", ["fs", "Fs", "SR", "sampling_rate", "sampFreq", "EEG_fs"])
    def test_the_rate_has_many_names(self, tmp_path, name):
        write_mat(tmp_path / "m1.mat", {"EEG": voltage(1), name: 100.0})
        assert read_one(tmp_path).channel("EEG").sfreq == 100.0

    def test_a_missing_rate_is_refused_and_the_option_gives_it(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(fs=None))
        with pytest.raises(RecordingError, match=r"no sampling rate .*EEG, EMG, labels"):
            read_one(tmp_path)
        assert read_one(tmp_path, sfreq=128).channel("EEG").sfreq == 128.0

    def test_the_side_file_gives_the_rate(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(fs=None))
        write_json(tmp_path / "m1.json", sfreq=128)
        assert read_one(tmp_path).channel("EEG").sfreq == 128.0

    def test_a_rate_that_is_none_is_refused(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(fs=-1.0))
        with pytest.raises(RecordingError, match="a sampling rate of -1 Hz for 'EEG'"):
            read_one(tmp_path)

    def test_a_matrix_holds_several_channels(self, tmp_path):
        both = np.stack([voltage(1), voltage(2)])
        for name, matrix in {"wide": both, "tall": both.T}.items():
            write_mat(tmp_path / f"{name}.mat", mat_variables(EEG=matrix))
        for recording in read_all(tmp_path):
            assert recording.channel_names == ["EEG1", "EEG2", "EMG"]
            np.testing.assert_allclose(recording.channel("EEG2").data, voltage(2), rtol=1e-6)

    def test_an_accelerometer_has_its_own_rate_and_unit(self, tmp_path):
        acc = 1 + 0.1 * voltage(3, uv=1, sfreq=32)
        write_mat(tmp_path / "m1.mat", mat_variables(ACC=acc, ACC_fs=32.0))
        channel = read_one(tmp_path).channel("ACC")
        assert (channel.sfreq, channel.unit) == (32.0, "g")

    def test_a_struct_with_data_and_rate_is_a_channel(self, tmp_path):
        struct = {"data": voltage(1), "fs": 128.0}
        scipy.io.savemat(tmp_path / "m1.mat", {"EEG": struct})
        channel = read_one(tmp_path).channel("EEG")
        assert channel.sfreq == 128.0
        assert len(channel.data) == LENGTH_S * SFREQ

    def test_accusleeps_folder_is_one_recording(self, tmp_path):
        variables = mat_variables()
        for name in ("EEG", "EMG", "labels"):
            write_mat(tmp_path / "mouse7" / f"{name}.mat", {name: variables[name]})
        recording = read_one(tmp_path, sfreq=128)
        assert recording.recording_id == "mouse7"
        assert recording.channel_names == ["EEG", "EMG"]
        assert epoch_labels(recording) == STAGES


class TestStreams:
    def test_a_stream_that_ends_early_ends_the_recording_and_is_reported(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(EMG=voltage(2, length_s=590)))
        recording = read_one(tmp_path)
        assert recording.runs == ((0.0, 590.0),)
        assert len(recording.channel("EEG").data) == LENGTH_S * SFREQ
        assert any("'EMG' runs from 0 to 590 s, 'EEG' from 0 to 600 s" in p
                   for p in recording.problems)  # fmt: skip
        assert epoch_labels(recording) == [*STAGES[:-1], None]

    def test_a_stream_may_start_late(self, tmp_path):
        write_mat(tmp_path / "m1.mat")
        write_json(tmp_path / "m1.json", starts_s={"EMG": 2.5})
        recording = read_one(tmp_path)
        assert recording.channel("EMG").start_s == 2.5
        assert recording.runs == ((2.5, 600.0),)

    def test_streams_of_quite_different_lengths_mean_a_wrong_rate(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(EMG=voltage(2, length_s=300)))
        with pytest.raises(RecordingError, match=r"'EMG' lasts 300 s at 128 Hz.*is a rate wrong"):
            read_one(tmp_path)

    def test_one_sample_more_is_no_matter(self, tmp_path):
        write_mat(tmp_path / "m1.mat", mat_variables(EMG=np.append(voltage(2), 0.0)))
        assert not any("runs from" in problem for problem in read_one(tmp_path).problems)

    def test_a_start_of_an_unknown_channel_is_refused(self, tmp_path):
        write_mat(tmp_path / "m1.mat")
        write_json(tmp_path / "m1.json", starts_s={"ACC": 2.5})
        with pytest.raises(RecordingError, match="'starts_s' names no channel of EEG, EMG"):
            read_one(tmp_path)

    def test_a_start_that_is_no_time_is_refused(self, tmp_path):
        write_mat(tmp_path / "m1.mat")
        write_json(tmp_path / "m1.json", starts_s={"EMG": -1})
        with pytest.raises(RecordingError, match="'starts_s' holds -1"):
            read_one(tmp_path)
