import hashlib

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import EpochalError, RecordingError
from epochal.readers.slow_oscillation_files import METADATA_COLUMNS, N_SAMPLES
from epochal.run_directory import rows as module
from epochal.run_directory.rows import (
    H5Rows,
    check_columns,
    describe_file,
    hash_rows,
    read_inputs,
    read_row_labels,
)
from run_directory.small_runs import data, write_rows

N_ROWS = 23


@pytest.fixture
def counted(tmp_path):
    """Rows of which every value says its row and column."""
    rows = np.arange(N_ROWS)[:, None] * 10_000 + np.arange(11 + N_SAMPLES)
    return H5Rows(write_rows(tmp_path / "X.h5", rows.astype(np.float32)), "features")


@pytest.mark.slow
@given(wanted=st.lists(st.integers(0, N_ROWS - 1), max_size=40))
def test_rows_are_taken_in_the_order_in_which_they_are_asked_for(wanted, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "taken.h5"
    if not path.exists():
        rows = np.arange(N_ROWS)[:, None] * 10_000 + np.arange(11 + N_SAMPLES)
        write_rows(path, rows.astype(np.float32))
    taken = H5Rows(path, "features").take(np.array(wanted, dtype=int))
    assert taken.shape == (len(wanted), 1, N_SAMPLES)
    assert (taken[:, 0, 0] == np.array(wanted) * 10_000 + 11).all()
    assert (taken[:, 0, -1] == np.array(wanted) * 10_000 + 11 + N_SAMPLES - 1).all()


def test_rows_are_taken_in_pieces_as_they_are_in_one(counted, monkeypatch):
    wanted = np.array([22, 0, 5, 5, 13, 1])
    whole = counted.take(wanted)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 4)
    assert np.array_equal(counted.take(wanted), whole)


def test_windows_are_shortened_as_they_are_read(counted):
    whole = counted.take(np.arange(4))
    assert counted.take(np.arange(4), downsample=5)[:, 0] == pytest.approx(
        whole.reshape(4, 250, 5).mean(axis=2)
    )


def test_there_are_121_features_of_a_row():
    features = H5Rows(data() / "X_train.h5", "features").features(0, 6)
    assert features.shape == (6, 121)
    assert list(features)[:11] == list(METADATA_COLUMNS)
    assert sum(name.startswith("eeg_haar_") for name in features) == 40
    assert sum(name.startswith("eeg_db4_") for name in features) == 70


@pytest.mark.parametrize("chunk_size", [1, 7, 100])
def test_the_features_of_all_rows_do_not_depend_on_the_chunk(chunk_size, tmp_path):
    rows = h5py.File(data() / "X_train.h5")["features"][:10]
    h5 = H5Rows(write_rows(tmp_path / "X.h5", rows), "features")
    pd.testing.assert_frame_equal(h5.all_features(chunk_size), h5.features(0, 10))


def test_equal_rows_have_equal_hashes_and_others_have_not():
    rows = np.random.default_rng(0).normal(size=(50, 7))
    hashes = hash_rows(rows)
    assert np.unique(hashes).size == 50
    assert np.array_equal(hash_rows(rows[::-1]), hashes[::-1])
    changed = rows.copy()
    changed[3, 2] += 1e-3
    assert (hash_rows(changed) != hashes).nonzero()[0].tolist() == [3]


def test_a_csv_that_was_written_anew_has_the_same_hashes(tmp_path):
    path = data() / "X_train_merged.csv"
    table = pd.read_csv(path)
    table[table.columns[::-1]].to_csv(tmp_path / "X.csv", index=False)
    one, two = (
        read_inputs(p, None, key="features", drop_columns=("id",)).hashes()["csv"]
        for p in (path, tmp_path / "X.csv")
    )
    assert np.array_equal(one, two)


def test_a_csv_without_ids_counts_its_rows(tmp_path):
    pd.DataFrame({"a": [1.0, 2.0]}).to_csv(tmp_path / "X.csv", index=False)
    rows = read_inputs(tmp_path / "X.csv", None, key="features", drop_columns=())
    assert rows.ids.tolist() == [0, 1]
    assert rows.data_source == "real"


def test_one_simulated_file_makes_all_simulated(tmp_path):
    pd.DataFrame({"a": np.zeros(180)}).to_csv(tmp_path / "X.csv", index=False)
    given_h5 = data() / "X_train.h5"
    rows = read_inputs(tmp_path / "X.csv", given_h5, key="features", drop_columns=())
    assert rows.data_source == "simulated"


def test_a_table_without_a_row_is_refused(tmp_path):
    (tmp_path / "X.csv").write_text("id,a\n")
    with pytest.raises(RecordingError):
        read_inputs(tmp_path / "X.csv", None, key="features", drop_columns=("id",))


def test_labels_follow_the_ids(tmp_path):
    pd.DataFrame({"id": [7, 3], "label": [2, 0]}).to_csv(tmp_path / "y.csv", index=False)
    assert read_row_labels(tmp_path / "y.csv", np.array([3, 7])).tolist() == ["0", "2"]
    with pytest.raises(RecordingError, match="no label for id 4"):
        read_row_labels(tmp_path / "y.csv", np.array([3, 4]))
    with pytest.raises(RecordingError, match="2 labels for 1 rows"):
        read_row_labels(tmp_path / "y.csv", np.array([3]))


def test_a_file_is_described_without_its_folder(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    described = describe_file(tmp_path / "a.csv", 3)
    assert (described.name, described.n_rows) == ("a.csv", 3)
    assert described.sha256 == hashlib.sha256(b"x").hexdigest()


def test_columns_that_are_missing_are_counted():
    with pytest.raises(EpochalError, match=r"X\.csv: no column 'b' and 1 more"):
        check_columns(pd.DataFrame({"a": [1]}), ["a", "b", "c"], "X.csv")
    check_columns(pd.DataFrame({"a": [1], "z": [1]}), ["a"], "X.csv")
