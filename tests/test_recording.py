from datetime import UTC, datetime

import h5py
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import arrays

from builders import make_annotations, make_channel, make_recording, sine
from epochal.errors import RecordingError
from epochal.recording import (
    ANNOTATION_COLUMNS,
    Channel,
    Recording,
    StoredSignal,
    no_annotations,
    read_recording,
    write_recording,
)

anything = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
floats = st.floats(width=32, allow_nan=True, allow_infinity=False)


def round_trip(recording, path):
    write_recording(path, recording)
    return read_recording(path)


def full_recording():
    return Recording(
        "SC4001",
        "SC400",
        channels=(
            make_channel("EEG Fpz-Cz"),
            make_channel("EMG", np.arange(100), sfreq=1.0, unit="µV", start_s=2.5),
        ),
        start=datetime(1989, 4, 24, 16, 13, tzinfo=UTC),
        annotations=make_annotations("W", "N2").assign(task=["relax", "sleep"]),
        runs=((0.0, 40.0), (55.5, 120.0)),
        metadata={"age": 33.0, "sex": "F", "lights_off_s": 60.0},
        problems=("physical minimum and maximum were swapped",),
        data_source="simulated",
        arrays={"windows": np.arange(24.0).reshape(2, 3, 4)},
        table=pd.DataFrame({"label": ["0", "1"], "vote_a": [1.0, 3.0], "n": [1, 2]}),
    )


def test_a_recording_comes_back_from_its_file_with_all_that_it_held(tmp_path):
    given = full_recording()
    found = round_trip(given, tmp_path / "a.h5")
    for name in ("recording_id", "subject_id", "start", "runs", "problems", "data_source"):
        assert getattr(found, name) == getattr(given, name)
    assert found.metadata == given.metadata
    assert found.channel_names == given.channel_names
    pd.testing.assert_frame_equal(found.annotations, given.annotations, check_dtype=False)
    pd.testing.assert_frame_equal(found.table, given.table, check_dtype=False)
    assert np.array_equal(found.arrays["windows"], given.arrays["windows"])
    for one, other in zip(found.channels, given.channels, strict=True):
        assert (one.name, one.unit, one.sfreq, one.start_s) == (
            other.name, other.unit, other.sfreq, other.start_s,
        )  # fmt: skip
        assert np.array_equal(np.asarray(one.data), other.data)


@pytest.mark.slow
@anything
@given(data=arrays(np.float32, st.integers(0, 40), elements=floats))
def test_samples_come_back_exactly(tmp_path, data):
    recording = make_recording(Channel("EEG", "uV", 100.0, data), runs=((0.0, 1.0),))
    found = round_trip(recording, tmp_path / "a.h5").channel("EEG")
    assert np.array_equal(np.asarray(found.data), data, equal_nan=True)
    assert np.asarray(found.data).dtype == np.float32


@pytest.mark.slow
@anything
@given(
    labels=st.lists(
        st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1))),
        max_size=6,
    ),
    age=st.one_of(st.none(), st.floats(0, 120), st.integers(0, 120)),
)
def test_any_text_and_any_gap_in_it_come_back(tmp_path, labels, age):
    table = pd.DataFrame({"label": pd.Series(labels, dtype=object), "n": range(len(labels))})
    recording = make_recording(table=table, metadata={"age": age})
    found = round_trip(recording, tmp_path / "a.h5")
    assert found.table["label"].isna().tolist() == [label is None for label in labels]
    assert found.table["label"].dropna().tolist() == [
        label for label in labels if label is not None
    ]
    assert list(found.table["n"]) == list(range(len(labels)))
    assert found.metadata == {"age": age}


def test_a_label_that_nobody_gave_stays_null(tmp_path):
    annotations = make_annotations("W", "N2").assign(task=["relax", pd.NA])
    found = round_trip(make_recording(annotations=annotations), tmp_path / "a.h5")
    assert found.annotations["task"].isna().tolist() == [False, True]
    again = round_trip(found, tmp_path / "b.h5")
    assert again.annotations["task"].isna().tolist() == [False, True]


def test_samples_are_read_only_when_they_are_asked_for(tmp_path):
    recording = round_trip(make_recording(), tmp_path / "a.h5")
    stored = recording.channel("EEG").data
    assert isinstance(stored, StoredSignal)
    assert len(stored) == stored.shape[0] == 12000
    assert stored.dtype == np.float32
    assert recording.duration_s == recording.channel("EEG").end_s == 120.0
    (tmp_path / "a.h5").unlink()
    with pytest.raises(FileNotFoundError):
        np.asarray(stored)


def test_a_slice_of_a_stored_signal_is_the_slice_of_its_samples(tmp_path):
    data = sine(10.0)
    recording = round_trip(make_recording(make_channel(data=data)), tmp_path / "a.h5")
    stored = recording.channel("EEG").data
    assert np.array_equal(stored[100:200], data[100:200])
    assert stored[7] == data[7]
    assert np.array_equal(np.asarray(stored, dtype=np.float64), data.astype(np.float64))


def test_a_stored_recording_can_be_written_again(tmp_path):
    first = round_trip(full_recording(), tmp_path / "a.h5")
    second = round_trip(first, tmp_path / "b.h5")
    (tmp_path / "a.h5").unlink()
    assert np.array_equal(np.asarray(second.channel("EMG").data), np.arange(100))


def test_eleven_channels_keep_their_order(tmp_path):
    channels = [make_channel(f"c{index}", [index] * 3) for index in range(11)]
    found = round_trip(make_recording(*channels), tmp_path / "a.h5")
    assert found.channel_names == [f"c{index}" for index in range(11)]
    assert [float(channel.data[0]) for channel in found.channels] == list(range(11))


def test_a_recording_of_nothing_but_a_table_comes_back(tmp_path):
    given = Recording("r", "s", table=pd.DataFrame({"x": [1.0, np.nan]}))
    found = round_trip(given, tmp_path / "a.h5")
    assert (found.channels, found.runs, found.duration_s, found.start) == ((), (), 0.0, None)
    assert found.table["x"].isna().tolist() == [False, True]


def test_an_unscored_recording_has_empty_annotations_of_the_right_columns(tmp_path):
    found = round_trip(make_recording(), tmp_path / "a.h5")
    assert list(found.annotations) == list(no_annotations()) == ANNOTATION_COLUMNS
    assert len(found.annotations) == 0
    assert found.table is None


def test_without_gaps_the_one_run_is_what_all_channels_cover():
    recording = make_recording(
        make_channel("BVP", length_s=60.0, start_s=2.0), make_channel("EDA", length_s=50.0)
    )
    assert recording.runs == ((2.0, 50.0),)


def test_a_missing_channel_is_named_with_what_there_is():
    recording = make_recording(make_channel("EEG Fpz-Cz"), make_channel("EMG"))
    with pytest.raises(RecordingError, match=r"^r1: no channel 'EOG'; it has: EEG Fpz-Cz, EMG$"):
        recording.channel("EOG")


def test_another_file_is_no_recording(tmp_path):
    (tmp_path / "a.h5").write_text("not HDF5")
    with pytest.raises(RecordingError, match=r"a\.h5: not a readable HDF5 file"):
        read_recording(tmp_path / "a.h5")


def test_an_absent_file_is_no_recording(tmp_path):
    with pytest.raises(RecordingError, match="not a readable HDF5 file"):
        read_recording(tmp_path / "absent.h5")


def test_an_hdf5_file_from_elsewhere_is_refused_by_its_version(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = [1, 2]
    with pytest.raises(RecordingError, match="format version None, not 1"):
        read_recording(tmp_path / "a.h5")


def test_a_later_format_is_refused_by_its_version(tmp_path):
    write_recording(tmp_path / "a.h5", make_recording())
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(RecordingError, match="format version 2, not 1"):
        read_recording(tmp_path / "a.h5")
