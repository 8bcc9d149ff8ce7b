import numpy as np
import pytest
from pydantic import ValidationError
from rodent_folders import (
    SFREQ,
    STAGES,
    epoch_labels,
    mat_variables,
    read_all,
    read_one,
    voltage,
    write_edf,
    write_epoch_csv,
    write_events,
    write_json,
    write_mat,
)

from epochal.errors import RecordingError
from epochal.readers import rodent


class TestSeveralAnimals:
    MAP = {
        "cage*": {
            "A1": {"EEG": "Ch1", "EMG": "Ch2"},
            "A2": {"EEG": "Ch3", "EMG": "Ch4"},
        }
    }

    def write_edf(self, folder):
        signals = {f"Ch{number}": voltage(number) for number in range(1, 5)}
        write_edf(folder / "cage3.edf", signals)

    def test_an_edf_splits_by_the_map(self, tmp_path):
        self.write_edf(tmp_path)
        first, second = read_all(tmp_path, animals=self.MAP)
        assert [one.recording_id for one in (first, second)] == ["cage3_A1", "cage3_A2"]
        assert [one.subject_id for one in (first, second)] == ["A1", "A2"]
        assert first.channel_names == second.channel_names == ["EEG", "EMG"]
        np.testing.assert_allclose(second.channel("EEG").data, voltage(3), atol=0.01)

    @pytest.mark.slow
    def test_each_animal_has_its_own_labels(self, tmp_path):
        self.write_edf(tmp_path)
        write_epoch_csv(tmp_path / "cage3_A1_labels.csv")
        write_epoch_csv(tmp_path / "cage3_labels.csv", ["W"] * 60)
        first, second = read_all(tmp_path, animals=self.MAP)
        assert epoch_labels(first) == STAGES
        assert second.annotations.empty

    @pytest.mark.slow
    def test_a_mat_splits_with_a_variable_of_labels_each(self, tmp_path):
        variables = {
            "Ch1": voltage(1), "Ch2": voltage(2), "Ch3": voltage(3), "Ch4": voltage(4),
            "fs": SFREQ, "scoreX": np.full(60, 3.0), "labels_A1": np.full(60, 1.0),
        }  # fmt: skip
        write_mat(tmp_path / "cage3.mat", variables)
        animals = {"cage*": {**self.MAP["cage*"]}}
        animals["cage*"]["A2"] = {**animals["cage*"]["A2"], "labels": "scoreX"}
        first, second = read_all(tmp_path, animals=animals)
        assert set(epoch_labels(first)) == {"REM"}
        assert set(epoch_labels(second)) == {"NREM"}
        np.testing.assert_allclose(second.channel("EEG").data, voltage(3), rtol=1e-5)

    def test_labels_that_do_not_say_whose_they_are_are_refused(self, tmp_path):
        variables = {f"Ch{number}": voltage(number) for number in range(1, 5)}
        write_mat(tmp_path / "cage3.mat", {**variables, "fs": SFREQ, "labels": np.ones(60)})
        with pytest.raises(RecordingError, match="several animals, and none of labels"):
            read_all(tmp_path, animals=self.MAP)

    def test_a_map_to_a_channel_that_is_not_there_is_refused(self, tmp_path):
        self.write_edf(tmp_path)
        with pytest.raises(RecordingError, match="no channel 'Ch9'"):
            read_all(tmp_path, animals={"*.edf": {"A1": {"EEG": "Ch9"}}})

    def test_a_mat_channel_that_is_not_there_is_refused(self, tmp_path):
        write_mat(tmp_path / "cage3.mat", mat_variables(labels=None))
        with pytest.raises(RecordingError, match="no channel 'Ch1'"):
            read_all(tmp_path, animals=self.MAP)

    def test_an_edf_has_no_labels_variable(self, tmp_path):
        self.write_edf(tmp_path)
        with pytest.raises(RecordingError, match="'labels: x' is for MAT files"):
            read_all(tmp_path, animals={"*": {"A1": {"EEG": "Ch1", "labels": "x"}}})

    def test_rows_of_a_matrix_can_be_mapped(self, tmp_path):
        data = np.stack([voltage(1), voltage(2)])
        write_mat(tmp_path / "cage3.mat", {"data": data, "fs": SFREQ})
        animals = {"*": {"A1": {"EEG": "data1"}, "A2": {"EEG": "data2"}}}
        _, second = read_all(tmp_path, animals=animals)
        np.testing.assert_allclose(second.channel("EEG").data, voltage(2), rtol=1e-5)


class TestAboutTheAnimal:
    def test_the_side_file_tells_of_the_animal(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_json(
            tmp_path / "m1.json", subject_id="mouse-9", strain="C57BL/6J", age_weeks=12, sex="male",
            site="Basel", start_utc="2024-03-04T11:00:00Z", lights_on="07:00", lights_off="19:00",
        )  # fmt: skip
        recording = read_one(tmp_path)
        assert recording.subject_id == "mouse-9"
        assert recording.start.isoformat() == "2024-03-04T11:00:00+00:00"
        facts = recording.metadata
        assert (facts["strain"], facts["sex"], facts["site"]) == ("C57BL/6J", "M", "Basel")
        assert facts["age"] == pytest.approx(12 * 7 / 365.25, abs=1e-3)
        assert (facts["lights_off_s"], facts["lights_on_s"]) == (8 * 3600.0, 20 * 3600.0)

    def test_participants_tsv_tells_of_the_animal(self, tmp_path):
        write_edf(tmp_path / "raw" / "sub-004_day2.edf")
        (tmp_path / "participants.tsv").write_text(
            "participant_id\tstrain\tlab\tage_days\nsub-004\tBALB/cJ\tlab_1\t73\n"
        )
        recording = read_one(tmp_path)
        assert recording.subject_id == "sub-004"
        assert recording.metadata["strain"] == "BALB/cJ"
        assert recording.metadata["site"] == "lab_1"
        assert recording.metadata["age"] == pytest.approx(0.2, abs=1e-3)

    def test_a_start_in_header_and_side_file_that_differ_are_reported(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_json(tmp_path / "m1.json", start_utc="2024-03-04T11:00:00Z")
        assert any("the side file's, 11:00:00, is used" in p for p in read_one(tmp_path).problems)

    def test_private_fields_never_come_out(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_json(tmp_path / "m1.json", name="Ada Lovelace", birth_date="1815-12-10", strain="x")
        assert read_one(tmp_path).metadata == {"strain": "x"}

    def test_a_side_file_that_is_no_json_is_refused(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        (tmp_path / "m1.json").write_text("{")
        with pytest.raises(RecordingError, match=r"m1\.json: not readable JSON"):
            read_one(tmp_path)


class TestFind:
    def test_an_empty_folder_is_refused(self, tmp_path):
        with pytest.raises(RecordingError, match="no EDF, BDF or MAT recording"):
            rodent.find(tmp_path, rodent.Options())

    def test_recordings_are_sorted_and_label_files_are_none(self, tmp_path):
        write_mat(tmp_path / "b.mat")
        write_edf(tmp_path / "a.edf")
        write_mat(tmp_path / "a_labels.mat", {"labels": np.ones(60)})
        sources = rodent.find(tmp_path, rodent.Options())
        assert [source.recording_id for source in sources] == ["a", "b"]

    def test_names_that_repeat_carry_their_folder(self, tmp_path):
        write_edf(tmp_path / "day 1" / "m1.edf")
        write_edf(tmp_path / "day 2" / "m1.edf")
        sources = rodent.find(tmp_path, rodent.Options())
        assert [source.recording_id for source in sources] == ["day_1__m1", "day_2__m1"]

    def test_one_file_can_be_given(self, tmp_path):
        path = write_mat(tmp_path / "b.mat")
        (source,) = rodent.find(path, rodent.Options())
        assert source.recording_id == "b"

    @pytest.mark.slow
    def test_all_that_is_read_goes_with_the_source(self, tmp_path):
        write_edf(tmp_path / "m1.edf")
        write_events(tmp_path / "m1_events.tsv")
        for name in ("m1.json", "m1_events.json"):
            write_json(tmp_path / name)
        (tmp_path / "participants.tsv").write_text("participant_id\nm1\n")
        (source,) = rodent.find(tmp_path, rodent.Options())
        names = {companion.rpartition("/")[2] for companion in source.companions}
        assert names == {"m1.json", "m1_events.tsv", "m1_events.json", "participants.tsv"}
        assert epoch_labels(rodent.read(source, rodent.Options())) == STAGES

    def test_a_pattern_selects(self, tmp_path):
        write_edf(tmp_path / "a.edf")
        write_edf(tmp_path / "b.edf")
        (source,) = rodent.find(tmp_path, rodent.Options(pattern="b*"))
        assert source.recording_id == "b"

    def test_an_unknown_option_is_refused(self):
        with pytest.raises(ValidationError):
            rodent.Options(epoch_length=4)

    def test_an_edf_without_eeg_is_refused_with_what_it_has(self, tmp_path):
        write_edf(tmp_path / "a.edf", {"Ch1": voltage(1)})
        with pytest.raises(RecordingError, match=r"no EEG: .*it has: Ch1"):
            read_one(tmp_path)

    def test_channels_can_be_named_by_conf(self, tmp_path):
        write_edf(tmp_path / "a.edf", {"Ch1": voltage(1), "Ch2": voltage(2)})
        recording = read_one(tmp_path, channels={"EEG": "Ch2"})
        assert recording.channel_names == ["EEG"]
        np.testing.assert_allclose(recording.channel("EEG").data, voltage(2), atol=0.01)

    def test_simulated_data_are_marked(self, tmp_path):
        write_mat(tmp_path / "b.mat")
        assert read_one(tmp_path).data_source == "real"
        (tmp_path / "SIMULATED.txt").write_text("yes")
        assert read_one(tmp_path).data_source == "simulated"
