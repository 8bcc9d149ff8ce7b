import tracemalloc

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.errors import RecordingError
from epochal.provenance import mark_as_simulated
from epochal.readers import Source
from epochal.readers.slow_oscillation import Options, find, read
from epochal.readers.slow_oscillation_files import METADATA_COLUMNS
from epochal.recording import read_recording, write_recording

N_ROWS = 25


def rows(n_rows=N_ROWS):
    """Row r holds 10000 r + column."""
    return (10_000 * np.arange(n_rows)[:, None] + np.arange(1261)).astype(np.float64)


def labels(n_rows=N_ROWS):
    return pd.DataFrame({"id": np.arange(n_rows), "label": np.arange(n_rows) % 3})


def save(folder, *, values=None, key="features", y=None, name="X_train.h5"):
    with h5py.File(folder / name, "w") as file:
        file[key] = rows() if values is None else values
    (labels() if y is None else y).to_csv(folder / "y_train_2.csv", index=False)
    return folder


def table(n_rows=N_ROWS):
    return pd.DataFrame(
        {"id": np.arange(n_rows) + 100, "power": np.arange(n_rows) * 0.5, "stage": 2, "label": 1}
    )


def save_table(folder, frame=None, y=None):
    frame = table() if frame is None else frame
    frame.to_csv(folder / "X_train_merged.csv", index=False)
    y = labels().assign(id=np.arange(N_ROWS) + 100) if y is None else y
    y.to_csv(folder / "y_train_2.csv", index=False)
    return folder


def read_all(folder, **options):
    chosen = Options(**options)
    return [read(source, chosen) for source in find(folder, chosen)]


def refuse(folder, match, **options):
    with pytest.raises(RecordingError, match=match):
        read_all(folder, **options)


def test_rows_are_read_as_named_columns_and_ten_seconds_of_eeg(tmp_path):
    (recording,) = read_all(save(tmp_path))
    assert list(recording.table) == ["onset_s", "length_s", "label", *METADATA_COLUMNS]
    assert recording.table["previous_count"].tolist() == [10_000.0 * r for r in range(N_ROWS)]
    assert recording.table["time_in_wake"][2] == 20_010
    windows = recording.arrays["windows"]
    assert windows.shape == (N_ROWS, 1, 1250)
    assert windows.dtype == np.float32
    assert windows[3, 0, 0] == 30_011
    assert windows[3, 0, -1] == 31_260
    assert recording.channels == ()


def test_the_eleven_columns_come_in_the_challenges_order():
    assert METADATA_COLUMNS == (
        "previous_count", "previous_mean_amplitude", "previous_mean_duration",
        "current_amplitude", "current_duration", "sleep_stage", "time_since_sleep_onset",
        "time_in_deep", "time_in_light", "time_in_rem", "time_in_wake",
    )  # fmt: skip


def test_labels_are_classes_in_text(tmp_path):
    (recording,) = read_all(save(tmp_path))
    assert recording.table["label"].tolist()[:4] == ["0", "1", "2", "0"]


def test_labels_go_by_id_not_by_their_order(tmp_path):
    (recording,) = read_all(save(tmp_path, y=labels()[::-1]))
    assert recording.table["label"].tolist()[:4] == ["0", "1", "2", "0"]


def test_a_recording_is_a_block_of_rows_and_its_own_subject(tmp_path):
    recordings = read_all(save(tmp_path), rows_per_recording=10)
    names = ["rows-0000000-0000010", "rows-0000010-0000020", "rows-0000020-0000025"]
    assert [r.recording_id for r in recordings] == names
    assert [r.subject_id for r in recordings] == names
    assert [len(r.table) for r in recordings] == [10, 10, 5]
    assert recordings[1].metadata == {"subjects_known": False, "first_row": 10, "sfreq": 125.0}
    assert recordings[2].table["label"].tolist() == ["2", "0", "1", "2", "0"]
    assert recordings[2].arrays["windows"][0, 0, 0] == 200_011
    assert recordings[2].table["onset_s"].tolist() == [0.0, 10.0, 20.0, 30.0, 40.0]


def test_a_block_of_a_large_file_takes_the_memory_of_the_block(tmp_path):
    n_rows = 20_000
    with h5py.File(tmp_path / "X_train.h5", "w") as file:
        file.create_dataset("features", (n_rows, 1261), dtype=np.float32)  # 101 MB, all zeros
    labels(n_rows).to_csv(tmp_path / "y_train_2.csv", index=False)
    options = Options(rows_per_recording=500)
    sources = find(tmp_path, options)
    assert len(sources) == 40
    tracemalloc.start()
    recording = read(sources[30], options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(recording.table) == 500
    assert peak < 16e6  # 2.5 MB of rows, their copies, and the column of labels


def test_values_that_are_not_finite_are_kept_and_reported(tmp_path):
    values = rows()
    values[2, 500] = np.nan
    values[3, 4] = np.inf
    (recording,) = read_all(save(tmp_path, values=values))
    assert recording.problems == ("2 rows hold values that are not finite.",)
    assert np.isnan(recording.arrays["windows"][2, 0, 489])
    assert np.isinf(recording.table["current_duration"][3])


def test_another_dataset_key_can_be_named(tmp_path):
    save(tmp_path, key="data")
    refuse(tmp_path, r"X_train\.h5: no dataset 'features'; it has: data")
    assert len(read_all(tmp_path, dataset_key="data")) == 1


def test_a_misspelt_key_is_suggested(tmp_path):
    refuse(
        save(tmp_path), r"no dataset 'feature'; did you mean 'features'\?", dataset_key="feature"
    )


def test_without_the_default_labels_rows_are_unlabelled(tmp_path):
    save(tmp_path)
    (tmp_path / "y_train_2.csv").unlink()
    (recording,) = read_all(tmp_path)
    assert recording.table["label"].isna().all()
    refuse(tmp_path, r"y_train_2\.csv: no such file of labels", labels="y_train_2.csv")


def test_labels_can_be_declined(tmp_path):
    (recording,) = read_all(save(tmp_path), labels=None)
    assert recording.table["label"].isna().all()


def test_the_test_rows_are_read_by_naming_their_file(tmp_path):
    save(tmp_path)
    save(tmp_path, name="X_test.h5", values=rows(4))
    (recording,) = read_all(tmp_path, h5="X_test.h5", labels=None)
    assert len(recording.table) == 4


def test_a_table_stands_in_for_the_hdf5_file(tmp_path):
    recordings = read_all(save_table(tmp_path), rows_per_recording=10)
    assert [len(r.table) for r in recordings] == [10, 10, 5]
    second = recordings[1]
    assert list(second.table) == ["onset_s", "length_s", "label", "power", "stage"]
    assert second.table["power"].tolist() == [5.0 + 0.5 * k for k in range(10)]
    assert second.table["label"].tolist()[:3] == ["1", "2", "0"]
    assert second.arrays == {}


def test_a_table_without_ids_is_counted_from_zero(tmp_path):
    save_table(tmp_path, table().drop(columns="id"), labels())
    (recording,) = read_all(tmp_path)
    assert recording.table["label"].tolist()[:3] == ["0", "1", "2"]


def test_the_hdf5_file_comes_before_the_table(tmp_path):
    save_table(tmp_path)
    (recording,) = read_all(save(tmp_path))
    assert "windows" in recording.arrays


def test_a_mark_makes_the_recording_simulated(tmp_path):
    save(tmp_path)
    mark_as_simulated(tmp_path, "a test")
    assert read_all(tmp_path)[0].data_source == "simulated"


def test_a_block_survives_storage(tmp_path):
    recording = read_all(save(tmp_path), rows_per_recording=10)[1]
    write_recording(tmp_path / "one.h5", recording)
    again = read_recording(tmp_path / "one.h5")
    pd.testing.assert_frame_equal(again.table, recording.table, check_dtype=False)
    np.testing.assert_array_equal(again.arrays["windows"][()], recording.arrays["windows"])


@pytest.mark.slow
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(n_rows=st.integers(1, 40), size=st.integers(1, 50))
def test_blocks_hold_every_row_once_and_in_order(tmp_path, n_rows, size):
    save(tmp_path, values=rows(n_rows), y=labels(n_rows))
    recordings = read_all(tmp_path, rows_per_recording=size)
    joined = np.concatenate([r.table["previous_count"] for r in recordings])
    assert joined.tolist() == [10_000.0 * r for r in range(n_rows)]
    given_labels = pd.concat([r.table["label"] for r in recordings])
    assert given_labels.tolist() == [str(r % 3) for r in range(n_rows)]


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path, data):
    path = save(tmp_path, values=rows(2), y=labels(2)) / "X_train.h5"
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, 2000))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    message, n_rows = str(path), 2
    try:
        n_rows = sum(len(recording.table) for recording in read_all(tmp_path))
    except RecordingError as error:
        message = str(error)
    assert message.startswith(str(path)) or "y_train_2.csv: it has 2 labels" in message
    assert n_rows == 2


# What is refused


def test_an_empty_folder_is_refused_by_what_it_lacks(tmp_path):
    refuse(tmp_path, r"neither X_train\.h5 nor X_train_merged\.csv is here; it has: nothing")


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (rows().T, r"has shape \(1261, 25\), not \(N, 1261\) \(it is transposed\)"),
        (rows()[:, :1250], r"has shape \(25, 1250\), not \(N, 1261\)"),
        (rows()[0], r"has shape \(1261,\), not"),
        (np.array([[b"x"] * 1261]), "holds |S1 values, not numbers"),
        (rows()[:0], "it has no rows"),
    ],
)
def test_a_dataset_of_another_shape_is_named(tmp_path, values, match):
    refuse(save(tmp_path, values=values), match)


def test_a_group_in_place_of_the_dataset_is_refused(tmp_path):
    refuse(save(tmp_path, key="features/train"), "no dataset 'features'")


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (labels(24), r"it has 24 labels; X_train\.h5 has 25 rows"),
        (labels().assign(label=3), "id 0: label '3' is none of 0, 1, 2"),
        (labels().assign(label="high"), "id 0: label 'high' is none of"),
        (labels().assign(label=np.nan), "id 0.*: label 'nan' is none of"),
        (labels().assign(id=0), "id 0 comes twice"),
        (labels().assign(id=labels()["id"] + 1), "no label for id 0"),
        (labels().rename(columns={"label": "labels"}), r"no column 'label'"),
        (labels().rename(columns={"id": "row"}), r"no column 'id'"),
    ],
)
def test_labels_that_do_not_fit_are_named(tmp_path, y, match):
    refuse(save(tmp_path, y=y), rf"y_train_2\.csv: .*{match}|y_train_2\.csv: {match}")


@pytest.mark.parametrize(
    ("frame", "match"),
    [
        (table().assign(stage="deep"), "column 'stage' holds something else than numbers"),
        (table()[["id", "label"]], "no feature column; it has: id, label"),
    ],
)
def test_a_table_without_numbers_is_refused(tmp_path, frame, match):
    refuse(save_table(tmp_path, frame), match)


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_file_that_is_not_hdf5_is_named(tmp_path, content):
    (tmp_path / "X_train.h5").write_bytes(content)
    refuse(tmp_path, r"X_train\.h5: not a readable HDF5 file")


def test_a_truncated_file_is_named(tmp_path):
    path = save(tmp_path) / "X_train.h5"
    path.write_bytes(path.read_bytes()[:100_000])
    refuse(tmp_path, r"X_train\.h5: not a readable HDF5 file")


@pytest.mark.parametrize("content", [b"", b"id,label\n1,2,3\n4,5,6,7\n"])
def test_a_broken_file_of_labels_is_named(tmp_path, content):
    save(tmp_path)
    (tmp_path / "y_train_2.csv").write_bytes(content)
    refuse(tmp_path, r"y_train_2\.csv: ")


def test_rows_that_have_gone_are_refused(tmp_path):
    sources = find(save(tmp_path), Options())
    save(tmp_path, values=rows(20))
    with pytest.raises(RecordingError, match="rows 0 to 25 were asked for; it has 20"):
        read(sources[0], Options())


def test_an_id_that_is_no_block_is_refused(tmp_path):
    source = Source("night-1", str(save(tmp_path) / "X_train.h5"))
    with pytest.raises(RecordingError, match="'night-1' is not rows-<first>-<end>"):
        read(source, Options())
