from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from epochal.datasets.inputs_dataset import InputsDataset
from epochal.epoch_inputs import EpochInputs, InputStore, gather_inputs, read_inputs, write_inputs
from epochal.errors import RecordingError
from window_cohort import make_inputs


@pytest.fixture
def stored(tmp_path) -> Path:
    path = tmp_path / "r1.h5"
    write_inputs(path, make_inputs(1, site="Basel"))
    return path


def test_what_is_written_is_read_back(stored):
    made, found = make_inputs(1, site="Basel"), read_inputs(stored)
    np.testing.assert_array_equal(found.arrays["signal"], made.arrays["signal"])
    for name in ("epoch", "run", "known"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    assert (found.sfreq, found.channels, found.site) == (50.0, ("EEG", "EMG"), "Basel")


def test_windows_stay_in_the_file_until_they_are_used(stored):
    assert isinstance(read_inputs(stored).arrays["signal"], np.memmap)


def test_any_hdf5_tool_reads_the_file(stored):
    with h5py.File(stored) as file:
        assert file["arrays/signal"].shape == (24, 2, 100)
        assert list(file.attrs["channels"]) == ["EEG", "EMG"]


def test_a_recording_without_epochs_is_stored_too(tmp_path):
    none = make_inputs(1).take(np.zeros(24, dtype=bool))
    write_inputs(tmp_path / "none.h5", none)
    found = read_inputs(tmp_path / "none.h5")
    assert len(found) == 0
    assert found.arrays["signal"].shape == (0, 2, 100)
    assert found.stretches() == []


@pytest.mark.parametrize("content", [b"", b"not HDF5"])
def test_another_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "bad.h5").write_bytes(content)
    with pytest.raises(RecordingError, match="not the inputs of a network"):
        read_inputs(tmp_path / "bad.h5")


def test_a_stretch_ends_at_a_gap_and_at_a_missing_epoch():
    inputs = EpochInputs(
        {}, epoch=np.array([0, 1, 2, 5, 6, 7]), run=np.array([0, 0, 0, 0, 1, 1]), known=np.ones(6)
    )
    assert inputs.stretches() == [(0, 3), (3, 4), (4, 6)]


def test_some_epochs_can_be_taken():
    some = make_inputs(1).take(np.arange(24) > 20)
    assert some.epoch.tolist() == [21, 22, 23]
    assert some.arrays["signal"].shape == (3, 2, 100)


def test_a_store_pickles_as_paths_not_as_windows(stored):
    store = InputStore({"r1": str(stored)}, key="k")
    assert len(store["r1"]) == 24
    packed = pickle.dumps(store)
    assert len(packed) < 1000
    again = pickle.loads(packed)
    assert list(again) == ["r1"]
    assert len(again["r1"]) == 24


def test_a_recording_without_prepared_windows_is_refused_with_what_to_set():
    with pytest.raises(RecordingError, match=r"r9.*network_inputs"):
        InputStore({})["r9"]


def test_a_cohort_of_other_pieces_has_another_key(stored):
    class Piece:
        def __init__(self, key: str) -> None:
            self.key = key

        def __call__(self) -> Path:
            return stored

    first, same, other = (gather_inputs({"r1": Piece(key)}).key for key in ("a", "a", "b"))
    assert first == same != other


def test_the_dataset_saves_inputs_and_loads_where_they_lie(tmp_path):
    dataset = InputsDataset(filepath=str(tmp_path / "r.h5"))
    dataset.save(make_inputs(2))
    path = dataset.load()
    assert path == tmp_path / "r.h5"
    assert len(read_inputs(path)) == 24
