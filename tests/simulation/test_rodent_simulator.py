import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from epochal.readers import bids
from epochal.readers import rodent as rodent_reader
from epochal.simulation import rodent

pytestmark = pytest.mark.slow  # whole cohorts are simulated

LAYOUTS = ("edf_csv", "edf_events", "mat_v5", "mat_v73", "bids")
READERS = dict.fromkeys(LAYOUTS, rodent_reader) | {"bids": bids}
SHORT = {"n_subjects": 2, "length_h": 0.5}


def make(folder, **options):
    chosen = rodent.Options(**{**SHORT, **options})
    for job in rodent.jobs(folder, chosen).values():
        job()
    rodent.finish(folder, chosen)
    return chosen


def read_all(folder, layout):
    module = READERS[layout]
    options = module.Options()
    return [module.read(source, options) for source in module.find(folder, options)]


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


class TestLayouts:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_each_layout_is_read_back_as_simulated(self, tmp_path, layout):
        options = make(tmp_path, layout=layout)
        for index, recording in enumerate(read_all(tmp_path, layout)):
            made = rodent.simulate(options, index)
            assert recording.subject_id == f"sub-{index + 1:03d}"
            assert recording.data_source == "simulated"
            assert recording.channel_names == ["EEG", "EMG"]
            for channel in made.channels:
                read = recording.channel(channel.name)
                assert (read.sfreq, read.unit) == (128.0, "uV")
                np.testing.assert_allclose(read.data, channel.data, atol=0.05)

    @pytest.mark.parametrize("layout", ["edf_csv", "mat_v5", "mat_v73"])
    def test_labels_are_read_back_as_the_scorer_set_them(self, tmp_path, layout):
        options = make(tmp_path, layout=layout)
        for index, recording in enumerate(read_all(tmp_path, layout)):
            labels = recording.annotations
            assert list(labels.label) == list(rodent.simulate(options, index).stages)
            assert list(labels.onset_s) == [10.0 * epoch for epoch in range(180)]

    def test_events_mark_artefacts_which_the_other_layouts_do_not_know(self, tmp_path):
        options = make(tmp_path, layout="edf_events", epoch_s=4, artefacts=20)
        for index, recording in enumerate(read_all(tmp_path, "edf_events")):
            made = rodent.simulate(options, index)
            assert list(recording.annotations.label) == list(made.stages[~made.bad])
            assert recording.metadata["unscored_s"] == 4.0 * made.bad.sum() > 0

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_facts_on_the_animal_are_read_back(self, tmp_path, layout):
        options = make(tmp_path, layout=layout)
        for index, recording in enumerate(read_all(tmp_path, layout)):
            facts, read = rodent.animal_facts(options, index), recording.metadata
            given = (facts.strain, facts.sex, facts.site)
            assert (read["strain"], read["sex"], read["site"]) == given
            assert read["age"] == pytest.approx(facts.age_weeks * 7 / 365.25, abs=1e-3)
            assert recording.start == facts.start
            zeitgeber_h = rodent.site_of(options, index).start_zeitgeber_h
            assert read["lights_off_s"] == pytest.approx(((12 - zeitgeber_h) % 24) * 3600)
            assert read["lights_on_s"] == pytest.approx(((24 - zeitgeber_h) % 24) * 3600)

    def test_the_bids_folder_has_its_tables(self, tmp_path):
        make(tmp_path, layout="bids")
        assert json.loads((tmp_path / "dataset_description.json").read_text())["BIDSVersion"]
        stem = tmp_path / "sub-001" / "eeg" / "sub-001_task-sleep"
        channels = pd.read_csv(f"{stem}_channels.tsv", sep="\t")
        assert list(channels.type) == ["EEG", "EMG"]
        (first, _) = read_all(tmp_path, "bids")
        assert set(first.annotations.label) <= {"Wake", "NREM", "REM"}

    def test_nothing_is_left_behind(self, tmp_path):
        make(tmp_path)
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {"SIMULATED.txt", "participants.json", "participants.tsv"} | {
            f"sub-00{n}{ending}" for n in (1, 2) for ending in (".edf", ".json", "_labels.csv")
        }


class TestDeterminism:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_same_seed_same_files(self, tmp_path, layout):
        small = {"layout": layout, "length_h": 0.1, "n_subjects": 1}
        make(tmp_path / "a", **small)
        make(tmp_path / "b", **small)
        assert content(tmp_path / "a") == content(tmp_path / "b")

    def test_another_seed_gives_another_cohort(self):
        first, second = (rodent.simulate(rodent.Options(seed=s, length_h=0.1), 0) for s in (0, 1))
        assert not np.array_equal(first.channels[0].data, second.channels[0].data)

    def test_an_animal_depends_on_neither_order_nor_the_size_of_the_cohort(self):
        alone = rodent.simulate(rodent.Options(n_subjects=5, length_h=0.1), 4)
        for index in range(4):
            rodent.simulate(rodent.Options(n_subjects=9, length_h=0.1), index)
        after = rodent.simulate(rodent.Options(n_subjects=9, length_h=0.1), 4)
        np.testing.assert_array_equal(alone.channels[0].data, after.channels[0].data)
        np.testing.assert_array_equal(alone.stages, after.stages)

    def test_jobs_can_be_sent_to_other_processes(self, tmp_path):
        jobs = rodent.jobs(tmp_path, rodent.Options(**SHORT))
        assert list(jobs) == ["sub-001", "sub-002"]
        assert pickle.loads(pickle.dumps(jobs["sub-001"])).args[2] == 0


class TestOptions:
    def test_rate_epochs_and_length_are_as_asked(self):
        options = rodent.Options(sfreq=500, epoch_s=4, length_h=0.1)
        made = rodent.simulate(options, 0)
        assert [(c.sfreq, len(c.data)) for c in made.channels] == [(500.0, 180_000)] * 2
        assert len(made.stages) == 90

    def test_two_eeg_channels_share_their_rhythms_and_differ(self):
        made = rodent.simulate(rodent.Options(n_eeg=2, emg=False, length_h=0.2), 0)
        assert [channel.name for channel in made.channels] == ["EEG1", "EEG2"]
        first, second = (channel.data for channel in made.channels)
        assert 0.5 < np.corrcoef(first, second)[0, 1] < 0.99

    def test_an_accelerometer_is_recorded_on_request(self, tmp_path):
        make(tmp_path, n_subjects=1, accelerometer=True)
        (recording,) = read_all(tmp_path, "edf_csv")
        channel = recording.channel("ACC")
        assert (channel.sfreq, channel.unit) == (32.0, "g")
        assert np.mean(channel.data) == pytest.approx(1.0, abs=0.05)

    def test_a_start_may_be_asked_for(self):
        options = rodent.Options(start_zeitgeber_h=13)
        assert rodent.animal_facts(options, 1).start.hour == (7 + 13) % 24

    def test_animals_are_spread_over_the_sites(self):
        sites = [rodent.site_of(rodent.Options(n_sites=3), index).name for index in range(6)]
        assert sites == ["site-1", "site-2", "site-3"] * 2

    @pytest.mark.parametrize(
        "wrong",
        [{"sfreq": 20}, {"layout": "txt"}, {"epochs": 4}, {"n_eeg": 3}, {"disagreement": 2}],
    )
    def test_a_wrong_option_is_refused(self, wrong):
        with pytest.raises(ValidationError):
            rodent.Options(**wrong)
