import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_e4 import LENGTH_S, START, samples, text, write_folder, write_table, write_zip

from epochal.errors import RecordingError
from epochal.provenance import mark_as_simulated
from epochal.readers import Source, signal_checksum
from epochal.readers.e4 import Options, find, read
from epochal.recording import read_recording, write_recording
from epochal.serving.bundle import read_manifest
from epochal.serving.finding import SHIPPED

OPTIONS = Options(tasks=("relax", "stroop", "relax"))


@pytest.fixture
def study(tmp_path):
    """Two subjects in Stress-Predict's layout; S01 has no labels."""
    for name in ("S01", "S02"):
        write_folder(tmp_path / "Raw_data" / name)
    write_table(tmp_path)
    return tmp_path


def only(folder, options=OPTIONS):
    (source,) = find(folder, options)
    return read(source, options)


def test_channels_keep_rates_units_and_values(study):
    recording = only(study / "Raw_data" / "S02")
    assert {c.name: (c.unit, c.sfreq, c.start_s) for c in recording.channels} == {
        "BVP": ("a.u.", 64, 0), "EDA": ("uS", 4, 0), "TEMP": ("degC", 4, 0),
        "ACC x": ("g", 32, 0), "ACC y": ("g", 32, 0), "ACC z": ("g", 32, 0),
        "HR": ("bpm", 1, 10),
    }  # fmt: skip
    np.testing.assert_allclose(recording.channel("EDA").data, samples("EDA")[:, 0], rtol=1e-6)
    assert recording.channel("ACC z").data[0] == 63 / 64
    assert recording.start == datetime.fromtimestamp(START, UTC)
    assert recording.problems == ()


def test_the_run_is_where_all_channels_are(study):
    recording = only(study / "Raw_data" / "S02")
    assert recording.runs == ((10.0, float(LENGTH_S)),)


def test_files_of_different_start_times_stay_in_step(tmp_path):
    recording = only(write_folder(tmp_path / "S02", EDA=text("EDA", start=START + 2.5)))
    assert recording.channel("EDA").start_s == 2.5
    assert recording.channel("BVP").start_s == 0.0
    recording = only(write_folder(tmp_path / "S03", EDA=text("EDA", start=START - 4)))
    assert recording.start == datetime.fromtimestamp(START - 4, UTC)
    assert recording.channel("BVP").start_s == 4.0


def test_labels_are_the_tables_runs_from_the_recordings_start(study):
    source = find(study, OPTIONS)[1]
    annotations = read(source, OPTIONS).annotations
    assert annotations.to_dict("list") == {
        "onset_s": [9.0, 49.0, 79.0],
        "duration_s": [40.0, 30.0, 30.0],
        "label": ["baseline", "stress", "baseline"],
        "task": ["relax", "stroop", "relax"],
    }


def test_a_subject_that_the_table_leaves_out_is_read_without_labels(study):
    recording = read(find(study, OPTIONS)[0], OPTIONS)
    assert recording.annotations.empty
    assert recording.metadata["labels"].startswith("none for S01")


def test_the_table_is_found_from_the_folder_of_raw_data_too(study):
    assert len(read(find(study / "Raw_data", OPTIONS)[1], OPTIONS).annotations) == 3


def test_tasks_stay_empty_where_the_runs_are_not_the_protocols(study):
    annotations = read(find(study, Options())[1], Options()).annotations
    assert annotations["task"].tolist() == [""] * 3


def test_a_missing_second_ends_a_run(study):
    write_table(study, [(9, 20, 0), (35, 20, 0), (55, 10, 1)])
    annotations = read(find(study, OPTIONS)[1], OPTIONS).annotations
    assert annotations["onset_s"].tolist() == [9, 35, 55]
    assert annotations["label"].tolist() == ["baseline", "baseline", "stress"]


def test_an_id_of_another_form_takes_nobodys_labels(study):
    write_folder(study / "Raw_data" / "visit2")
    recording = read(find(study, OPTIONS)[2], OPTIONS)
    assert (recording.recording_id, len(recording.annotations)) == ("visit2", 0)


def test_tags_are_metadata_in_seconds_from_the_start(study):
    assert only(study / "Raw_data" / "S02").metadata["tags_s"] == [30.0, 90.0]


def test_sources_name_every_file_that_a_recording_depends_on(study):
    source = find(study, OPTIONS)[1]
    names = {Path(path).name for path in source.companions}
    assert source.recording_id == "S02"
    assert {
        "BVP.csv",
        "ACC.csv",
        "tags_S02.csv",
        "Improved_All_Combined_hr_rsp_binary.csv",
    } <= names


def test_a_zip_reads_like_its_folder(tmp_path):
    write_zip(tmp_path / "S2_E4_Data.zip")
    zipped, folder = only(tmp_path), only(write_folder(tmp_path / "f" / "S2"))
    assert zipped.recording_id == "S2_E4_Data"
    for channel in folder.channels:
        np.testing.assert_array_equal(zipped.channel(channel.name).data, channel.data)
    assert only(tmp_path / "S2_E4_Data.zip").channel_names == folder.channel_names


def test_folders_of_one_name_get_their_path_as_id(tmp_path):
    for person in ("P1", "P2"):
        write_folder(tmp_path / person / "visit 1")
    sources = find(tmp_path, OPTIONS)
    assert [source.recording_id for source in sources] == ["P1__visit_1", "P2__visit_1"]
    by_person = Options(subject_pattern=r"(P\d+)_")
    assert [read(source, by_person).subject_id for source in sources] == ["P1", "P2"]


def test_a_subject_pattern_that_does_not_fit_is_refused(tmp_path):
    write_folder(tmp_path / "S02")
    with pytest.raises(RecordingError, match="names no subject"):
        only(tmp_path, Options(subject_pattern=r"(P\d+)"))


def test_two_recordings_of_one_id_are_refused(tmp_path):
    for name in ("a b", "a_b"):
        write_folder(tmp_path / name)
    with pytest.raises(RecordingError, match="both be called 'a_b'"):
        find(tmp_path, OPTIONS)


def test_it_survives_storage(study, tmp_path):
    recording = read(find(study, OPTIONS)[1], OPTIONS)
    write_recording(tmp_path / "r.h5", recording)
    back = read_recording(tmp_path / "r.h5")
    assert back.channel_names == recording.channel_names
    assert back.annotations.equals(recording.annotations)


def test_a_simulated_folder_is_marked(study):
    assert only(study / "Raw_data" / "S02").data_source == "real"
    mark_as_simulated(study, "wearable")
    assert only(study / "Raw_data" / "S02").data_source == "simulated"


# --- what is repaired, and said


def test_a_cut_off_last_line_is_left_out_and_reported(tmp_path):
    recording = only(write_folder(tmp_path / "S02", ACC=text("ACC")[:-4]))
    assert recording.problems == ("The last line of ACC.csv is cut off; it was left out.",)
    assert len(recording.channel("ACC x").data) == LENGTH_S * 32 - 1


def test_acceleration_already_in_g_is_not_scaled_and_reported(tmp_path):
    in_g = text("ACC", values=samples("ACC") / 64)
    recording = only(write_folder(tmp_path / "S02", ACC=in_g))
    assert recording.channel("ACC z").data[0] == pytest.approx(63 / 64)
    assert "in g rather than 1/64 g" in recording.problems[0]


def test_an_empty_heart_rate_and_absent_files_are_reported(tmp_path):
    folder = write_folder(tmp_path / "S02", files=("BVP", "EDA", "HR"), HR="")
    recording = only(folder)
    assert recording.channel_names == ["BVP", "EDA"]
    assert recording.problems == (
        "HR.csv holds no samples; its channel is missing.",
        "There is no TEMP.csv in S02; its channel is missing.",
        "There is no ACC.csv in S02; its channel is missing.",
    )


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path, end):
    folder = write_folder(tmp_path / "S02", EDA="\ufeff" + text("EDA", end=end) + end + end)
    recording = only(folder)
    assert recording.problems == ()
    assert len(recording.channel("EDA").data) == LENGTH_S * 4


# --- what is refused, by name


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("BVP", "", r"BVP\.csv: holds no samples"),
        ("BVP", "1644227574.0\n64.0\n", r"BVP\.csv: holds no samples"),
        ("BVP", "soon\n64\n1\n2\n", r"start time \(line 1\) is 'soon'"),
        ("EDA", "1644227574\n-4\n1\n2\n", r"sampling rate \(line 2\) is '-4'"),
        ("EDA", "1644227574\n0\n1\n2\n", "not a number above 0"),
        ("EDA", "1644227574\nnan\n1\n2\n", "not a number above 0"),
        ("EDA", "1644227574\n4\n1\nx\n2\n", r"EDA\.csv: line 4 is 'x'"),
        ("EDA", "1644227574\n4\n1\ninf\n2\n", "line 4 is 'inf'"),
        ("EDA", "1644227574\n4\n1\n\n2\n", "line 4 is ''"),
        ("EDA", "1644227574\n4\n1,2\n2,2\n", r"line 3 is '1,2', not 1 number"),
        ("ACC", "1,1,1\n32,32,32\n1,2\n1,2\n", r"line 3 is '1,2', not 3 number"),
        ("ACC", "1,2,3\n32,32,32\n1,2,3\n1,2,3\n", "start time"),
        ("TEMP", "1644227574\n4\n300\n300\n", "beyond the sensor's -45 to 125"),
        ("EDA", "1644227574\n4\n5000\n5000\n", "beyond the sensor's"),
        ("ACC", "1,1,1\n32,32,32\n9000,0,0\n9000,0,0\n", "beyond the sensor's -8 to 8"),
    ],
)
def test_a_file_that_cannot_be_believed_is_named(tmp_path, name, content, reason):
    folder = write_folder(tmp_path / "S02", **{name: content})
    with pytest.raises(RecordingError, match=reason) as caught:
        only(folder)
    assert f"S02/{name}.csv" in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    folder = write_folder(tmp_path / "S02")
    (folder / "BVP.csv").write_bytes(b"\xff\xfe\x00\x80" * 100)
    with pytest.raises(RecordingError, match=r"BVP\.csv: is not a text file"):
        only(folder)


def test_files_of_different_days_are_refused(tmp_path):
    folder = write_folder(tmp_path / "S02", EDA=text("EDA", start=START + 86400))
    with pytest.raises(RecordingError, match="EDA starts at 86400 s, after the end of"):
        only(folder)


def test_a_folder_without_recordings_is_refused(tmp_path):
    (tmp_path / "notes.csv").write_text("1,2\n")
    with pytest.raises(RecordingError, match=r"no E4 recording here.*BVP\.csv"):
        find(tmp_path, OPTIONS)


def test_a_folder_with_a_heart_rate_alone_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="no E4 signal here"):
        only(write_folder(tmp_path / "S02", files=("HR",)))


def test_an_absent_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="neither a folder nor a zip"):
        read(Source("S02", str(tmp_path / "S02")), OPTIONS)


def test_a_broken_zip_is_found_and_refused_when_read(tmp_path):
    path = write_zip(tmp_path / "S2_E4_Data.zip")
    path.write_bytes(path.read_bytes()[:2000])
    (source,) = find(tmp_path, OPTIONS)
    with pytest.raises(RecordingError, match=r"S2_E4_Data\.zip: neither a folder nor a zip"):
        read(source, OPTIONS)


def test_a_damaged_member_of_a_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "S2_E4_Data.zip")
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    path.write_bytes(bytes(data))
    with pytest.raises(RecordingError, match=r"S2_E4_Data\.zip/BVP\.csv: cannot be read"):
        only(tmp_path)


def test_a_zip_of_something_else_is_passed_over(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.txt", "hello")
    write_folder(tmp_path / "S02")
    assert [source.recording_id for source in find(tmp_path, OPTIONS)] == ["S02"]


def test_a_zip_of_several_recordings_is_refused(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("S1", "S2"):
            archive.writestr(f"{name}/BVP.csv", text("BVP"))
    with pytest.raises(RecordingError, match="holds 2 recordings; unpack it first"):
        find(tmp_path, OPTIONS)


def test_a_member_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    write_zip(tmp_path / "S2_E4_Data.zip")
    monkeypatch.setattr("epochal.readers.e4_files.MAX_BYTES", 1000)
    with pytest.raises(RecordingError, match="too large for an E4 file"):
        only(tmp_path)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["Participant,HR", "2,70"], r"no column \['Time\(sec\)', 'Label'\]"),
        (["Participant,Time(sec),Label", f"2,{START},5"], "unknown label 5"),
        (["Participant,Time(sec),Label", f"2,{START},"], "unknown label nan"),
        (["Participant,Time(sec),Label", f"2,{START},calm"], "not all numbers"),
        (["Participant,Time(sec),Label", f"2,{START},0", f"2,{START},0"], "do not increase"),
        (["Participant,Time(sec),Label", "2,1000,0"], "outside the recording"),
        (["Participant,Time(sec),Label", '2,"1000'], "not a table of labels"),
    ],
)
def test_a_table_that_cannot_be_believed_is_named(study, rows, reason):
    write_table(study, rows=rows)
    with pytest.raises(RecordingError, match=reason) as caught:
        read(find(study, OPTIONS)[1], OPTIONS)
    assert "Improved_All_Combined" in str(caught.value)


def test_a_table_asked_for_by_name_must_exist(study):
    with pytest.raises(RecordingError, match=r"mine\.csv: no such table of labels"):
        find(study, Options(labels_table="mine.csv"))


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.text(max_size=60) | st.from_regex(r"\A\d{1,3}\n\d\n([\d.,-]{0,5}\n){0,5}\Z"))
def test_any_text_is_read_or_refused_by_name(tmp_path, content):
    folder = tmp_path / "S02"
    folder.mkdir(exist_ok=True)
    (folder / "EDA.csv").write_text(content, encoding="utf-8")
    try:
        recording = read(Source("S02", str(folder)), OPTIONS)
    except RecordingError as error:
        recording = None
        assert "S02" in str(error)
    assert recording is None or np.isfinite(recording.channel("EDA").data).all()


def test_a_recording_is_known_by_its_signals_and_by_nothing_beside_them(tmp_path):
    folder = write_folder(tmp_path / "S02")
    before = signal_checksum(folder)
    (folder / "note.txt").write_text("a bad night before")
    (folder / "IBI.csv").unlink()
    (folder / "tags_S02.csv").write_text("")
    assert signal_checksum(folder) == before
    (folder / "EDA.csv").write_text(text("EDA", start=START + 1))
    assert signal_checksum(folder) != before


def test_a_zip_is_known_as_its_folder_is(tmp_path):
    folder, archive = write_folder(tmp_path / "S02"), write_zip(tmp_path / "S02.zip")
    assert signal_checksum(archive) == signal_checksum(folder)
    changed = write_zip(tmp_path / "S03.zip", HR=text("HR", start=START + 1))
    assert signal_checksum(changed) != signal_checksum(folder)


# --- real recordings


@pytest.fixture(scope="module")
def stress_predict():
    folder = Path(os.environ.get("EPOCHAL_DATA", "")) / "stress_predict"
    if not os.environ.get("EPOCHAL_DATA") or not folder.is_dir():
        pytest.skip("EPOCHAL_DATA does not hold stress_predict")
    return folder


def test_stress_predict_has_28_recordings_of_which_27_labelled(stress_predict):
    sources = find(stress_predict, Options())
    assert len(sources) == 28
    assert [source.recording_id for source in sources[:3]] == ["S01", "S02", "S03"]
    assert read(sources[0], Options()).annotations.empty


def test_the_first_labelled_subject_went_through_the_whole_protocol(stress_predict):
    recording = read(find(stress_predict, Options())[1], Options())
    assert recording.problems == ()
    assert recording.annotations["task"].tolist() == list(Options().tasks)
    assert recording.annotations["label"].tolist()[:2] == ["baseline", "stress"]
    assert recording.annotations["onset_s"].tolist()[:2] == [9.0, 622.0]
    norm = np.sqrt(sum(recording.channel(f"ACC {axis}").data ** 2 for axis in "xyz"))
    assert np.median(norm) == pytest.approx(1.0, abs=0.05)


def test_the_shipped_stress_bundle_knows_those_that_it_was_trained_on(stress_predict):
    known = set(read_manifest(SHIPPED / "stress").training_recordings)
    folders = [Path(source.path) for source in find(stress_predict, Options())]
    assert sum(signal_checksum(folder) in known for folder in folders) == len(known) == 27
