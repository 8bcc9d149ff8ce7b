"""The HDF5 dataset of recordings in the catalog."""

import numpy as np

from epochal.datasets.recording_dataset import RecordingDataset
from epochal.recording import Channel, Recording


def test_a_recording_comes_back_as_it_was_saved(tmp_path):
    signal = np.arange(10, dtype=np.float32)
    dataset = RecordingDataset(filepath=str(tmp_path / "r.h5"))
    dataset.save(Recording("r", "s", (Channel("EEG", "uV", 5.0, signal),)))
    loaded = dataset.load()
    np.testing.assert_array_equal(loaded.channel("EEG").data, signal)
    assert loaded.runs == ((0.0, 2.0),)
    assert "r.h5" in str(dataset)
