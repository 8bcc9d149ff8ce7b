import hashlib

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from epochal.features.cardiac import pulse_features
from epochal.readers import e4, wesad
from epochal.simulation import wearable
from epochal.simulation.wearable import Options, finish, jobs

SHORT = Options(n_subjects=2, tempo=0.1)
WESAD = Options(n_subjects=2, tempo=0.04, layout="wesad", respiban_s=2)


def write(folder, options, names=None):
    folder.mkdir(exist_ok=True)
    work = jobs(folder, options)
    for name in names or work:
        work[name]()
    finish(folder, options)
    return folder


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def stress_predict(tmp_path_factory):
    return write(tmp_path_factory.mktemp("sp"), SHORT)


@pytest.fixture(scope="module")
def wesad_folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("wesad"), WESAD)


@pytest.fixture(scope="module")
def recordings(stress_predict):
    return [e4.read(source, e4.Options()) for source in e4.find(stress_predict, e4.Options())]


def test_it_writes_the_layout_of_stress_predict(stress_predict):
    names = {str(path.relative_to(stress_predict)) for path in stress_predict.rglob("*.*")}
    own = {"ACC.csv", "BVP.csv", "EDA.csv", "HR.csv", "IBI.csv", "TEMP.csv", "info.txt"}
    assert names == {
        *(f"Raw_data/S02/{name}" for name in {*own, "tags_S02.csv"}),
        *(f"Raw_data/S03/{name}" for name in {*own, "tags_S03.csv"}),
        wearable.LABELS_TABLE,
        "SIMULATED.txt",
    }


def test_files_begin_as_an_e4s_do(stress_predict):
    folder = stress_predict / "Raw_data" / "S02"
    start = wearable.start_unix_s(0)
    heads = {
        name: (folder / f"{name}.csv").read_text().splitlines()[:2] for name in ("ACC", "BVP", "HR")
    }
    assert heads["ACC"] == [", ".join([f"{start}.000000"] * 3), ", ".join(["32.000000"] * 3)]
    assert heads["BVP"] == [f"{start}.00", "64.000000"]
    assert heads["HR"] == [f"{start + 10}.000000", "1.000000"]
    assert (folder / "IBI.csv").read_text().splitlines()[0] == f"{start}.000000, IBI"


def test_the_reader_takes_it_without_a_problem_and_as_simulated(recordings):
    assert [recording.recording_id for recording in recordings] == ["S02", "S03"]
    for recording in recordings:
        assert recording.problems == ()
        assert recording.data_source == "simulated"
        assert {c.name: c.sfreq for c in recording.channels} == {
            "BVP": 64, "EDA": 4, "TEMP": 4, "ACC x": 32, "ACC y": 32, "ACC z": 32, "HR": 1,
        }  # fmt: skip
        assert len(recording.metadata["tags_s"]) == 6


def test_labels_follow_the_protocol(recordings):
    annotations = recordings[0].annotations
    assert annotations["task"].tolist() == list(e4.Options().tasks)
    assert annotations["label"].tolist() == ["baseline", "stress"] * 3 + ["baseline"]
    assert annotations["onset_s"].iloc[0] == wearable.LABELS_FROM_S
    _, course = wearable.draw_subject(SHORT, 0)
    ends = np.cumsum([stretch.duration_s for stretch in course.stretches])
    assert annotations["onset_s"].tolist()[1:] == ends[:-1].tolist()


def test_signals_are_in_a_wrists_range(recordings):
    for recording in recordings:
        norm = np.sqrt(sum(recording.channel(f"ACC {axis}").data ** 2 for axis in "xyz"))
        assert np.median(norm) == pytest.approx(1.0, abs=0.05)
        assert 24 < recording.channel("TEMP").data.mean() < 38
        assert 0.02 < np.median(recording.channel("EDA").data) < 25


def test_the_pulse_wave_agrees_with_the_devices_rate(recordings):
    recording = recordings[0]
    bvp = recording.channel("BVP").data[: 64 * 240].reshape(4, -1)
    rates = pulse_features(bvp, 64.0)["rate_median"]
    device = recording.channel("HR").data[:230].mean()
    assert np.nanmean(rates) == pytest.approx(device, rel=0.1)


def test_the_table_has_the_real_tables_columns_and_the_devices_rate(stress_predict, recordings):
    table = pd.read_csv(stress_predict / wearable.LABELS_TABLE)
    assert list(table) == ["Participant", "HR", "respr", "Time(sec)", "Label"]
    rows = table[table["Participant"] == 2]
    assert (rows["Time(sec)"].diff().dropna() == 1).all()
    np.testing.assert_allclose(
        rows["HR"].to_numpy()[1:100], recordings[0].channel("HR").data[:99], atol=0.011
    )


def test_the_same_seed_gives_the_same_files_in_any_order(stress_predict, tmp_path):
    again = write(tmp_path / "again", SHORT, names=["S03", "S02"])
    assert digests(again) == digests(stress_predict)


def test_a_subject_does_not_depend_on_how_many_there_are(stress_predict, tmp_path):
    one = write(tmp_path / "one", SHORT.model_copy(update={"n_subjects": 1}))
    name = "Raw_data/S02/BVP.csv"
    assert digests(one)[name] == digests(stress_predict)[name]


@pytest.mark.slow
def test_another_seed_gives_other_people(stress_predict, tmp_path):
    other = write(tmp_path / "other", SHORT.model_copy(update={"seed": 1}))
    name = "Raw_data/S02/BVP.csv"
    assert digests(other)[name] != digests(stress_predict)[name]


@pytest.mark.slow
def test_writing_again_replaces_the_folder_and_leaves_nothing_half_written(tmp_path):
    folder = write(tmp_path / "twice", SHORT, names=["S02"])
    stray = folder / "Raw_data" / "S02" / "stray.csv"
    stray.touch()
    jobs(folder, SHORT)["S02"]()
    assert not stray.exists()
    assert not list(folder.rglob(".part*"))


def test_it_writes_the_layout_of_wesad(wesad_folder):
    names = {str(path.relative_to(wesad_folder)) for path in wesad_folder.rglob("*.*")}
    ends = (".pkl", "_E4_Data.zip", "_quest.csv", "_readme.txt", "_respiban.txt")
    assert names == {"SIMULATED.txt", *(f"{s}/{s}{end}" for s in ("S2", "S3") for end in ends)}


@pytest.mark.parametrize("device", ["chest", "wrist"])
def test_the_wesad_reader_takes_both_devices(wesad_folder, device):
    options = wesad.Options(device=device)
    for source in wesad.find(wesad_folder, options):
        recording = wesad.read(source, options)
        assert recording.data_source == "simulated"
        labels = recording.annotations["label"].tolist()
        assert labels[0] == "baseline"
        assert sorted(labels) == ["amusement", "baseline", "meditation", "meditation", "stress"]
        assert 20 <= recording.metadata["age"] <= 60
        assert recording.metadata["condition_order"][0] == "Base"


def test_the_orders_of_wesad_alternate(wesad_folder):
    orders = [
        wesad.read(source, wesad.Options()).metadata["condition_order"]
        for source in wesad.find(wesad_folder, wesad.Options())
    ]
    assert [order[1] for order in orders] == ["TSST", "Fun"]


def test_the_e4_zip_holds_the_pickles_wrist(wesad_folder):
    zipped = e4.read(e4.find(wesad_folder, e4.Options())[0], e4.Options())
    options = wesad.Options(device="wrist")
    pickled = wesad.read(wesad.find(wesad_folder, options)[0], options)
    for name in ("BVP", "EDA", "TEMP", "ACC x"):
        np.testing.assert_allclose(
            zipped.channel(name).data, pickled.channel(name).data, atol=0.006
        )


def test_quest_times_are_the_labels(wesad_folder):
    rows = dict(
        line.split(";", 1)
        for line in (wesad_folder / "S2" / "S2_quest.csv").read_text().splitlines()
    )
    starts = [float(value) for value in rows["# START"].split(";") if value]
    recording = wesad.read(wesad.find(wesad_folder, wesad.Options())[0], wesad.Options())
    seconds = [60 * int(start) + round(100 * (start % 1)) for start in starts]
    assert seconds == recording.annotations["onset_s"].tolist()


def test_respiban_gives_the_first_seconds_as_raw_values(wesad_folder):
    lines = (wesad_folder / "S2" / "S2_respiban.txt").read_text().splitlines()
    assert lines[0] == "# OpenSignals Text File Format"
    assert lines[2] == "# EndOfHeader"
    rows = np.array([line.split() for line in lines[3:]], dtype=float)
    assert rows.shape == (2 * 700, 10)
    chest = wesad.read(wesad.find(wesad_folder, wesad.Options())[0], wesad.Options())
    ecg_uv = (rows[:, 2] / 65536 - 0.5) * 3 * 1000
    np.testing.assert_allclose(ecg_uv, chest.channel("ECG").data[:1400], atol=0.1)
    temp_c = (rows[:, 5] * 3 / 65536 - 0.2) / 0.015
    np.testing.assert_allclose(temp_c, chest.channel("TEMP").data[:1400], atol=0.01)


def test_wesad_numbers_leave_out_twelve():
    names = list(jobs("", WESAD.model_copy(update={"n_subjects": 15})))
    assert names == [f"S{number}" for number in range(2, 18) if number != 12]


@pytest.mark.parametrize(
    "wrong", [{"tempo": 0}, {"n_subjects": 0}, {"layout": "other"}, {"stress": 1}]
)
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        Options(**wrong)
