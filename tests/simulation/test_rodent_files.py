import json

import edfio
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io

from epochal.recording import Channel
from epochal.simulation.rodent_cohort import STRAINS, draw_animal, draw_facts, draw_site
from epochal.simulation.rodent_files import (
    SimulatedRecording,
    write,
    write_mat_v5,
    write_mat_v73,
    write_participants,
)

SITE = draw_site(0, 0, start_zeitgeber_h=None)
FACTS = draw_facts("sub-001", site=SITE, day=3, rng=np.random.default_rng(0))
ROW = {"EEG": np.arange(6.0), "fs": np.array(128.0)}


def small_recording():
    rng = np.random.default_rng(0)
    eeg = Channel("EEG", "uV", 100.0, (50 * rng.standard_normal(4000)).astype(np.float32))
    return SimulatedRecording(
        channels=(eeg, Channel("ACC", "g", 20.0, np.ones(800, np.float32))),
        stages=np.array(["W", "NREM", "REM", "W"]),
        bad=np.array([False, False, False, True]),
        epoch_s=10.0,
    )


class TestMatlab:
    def test_a_v5_file_is_one_for_scipy_and_holds_row_vectors(self, tmp_path):
        write_mat_v5(tmp_path / "x.mat", ROW)
        loaded = scipy.io.loadmat(tmp_path / "x.mat")
        assert loaded["EEG"].shape == (1, 6)
        assert loaded["fs"].item() == 128.0
        assert b"simulated" in loaded["__header__"]

    def test_a_v73_file_has_matlabs_header_and_classes(self, tmp_path):
        path = tmp_path / "x.mat"
        write_mat_v73(path, ROW)
        start = path.read_bytes()[:128]
        assert start.startswith(b"MATLAB 7.3 MAT-file")
        assert start[-4:] == b"\x00\x02IM"
        with h5py.File(path) as file:
            assert file["EEG"].shape == (6, 1)  # MATLAB's (1, 6)
            assert file["EEG"].attrs["MATLAB_class"] == b"double"

    def test_scipy_points_v73_to_hdf5(self, tmp_path):
        write_mat_v73(tmp_path / "x.mat", ROW)
        with pytest.raises(NotImplementedError):
            scipy.io.loadmat(tmp_path / "x.mat")

    @pytest.mark.parametrize("layout", ["mat_v5", "mat_v73"])
    def test_accusleeps_variables_and_codes(self, tmp_path, layout):
        from epochal.readers.mat import read_mat

        write(tmp_path, small_recording(), FACTS, layout=layout)
        variables = read_mat(tmp_path / "sub-001.mat")
        assert set(variables) == {"EEG", "labels", "fs", "epochLength"}
        assert variables["labels"].tolist() == [2, 3, 1, 2]
        assert (variables["fs"], variables["epochLength"]) == (100.0, 10.0)


class TestEdf:
    def read(self, folder):
        write(folder, small_recording(), FACTS, layout="edf_csv")
        return edfio.read_edf(folder / "sub-001.edf")

    def test_the_header_says_simulated_and_names_nobody(self, tmp_path):
        edf = self.read(tmp_path)
        assert "simulated" in edf.local_recording_identification
        assert edf.patient.code == "sub-001"
        assert edf.patient.name == "X"
        assert edf.patient.sex == FACTS.sex

    def test_rates_and_units_are_native(self, tmp_path):
        edf = self.read(tmp_path)
        found = [(s.label, s.sampling_frequency, s.physical_dimension) for s in edf.signals]
        assert found == [("EEG", 100, "uV"), ("ACC", 20, "g")]
        assert edf.startdatetime == FACTS.start.replace(tzinfo=None)

    def test_labels_beside_it_are_names(self, tmp_path):
        self.read(tmp_path)
        table = pd.read_csv(tmp_path / "sub-001_labels.csv")
        assert table.epoch.tolist() == [0, 1, 2, 3]
        assert table.stage.tolist() == ["W", "NREM", "REM", "W"]

    def test_events_have_mssvs_codes_and_artifact(self, tmp_path):
        write(tmp_path, small_recording(), FACTS, layout="edf_events")
        table = pd.read_csv(tmp_path / "sub-001_events.tsv", sep="\t")
        assert table.to_dict("list") == {
            "onset": [0.0, 10.0, 20.0, 30.0], "duration": [10.0] * 4, "stage": [1, 2, 3, 4],
        }  # fmt: skip

    def test_a_failed_write_leaves_no_file_of_that_name(self, tmp_path, monkeypatch):
        def fail(self, path):
            path.write_bytes(b"half")
            raise OSError("disk full")

        monkeypatch.setattr(edfio.Edf, "write", fail)
        with pytest.raises(OSError, match="disk full"):
            write(tmp_path, small_recording(), FACTS, layout="edf_csv")
        assert not (tmp_path / "sub-001.edf").exists()


class TestCohort:
    def test_participants_have_their_columns_and_units(self, tmp_path):
        write_participants(tmp_path / "new", [FACTS], layout="edf_csv")
        table = pd.read_csv(tmp_path / "new" / "participants.tsv", sep="\t")
        assert table.participant_id.tolist() == ["sub-001"]
        assert table.strain[0] in STRAINS
        described = json.loads((tmp_path / "new" / "participants.json").read_text())
        assert described["age"]["Units"] == "weeks"

    def test_sites_differ_and_stay_what_they_are(self):
        first, second = (draw_site(0, number, start_zeitgeber_h=None) for number in (0, 1))
        assert first == SITE
        assert first.eeg_gain != second.eeg_gain
        assert second.start_zeitgeber_h - first.start_zeitgeber_h == 3.0

    def test_a_given_start_holds_for_every_site(self):
        starts = {draw_site(0, n, start_zeitgeber_h=2.0).start_zeitgeber_h for n in range(4)}
        assert starts == {2.0}

    def test_the_same_animal_is_drawn_from_the_same_seed(self):
        first, second = (draw_animal("BALB/cJ", np.random.default_rng(5)) for _ in range(2))
        assert first == second

    def test_strains_differ_in_their_slow_waves(self):
        means = {
            strain: np.mean([draw_animal(strain, np.random.default_rng(n)).slow_gain
                             for n in range(50)])
            for strain in STRAINS
        }  # fmt: skip
        assert means["BALB/cJ"] > means["C57BL/6J"] > means["129S1/SvImJ"]

    def test_recordings_start_after_lights_on_by_the_sites_hour(self):
        hours = (FACTS.start.hour - 7) % 24
        assert hours == SITE.start_zeitgeber_h
        assert FACTS.start.tzinfo is not None
