import numpy as np
import pytest

from epochal.errors import RecordingError
from epochal.readers.streams import align, mask_infinite, start_each
from epochal.recording import Channel


def channel(name="EEG", *, length_s=100.0, sfreq=10.0, start_s=0.0):
    return Channel(name, "uV", sfreq, np.zeros(round(length_s * sfreq), np.float32), start_s)


def test_streams_of_one_length_need_no_word():
    assert align("x", [channel(), channel("EMG"), channel("ACC", sfreq=4)], tolerance=0.05) == []


def test_a_stream_alone_is_aligned():
    assert align("x", [channel()], tolerance=0.0) == []


def test_rates_that_do_not_divide_the_length_are_forgiven_one_sample():
    assert (
        align("x", [channel(sfreq=10), channel("ACC", length_s=99.8, sfreq=4)], tolerance=0) == []
    )


@pytest.mark.parametrize(("length_s", "start_s"), [(98, 0), (100, 2), (98, 2)])
def test_a_stream_that_starts_late_or_ends_early_is_reported(length_s, start_s):
    other = channel("EMG", length_s=length_s, start_s=start_s)
    (sentence,) = align("x", [channel(), other], tolerance=0.05)
    assert sentence.startswith(f"'EMG' runs from {start_s} to {start_s + length_s} s")


def test_the_tolerance_is_a_share_of_the_longer_stream():
    streams = [channel(), channel("EMG", length_s=90)]
    assert len(align("x", streams, tolerance=0.1)) == 1
    with pytest.raises(RecordingError, match="'EMG' lasts 90 s at 10 Hz, 'EEG' 100 s at 10 Hz"):
        align("x", streams, tolerance=0.09)


def test_streams_that_never_meet_are_refused():
    with pytest.raises(RecordingError, match="no stretch of time in common"):
        align("x", [channel(), channel("EMG", start_s=100)], tolerance=1.0)


def test_named_streams_start_later_and_the_others_do_not():
    starts = [one.start_s for one in start_each([channel(), channel("EMG")], {"EMG": 1.5}, "x")]
    assert starts == [0.0, 1.5]


@pytest.mark.parametrize("value", [-0.1, float("inf"), float("nan"), "1", None])
def test_a_start_must_be_seconds(value):
    with pytest.raises(RecordingError, match="'starts_s' holds"):
        start_each([channel()], {"EEG": value}, "x")


@pytest.mark.parametrize("starts", [{"ECG": 1}, ["EEG"], "EEG"])
def test_starts_must_name_channels_that_are_there(starts):
    with pytest.raises(RecordingError, match="'starts_s' names no channel of EEG"):
        start_each([channel()], starts, "x")


def test_finite_signals_are_left_as_they_are():
    data, problems = np.array([1.0, np.nan]), []
    assert mask_infinite("x", "EEG", data, problems) is data
    assert problems == []


def test_masking_leaves_the_given_array_alone():
    data, problems = np.array([1.0, np.inf, -np.inf]), []
    masked = mask_infinite("x", "EEG", data, problems)
    assert np.isnan(masked).tolist() == [False, True, True]
    assert np.isinf(data).sum() == 2
    assert problems == ["channel 'EEG': 2 infinite samples are now missing"]
