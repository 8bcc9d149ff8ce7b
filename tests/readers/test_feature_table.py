import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epochal.errors import RecordingError
from epochal.readers.feature_table import Options, find, read


def make_table(**columns):
    """Return two nights of one sleeper, and one of another, three epochs each."""
    table = {
        "recording_id": ["n1"] * 3 + ["n2"] * 3 + ["n3"] * 3,
        "subject_id": ["s1"] * 6 + ["s2"] * 3,
        "row": [5, 6, 7, 0, 1, 3, 0, 1, 2],
        "label": ["W", "N1", None, "N2", "N2", "N3", "W", "W", "REM"],
        "power": np.arange(9.0),
    }
    return pd.DataFrame(table | columns)


@pytest.fixture
def folder(tmp_path):
    make_table().to_parquet(tmp_path / "night.parquet")
    return tmp_path


def open_one(folder, name, **options):
    options = Options(**{"table": "night.parquet", "order": "row"} | options)
    return read(next(s for s in find(folder, options) if s.recording_id == name), options)


def test_every_recording_of_the_table_is_found_once(folder):
    found = find(folder, Options(table="night.parquet"))
    assert [source.recording_id for source in found] == ["n1", "n2", "n3"]
    assert {source.path for source in found} == {str(folder / "night.parquet")}


def test_a_recording_has_its_own_rows_and_its_subject(folder):
    recording = open_one(folder, "n3")
    assert recording.subject_id == "s2"
    assert recording.table["power"].tolist() == [6, 7, 8]
    assert recording.table["label"].tolist() == ["W", "W", "REM"]


def test_only_numbers_are_features_and_what_names_an_epoch_is_none(folder):
    make_table(note="text").to_parquet(folder / "night.parquet")
    columns = open_one(folder, "n1").table.columns.tolist()
    assert columns == ["onset_s", "length_s", "run", "label", "power"]


def test_onsets_follow_the_order_from_the_first_row_on(folder):
    table = open_one(folder, "n1", epoch_s=4.0).table
    assert table["onset_s"].tolist() == [0, 4, 8]
    assert table["length_s"].tolist() == [4, 4, 4]


def test_a_number_left_out_is_a_gap(folder):
    table = open_one(folder, "n2").table
    assert table["run"].tolist() == [0, 0, 1]
    assert table["onset_s"].tolist() == [0, 30, 90]


def test_without_an_order_rows_follow_one_another(folder):
    table = open_one(folder, "n2", order=None).table
    assert table["run"].tolist() == [0, 0, 0]
    assert table["row"].tolist() == [0, 1, 3]  # now a number like any other


def test_a_missing_label_stays_missing(folder):
    assert open_one(folder, "n1").table["label"].tolist() == ["W", "N1", None]


def test_labels_are_mapped_and_an_unknown_one_is_refused_by_name(folder):
    stages = {"W": "wake", "N1": "sleep", "N2": "sleep", "N3": None}
    assert open_one(folder, "n2", stages=stages).table["label"].tolist() == ["sleep", "sleep", None]
    with pytest.raises(RecordingError, match="unknown stage 'REM'"):
        open_one(folder, "n3", stages=stages)


def test_without_subjects_each_recording_is_its_own(folder):
    assert open_one(folder, "n2", subject=None).subject_id == "n2"


def test_without_labels_none_is_said(folder):
    assert open_one(folder, "n1", label=None).table["label"].isna().all()


def test_the_facts_of_a_subject_become_metadata(folder):
    facts = {"subject": ["s1", "s2", "s1"], "age": [33, 50, 33], "sex": ["F", None, "F"]}
    pd.DataFrame(facts).to_csv(folder / "people.csv", index=False)
    assert open_one(folder, "n1", facts="people.csv").metadata == {"age": 33.0, "sex": "F"}
    assert open_one(folder, "n3", facts="people.csv").metadata == {"age": 50.0}


def test_facts_without_the_subjects_column_are_refused(folder):
    pd.DataFrame({"who": ["s1"]}).to_csv(folder / "people.csv", index=False)
    with pytest.raises(RecordingError, match="no column 'subject'"):
        open_one(folder, "n1", facts="people.csv")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"subject_id": ["s1", "s2"] + ["s1"] * 4 + ["s2"] * 3}, "several subjects: s1, s2"),
        ({"row": [5, 5, 7, 0, 1, 3, 0, 1, 2]}, "'row' falls from 5 to 5"),
        ({"power": ["a"] * 9}, "no numeric column"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(folder, columns, reason):
    make_table(**columns).to_parquet(folder / "night.parquet")
    with pytest.raises(RecordingError, match=reason):
        open_one(folder, "n1")


def test_a_missing_column_is_named_with_the_nearest(folder):
    with pytest.raises(RecordingError, match=r"no column 'recording'.*recording_id"):
        find(folder, Options(table="night.parquet", recording="recording"))


def test_two_names_that_make_one_file_name_are_refused(folder):
    names = ["a b"] * 3 + ["a_b"] * 3 + ["c"] * 3
    make_table(recording_id=names).to_parquet(folder / "night.parquet")
    with pytest.raises(RecordingError, match="cannot be told apart"):
        find(folder, Options(table="night.parquet"))


def test_a_missing_or_broken_table_is_named(folder):
    with pytest.raises(RecordingError, match="no such table"):
        find(folder, Options(table="absent.parquet"))
    (folder / "broken.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(RecordingError, match="not a readable parquet file"):
        find(folder, Options(table="broken.parquet"))


def test_a_csv_reads_like_parquet(folder):
    make_table().to_csv(folder / "night.csv", index=False)
    one, other = open_one(folder, "n2"), open_one(folder, "n2", table="night.csv")
    pd.testing.assert_frame_equal(one.table, other.table)


def test_a_changed_table_is_read_again(folder):
    assert open_one(folder, "n1").table["power"].tolist() == [0, 1, 2]
    make_table(power=np.arange(9.0) + 1).to_parquet(folder / "night.parquet")
    os.utime(folder / "night.parquet", (1, 1))
    assert open_one(folder, "n1").table["power"].tolist() == [1, 2, 3]


@pytest.mark.slow
def test_the_real_sleep_table_is_read_whole():
    root = os.environ.get("EPOCHAL_DATA")
    if not root or not (Path(root) / "sleep_edf_features").is_dir():
        pytest.skip("EPOCHAL_DATA does not hold sleep_edf_features")
    options = Options(
        table="sleep_cassette_time_domain.parquet",
        label="stage",
        order="row",
        facts="recordings.csv",
    )
    sources = find(Path(root) / "sleep_edf_features", options)
    assert len(sources) == 127
    recording = read(sources[0], options)
    assert recording.recording_id == "SC4001"
    assert recording.metadata["age"] == 33
    assert len(recording.table.columns) == 4 + 39
