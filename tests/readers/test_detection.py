import h5py
import hms_files
import made_e4
import numpy as np
import pandas as pd
import pytest
import scipy.io

from builders import make_recording, sine, write_edf
from epochal.errors import RecordingError
from epochal.readers.detection import columns_of, detect_reader, is_stored, list_sources
from epochal.recording import write_recording


def touch(path, content=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("night.edf", "edf"),
        ("night.BDF", "edf"),
        ("SC4001E0-PSG.edf", "sleep_edfx"),
        ("ST7011J0-PSG.edf", "sleep_edfx"),
        ("a.vhdr", "mne"),
        ("S2_E4_Data.zip", "e4"),
        ("S2.pkl", "wesad"),
        ("X_train.h5", "slow_oscillation"),
    ],
)
def test_a_files_name_tells_its_reader(tmp_path, name, expected):
    assert detect_reader(touch(tmp_path / name)) == expected


def test_what_scoring_wrote_beside_an_edf_makes_no_rodent_of_it(tmp_path):
    (tmp_path / "night.json").write_text('{"training_data_source": "real"}')
    assert detect_reader(touch(tmp_path / "night.edf")) == "edf"


def test_an_edf_with_a_side_file_is_of_a_rodent(tmp_path):
    touch(tmp_path / "m1.json", "{}")
    assert detect_reader(touch(tmp_path / "m1.edf")) == "rodent"


def test_a_hypnogram_is_no_recording(tmp_path):
    with pytest.raises(RecordingError, match=r"a hypnogram: name the \*-PSG\.edf"):
        detect_reader(touch(tmp_path / "SC4001EC-Hypnogram.edf"))


@pytest.mark.parametrize(("variable", "expected"), [("seg", "irr"), ("seg_10sec", "irr"),
                                                    ("EEG", "rodent")])  # fmt: skip
def test_a_mat_files_variables_tell_its_reader(tmp_path, variable, expected):
    scipy.io.savemat(tmp_path / "a.mat", {variable: np.ones((20, 50))})
    assert detect_reader(tmp_path / "a.mat") == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("recording,path,labels", "file_table"),
        ("spectrogram_id,eeg_id,patient_id", "hms"),
        ("subject,stage,delta,theta", "feature_table"),
    ],
)
def test_a_tables_columns_tell_its_reader(tmp_path, header, expected):
    assert detect_reader(touch(tmp_path / "t.csv", header + "\n")) == expected


def test_a_parquet_of_the_hms_channels_is_an_eeg(tmp_path):
    hms_files.eeg(10).to_parquet(tmp_path / "7.parquet")
    assert detect_reader(tmp_path / "7.parquet") == "hms"


def test_one_file_of_an_e4_recording_points_to_its_folder(tmp_path):
    made_e4.write_folder(tmp_path / "S1")
    for name in ("BVP.csv", "IBI.csv"):
        with pytest.raises(RecordingError, match="one file of an E4 recording: name its folder"):
            detect_reader(tmp_path / "S1" / name)
    assert detect_reader(tmp_path / "S1") == detect_reader(tmp_path) == "e4"


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("recordings.tsv", "file_table"),
        ("sub-01/eeg/sub-01_task-sleep_eeg.edf", "bids"),
        ("train_eegs/7.parquet", "hms"),
        ("X_train.h5", "slow_oscillation"),
        ("S2/S2.pkl", "wesad"),
        ("sleep-cassette/SC4001E0-PSG.edf", "sleep_edfx"),
        ("m1_labels.csv", "rodent"),
        ("m1_events.tsv", "rodent"),
        ("2024/n1.edf", "edf"),
        ("S2.zip", "e4"),
    ],
)
def test_what_is_in_a_folder_tells_its_reader(tmp_path, inside, expected):
    touch(tmp_path / inside)
    assert detect_reader(tmp_path) == expected


def test_a_folder_of_nothing_known_is_refused_with_what_it_has(tmp_path):
    touch(tmp_path / "notes.docx")
    with pytest.raises(RecordingError, match=r"no recording that any reader knows.*notes\.docx"):
        detect_reader(tmp_path)


def test_what_is_no_table_is_refused(tmp_path):
    for name in ("t.parquet", "t.csv"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00nonsense")
        with pytest.raises(RecordingError, match="not a readable table"):
            columns_of(tmp_path / name)


def test_a_stored_recording_is_told_from_rows(tmp_path):
    write_recording(tmp_path / "r.h5", make_recording())
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("features", data=np.ones((2, 1261)))
    assert is_stored(tmp_path / "r.h5")
    assert not is_stored(tmp_path / "x.h5")
    assert not is_stored(touch(tmp_path / "y.h5", "no"))


def test_a_file_comes_with_what_lies_beside_it(tmp_path):
    write_edf(tmp_path / "SC4001E0-PSG.edf", {"EEG": sine(10.0)})
    touch(tmp_path / "SC4001EC-Hypnogram.edf")
    touch(tmp_path / "SC4011E0-PSG.edf")
    (source,), _ = list_sources(tmp_path / "SC4001E0-PSG.edf", "sleep_edfx")
    assert source.recording_id == "SC4001E0"
    assert source.companions == (str(tmp_path / "SC4001EC-Hypnogram.edf"),)


def test_a_file_alone_is_a_recording_of_a_safe_name(tmp_path):
    (source,), _ = list_sources(tmp_path / "my night.edf", "edf")
    assert source == ("my_night", str(tmp_path / "my night.edf"), ())


@pytest.mark.parametrize("session", ["", "ses-1/"])
def test_a_bids_recording_finds_its_events(tmp_path, session):
    touch(tmp_path / f"sub-01/{session}eeg/sub-01_events.tsv")
    path = touch(tmp_path / f"sub-01/{session}eeg/sub-01_eeg.edf")
    assert detect_reader(path) == "bids"
    (source,), _ = list_sources(path, "bids")
    assert source.companions == (str(path.with_name("sub-01_events.tsv")),)


@pytest.mark.parametrize("part", ["train", "test"])
def test_an_hms_eeg_finds_the_table_of_its_part(tmp_path, part):
    hms_files.save(tmp_path, [hms_files.row()], eegs={7: hms_files.eeg()},
                   spectrograms={70: hms_files.spectrogram()}, part=part)  # fmt: skip
    (source,), options = list_sources(tmp_path / f"{part}_eegs/7.parquet", "hms")
    assert (source.recording_id, options.part) == ("7", part)
    assert list_sources(tmp_path / f"{part}.csv", "hms")[0] == [source]


def test_a_table_read_by_its_columns_keeps_their_order(tmp_path):
    frame = pd.DataFrame({"b": [1], "a": [2]})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    assert columns_of(tmp_path / "t.parquet") == columns_of(tmp_path / "t.tsv") == ["b", "a"]
