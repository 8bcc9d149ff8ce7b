import time

import edfio
import mne
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from epochal.provenance import data_source_of
from epochal.simulation import simulator
from epochal.simulation.sleep import Options, finish, jobs, plan_night

CASSETTE = [
    "EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "Resp oro-nasal", "EMG submental", "Temp rectal",
    "Event marker",
]  # fmt: skip
TELEMETRY = ["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "EMG submental", "Marker"]


def write(folder, only=None, **options):
    chosen = Options(**{"n_subjects": 2, "hours": 1.0} | options)
    for name, job in jobs(folder, chosen).items():
        if only is None or name in only:
            job()
    finish(folder, chosen)
    return folder


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write(tmp_path_factory.mktemp("cohort"), nights=2)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*/*.edf")}


def test_files_have_the_names_of_the_cassette_part(cohort):
    names = sorted(path.name for path in (cohort / "sleep-cassette").iterdir())
    assert names == sorted(
        f"SC4{subject}{night}E{end}"
        for subject in ("00", "01")
        for night in (1, 2)
        for end in ("0-PSG.edf", "C-Hypnogram.edf")
    )


@pytest.mark.slow
def test_files_have_the_names_of_the_telemetry_part(tmp_path):
    write(tmp_path, part="telemetry", n_subjects=1)
    names = sorted(path.name for path in (tmp_path / "sleep-telemetry").iterdir())
    assert names == ["ST7001J0-PSG.edf", "ST7001JP-Hypnogram.edf"]


def test_a_cassette_night_has_the_true_channels_and_rates(cohort):
    edf = edfio.read_edf(cohort / "sleep-cassette" / "SC4001E0-PSG.edf")
    assert [signal.label for signal in edf.signals] == CASSETTE
    assert [signal.sampling_frequency for signal in edf.signals] == [100, 100, 100, 1, 1, 1, 1]
    assert edf.duration == 3600


@pytest.mark.slow
def test_a_telemetry_night_has_its_emg_at_100_hz_and_neither_breath_nor_temperature(tmp_path):
    write(tmp_path, part="telemetry", n_subjects=1)
    edf = edfio.read_edf(tmp_path / "sleep-telemetry" / "ST7001J0-PSG.edf")
    assert [signal.label for signal in edf.signals] == TELEMETRY
    emg = edf.get_signal("EMG submental")
    assert emg.sampling_frequency == 100
    assert abs(emg.data.mean()) < 0.1 * emg.data.std()


def test_the_cassette_emg_is_a_positive_envelope(cohort):
    emg = edfio.read_edf(cohort / "sleep-cassette" / "SC4001E0-PSG.edf").get_signal("EMG submental")
    assert emg.physical_dimension == "uV"
    assert 0 < emg.data.min() < emg.data.max() <= 5


def test_mne_opens_the_files(cohort):
    raw = mne.io.read_raw_edf(
        cohort / "sleep-cassette" / "SC4001E0-PSG.edf", include=CASSETTE[:3], verbose="error"
    )
    assert raw.ch_names == CASSETTE[:3]
    assert raw.info["sfreq"] == 100
    notes = mne.read_annotations(cohort / "sleep-cassette" / "SC4001EC-Hypnogram.edf")
    assert set(notes.description) <= {f"Sleep stage {s}" for s in "W1234R?"} | {"Movement time"}
    assert notes.onset[0] == 0


def test_annotations_meet_without_gap_or_overlap(cohort):
    notes = edfio.read_edf(cohort / "sleep-cassette" / "SC4011EC-Hypnogram.edf").annotations
    ends = np.array([note.onset + note.duration for note in notes])
    assert np.array_equal(ends[:-1], [note.onset for note in notes[1:]])


def test_everything_is_marked_as_simulated(cohort):
    path = cohort / "sleep-cassette" / "SC4001E0-PSG.edf"
    assert data_source_of(path) == "simulated"
    for file in (cohort / "sleep-cassette").iterdir():
        assert "simulated" in edfio.read_edf(file).local_recording_identification


def test_the_records_list_every_psg(cohort):
    records = (cohort / "RECORDS").read_text().split()
    assert records == [f"sleep-cassette/SC40{s}{n}E0-PSG.edf" for s in (0, 1) for n in (1, 2)]


def test_the_table_of_subjects_has_ages_sexes_and_lights_off(cohort):
    table = pd.read_csv(cohort / "SC-subjects.csv")
    edf = edfio.read_edf(cohort / "sleep-cassette" / "SC4011E0-PSG.edf")
    row = table.set_index("filename").loc["SC4011E0-PSG"]
    word = "Female" if row["sex"] == "F" else "Male"
    assert edf.local_patient_identification == f"X {row['sex']} X {word}_{row['age']}yr"
    assert row["LightsOff"].count(":") == 2


@pytest.mark.slow
def test_the_same_seed_writes_the_same_bytes(tmp_path):
    first, second = (write(tmp_path / name, seed=3) for name in "ab")
    assert contents(first) == contents(second)


@pytest.mark.slow
def test_another_seed_writes_other_nights(tmp_path):
    first, second = (write(tmp_path / str(seed), seed=seed) for seed in (3, 4))
    assert all(contents(first)[name] != data for name, data in contents(second).items())


@pytest.mark.slow
def test_a_subject_is_the_same_in_any_order_and_any_cohort(tmp_path):
    small = write(tmp_path / "small")
    large = write(tmp_path / "large", n_subjects=5, only=["SC4011"])
    name = "SC4011E0-PSG.edf"
    assert contents(small)[name] == contents(large)[name]


def test_a_person_keeps_age_and_sex_from_night_to_night(cohort):
    table = pd.read_csv(cohort / "SC-subjects.csv")
    assert (table.groupby("subject")[["age", "sex"]].nunique() == 1).all(axis=None)


@pytest.mark.slow
def test_ages_and_sex_follow_the_options():
    options = Options(age_min=60, age_max=70, sex="M", n_subjects=30)
    people = [plan_night(options, subject, 1).person for subject in range(30)]
    assert all(60 <= person.age <= 70 and person.sex == "M" for person in people)
    assert len({person.age for person in people}) > 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"age_min": 60, "age_max": 50},
        {"n_subjects": 101},
        {"hours": 0.1},
        {"sex": "X"},
        {"hour": 9},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        Options(**wrong)


@pytest.mark.slow
def test_sleep_begins_around_midnight():
    options = Options(n_subjects=50, hours=22)
    hours = []
    for subject in range(50):
        plan = plan_night(options, subject, 1)
        onset = plan.start + pd.Timedelta(seconds=30 * plan.night.asleep)
        hours.append((onset.hour + onset.minute / 60 + 12) % 24)
    assert 10.5 < np.mean(hours) < 13


def test_a_whole_day_is_mostly_wake():
    plan = plan_night(Options(hours=22), 0, 1)
    assert len(plan.night.stages) == 22 * 120
    assert np.mean(plan.night.stages == "W") > 0.5


def test_a_job_is_named_after_its_recording(tmp_path):
    assert list(jobs(tmp_path, Options(n_subjects=2))) == ["SC4001", "SC4011"]
    assert list(jobs(tmp_path, Options(n_subjects=1, part="telemetry"))) == ["ST7001"]


def test_the_simulator_is_found_by_name():
    found = simulator("sleep")
    assert (found.Options, found.jobs, found.finish) == (Options, jobs, finish)


@pytest.mark.slow
def test_a_night_of_nine_hours_is_made_in_seconds(tmp_path):
    (job,) = jobs(tmp_path, Options(n_subjects=1)).values()
    started = time.process_time()
    job()
    assert time.process_time() - started < 12  # 1.2 s measured; room for a busy machine
