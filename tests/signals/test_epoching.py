import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from builders import make_annotations, make_channel, make_ingestion, make_recording
from epochal.errors import RecordingError
from epochal.options.ingestion import TrimOptions
from epochal.options.quality import QualityOptions
from epochal.recording import Recording
from epochal.signals.epoching import cut_epochs, index_epochs


def index(recording, **changed):
    return index_epochs(recording, make_ingestion(**changed))


def labels_of(recording, **changed):
    return [None if pd.isna(label) else label for label in index(recording, **changed)["label"]]


def test_a_recording_is_cut_into_whole_epochs():
    epochs = index(make_recording(make_channel(length_s=125.0), labels=["W", "N2", "N2", "REM"]))
    assert epochs["onset_s"].tolist() == [0.0, 30.0, 60.0, 90.0]
    assert epochs["label"].tolist() == ["W", "N2", "N2", "REM"]
    assert epochs["epoch"].tolist() == [0, 1, 2, 3]
    assert set(epochs["recording_id"]) == {"r1"}
    assert set(epochs["subject_id"]) == {"s1"}
    assert set(epochs["run"]) == {0}
    assert set(epochs["length_s"]) == {30.0}
    assert set(epochs["data_source"]) == {"real"}


def test_the_keys_come_first():
    assert list(index(make_recording()))[:3] == ["recording_id", "subject_id", "epoch"]


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    length_s=st.integers(0, 500_000).map(lambda length_ms: length_ms / 1000),
    epoch_s=st.sampled_from([1.0, 4.0, 30.0]),
    share=st.sampled_from([0.25, 0.5, 1.0]),
    start_s=st.floats(0, 100),
)
def test_as_many_whole_epochs_as_fit_and_none_beyond_the_end(length_s, epoch_s, share, start_s):
    recording = make_recording(runs=((start_s, start_s + length_s),))
    epochs = index(recording, epoch_length_s=epoch_s, epoch_step_s=epoch_s * share)
    if length_s < epoch_s:
        assert epochs.empty
    else:
        assert epochs["onset_s"].min() == start_s
        end_s = epochs["onset_s"].max() + epoch_s
        assert end_s <= start_s + length_s + 1e-5  # none hangs over
        assert end_s + epoch_s * share > start_s + length_s - 1e-5  # no other would fit


def test_rounding_does_not_lose_the_last_epoch():
    recording = make_recording(runs=((0.0, 0.1 + 0.2),))
    assert len(index(recording, epoch_length_s=0.1)) == 3


def test_overlapping_epochs_start_a_step_apart():
    onsets = index(make_recording(), epoch_length_s=60, epoch_step_s=30)["onset_s"]
    assert onsets.tolist() == [0.0, 30.0, 60.0]


def test_an_epoch_never_crosses_a_gap():
    recording = make_recording(runs=((0.0, 50.0), (55.0, 120.0)))
    epochs = index(recording)
    assert epochs["onset_s"].tolist() == [0.0, 55.0, 85.0]
    assert epochs["run"].tolist() == [0, 1, 1]
    ends = epochs["onset_s"] + epochs["length_s"]
    assert not ((epochs["onset_s"] < 50) & (ends > 50)).any()


def test_a_run_shorter_than_an_epoch_has_none():
    epochs = index(make_recording(runs=((0.0, 20.0), (40.0, 75.0), (80.0, 80.0))))
    assert epochs["onset_s"].tolist() == [40.0]
    assert epochs["run"].tolist() == [1]


def test_a_recording_shorter_than_an_epoch_has_none_of_the_right_columns():
    epochs = index(make_recording(make_channel(length_s=10.0)))
    assert epochs.empty
    assert {"epoch", "onset_s", "length_s", "label", "run", "data_source"} <= set(epochs)


def test_the_label_is_that_of_the_majority():
    annotations = pd.DataFrame(
        [(0.0, 16.0, "W"), (16.0, 60.0, "N2"), (76.0, 44.0, "REM")],
        columns=["onset_s", "duration_s", "label"],
    )
    assert labels_of(make_recording(annotations=annotations)) == ["W", "N2", "N2", "REM"]


def test_half_an_epoch_is_no_majority():
    annotations = make_annotations("W", "N2", length_s=15.0)
    assert labels_of(make_recording(annotations=annotations)) == [None] * 4


def test_pieces_of_one_label_count_together():
    annotations = make_annotations("W", "N2", "W", length_s=10.0)
    assert labels_of(make_recording(annotations=annotations))[0] == "W"


def test_an_unscored_epoch_has_no_label():
    assert labels_of(make_recording(labels=["W", "", "N2", ""])) == ["W", None, "N2", None]
    assert labels_of(make_recording()) == [None] * 4


def test_a_label_may_have_to_cover_the_whole_epoch():
    annotations = make_annotations("W", "W", "N2", length_s=29.0)
    recording = make_recording(annotations=annotations)
    assert labels_of(recording, label_coverage=1.0) == ["W", None, None, None]
    assert labels_of(recording, label_coverage=0.5) == ["W", "W", "N2", None]


def test_other_columns_of_the_annotations_follow_the_same_rule():
    annotations = make_annotations("W", "N2", "N2").assign(task=["relax", "stroop", "stroop"])
    epochs = index(make_recording(annotations=annotations))
    assert epochs["task"].tolist()[:3] == ["relax", "stroop", "stroop"]
    assert pd.isna(epochs["task"][3])


def test_long_wake_is_trimmed_at_both_ends_to_the_margin():
    night = ["W"] * 10 + ["N2"] * 2 + ["W"] * 2 + ["REM"] * 2 + ["W"] * 10
    recording = make_recording(make_channel(length_s=26 * 30.0), labels=night)
    epochs = index(recording, trim=TrimOptions(label="W", margin_s=60))
    assert epochs["label"].tolist() == night[8:18]
    assert epochs["onset_s"].min() == 240.0
    assert epochs.index.tolist() == list(range(10))


def test_an_epoch_keeps_its_number_when_others_are_trimmed():
    recording = make_recording(labels=["W", "W", "N2", "W"])
    epochs = index(recording, trim=TrimOptions(label="W", margin_s=30))
    assert epochs["epoch"].tolist() == [1, 2, 3]
    assert epochs["onset_s"].tolist() == [30.0, 60.0, 90.0]


@pytest.mark.parametrize("labels", [[], ["W"] * 4], ids=["unscored", "all wake"])
def test_a_recording_without_anything_else_is_not_trimmed(labels):
    recording = make_recording(labels=labels)
    assert len(index(recording, trim=TrimOptions(label="W", margin_s=0))) == 4


def test_a_fault_in_any_watched_channel_flags_the_epoch():
    flat, noisy = np.zeros(12000), np.random.default_rng(0).normal(size=12000)
    half_flat = np.where(np.arange(12000) < 3000, 0.0, noisy)
    missing = np.where(np.arange(12000) < 9000, noisy, np.nan)
    recording = make_recording(
        make_channel("a", half_flat), make_channel("b", missing), make_channel("c", flat)
    )
    epochs = index(recording, quality=QualityOptions(channels=("a", "b")))
    assert epochs["quality_flat"].tolist() == [True, False, False, False]
    assert epochs["quality_missing"].tolist() == [False, False, False, True]
    assert not epochs["quality_saturated"].any()


def test_without_watched_channels_there_are_no_flags():
    assert not [name for name in index(make_recording()) if name.startswith("quality_")]


def test_a_watched_channel_that_is_missing_is_refused_by_name():
    with pytest.raises(RecordingError, match="no channel 'EOG'; it has: EEG"):
        index(make_recording(), quality=QualityOptions(channels=("EOG",)))


def given_table(**columns):
    table = {
        "onset_s": [0.0, 10.0, 20.0], "length_s": [10.0] * 3, "label": ["0", "1", None],
        "vote_a": [1.0, 0.0, 2.0], "age": [30, 31, 32],
    }  # fmt: skip
    return Recording("r", "s", table=pd.DataFrame(table | columns))


def test_given_epochs_keep_their_own_onsets_labels_and_votes():
    epochs = index(given_table(), epoch_length_s=99)
    assert epochs["onset_s"].tolist() == [0.0, 10.0, 20.0]
    assert set(epochs["length_s"]) == {10.0}
    assert epochs["label"].tolist()[:2] == ["0", "1"]
    assert pd.isna(epochs["label"][2])
    assert epochs["vote_a"].tolist() == [1.0, 0.0, 2.0]
    assert epochs["run"].tolist() == [0, 0, 0]
    assert "age" not in epochs  # a feature, not an index


def test_given_epochs_may_name_their_runs():
    assert index(given_table(run=[0.0, 1.0, np.nan]))["run"].tolist() == [0, 1, 0]


def test_the_samples_of_an_epoch_are_those_that_lie_in_it():
    channel = make_channel(data=np.arange(40), sfreq=10.0)
    windows = cut_epochs(channel, np.array([0.0, 1.5, 3.0]), 1.0)
    assert windows.tolist() == [list(range(10)), list(range(15, 25)), list(range(30, 40))]
    assert windows.dtype == np.float32


@pytest.mark.slow
@given(onset_s=st.floats(-5, 10), start_s=st.floats(0, 3))
def test_outside_the_channel_there_is_nothing_known(onset_s, start_s):
    channel = make_channel(data=np.arange(40), sfreq=10.0, start_s=start_s)
    (window,) = cut_epochs(channel, np.array([onset_s]), 1.0)
    first = round((onset_s - start_s) * 10)
    expected = [value if 0 <= value < 40 else np.nan for value in range(first, first + 10)]
    assert np.array_equal(window, expected, equal_nan=True)


def test_an_epoch_longer_than_the_channel_is_known_as_far_as_it_goes():
    (window,) = cut_epochs(make_channel(data=[1, 2], sfreq=1.0), np.array([0.0]), 4.0)
    assert np.array_equal(window, [1, 2, np.nan, np.nan], equal_nan=True)


def test_no_epochs_have_no_samples():
    assert cut_epochs(make_channel(), np.array([]), 30.0).shape == (0, 3000)
    assert cut_epochs(make_channel(length_s=1.0), np.array([]), 30.0).shape == (0, 3000)


def test_channels_that_start_at_different_times_are_cut_at_the_same_time():
    early = make_channel("a", np.arange(100), sfreq=10.0)
    late = make_channel("b", np.arange(20, 100), sfreq=10.0, start_s=2.0)
    one, other = (cut_epochs(channel, np.array([5.0]), 1.0) for channel in (early, late))
    assert np.array_equal(one, other)
