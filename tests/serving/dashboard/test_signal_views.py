import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import make_channel, make_recording, sine
from epochal.errors import RecordingError
from epochal.serving.signal_views import (
    choose_channels,
    find_extremes,
    view_channel,
    view_signals,
    view_spectrogram,
)


def view(channel, first_s, last_s, max_points=2000):
    return view_channel(channel, first_s=first_s, last_s=last_s, max_points=max_points)


def test_a_short_stretch_comes_sample_by_sample():
    found = view(make_channel(data=np.arange(1000.0)), 2.0, 3.0)
    assert not found.extremes
    assert (found.first_s, found.step_s, found.unit) == (2.0, 0.01, "µV")
    assert found.values == [float(value) for value in range(200, 300)]


def test_a_long_stretch_comes_as_extremes_that_keep_a_single_spike():
    data = np.zeros(100_000)
    data[54_321] = 99.0
    found = view(make_channel(data=data), 0, 1000, max_points=500)
    assert found.extremes
    assert len(found.values) == 500
    assert found.values.count(99.0) == 1
    at_s = found.first_s + found.values.index(99.0) * found.step_s
    assert at_s == pytest.approx(543.21, abs=2.1)


def test_extremes_stand_in_the_order_in_which_they_come():
    assert find_extremes(np.array([1, 5, 2, 9, 0, 3]), 3).tolist() == [1, 5, 9, 0]


@pytest.mark.slow
@given(
    samples=st.lists(st.floats(-1e3, 1e3) | st.just(float("nan")), min_size=1, max_size=60),
    per_piece=st.integers(1, 20),
)
def test_extremes_never_leave_the_range_and_miss_neither_end(samples, per_piece):
    data = np.array(samples)
    found = find_extremes(data, per_piece)
    assert len(found) == 2 * -(-len(data) // per_piece)
    if np.isfinite(data).any():
        assert np.nanmin(found) == np.nanmin(data)
        assert np.nanmax(found) == np.nanmax(data)
    else:
        assert np.isnan(found).all()


def test_missing_samples_are_none():
    found = view(make_channel(data=[1.0, np.nan, 3.0], sfreq=1.0), 0, 3)
    assert found.values == [1.0, None, 3.0]


def test_a_stretch_beyond_the_ends_has_what_there_is():
    channel = make_channel(data=np.arange(10.0), sfreq=1.0, start_s=5.0)
    assert view(channel, -10, 8).values == [0.0, 1.0, 2.0]
    assert view(channel, -10, 8).first_s == 5.0
    assert view(channel, 100, 200).values == []


def test_channels_whose_kind_is_known_come_without_being_asked_for():
    recording = make_recording(*(make_channel(name) for name in ("Temp rectal", "EEG Fpz-Cz")))
    assert [one.name for one in choose_channels(recording)] == ["EEG Fpz-Cz"]
    found = view_signals(recording, first_s=0, last_s=10)
    assert [one.channel for one in found.channels] == ["EEG Fpz-Cz"]
    assert found.channels[0].kind == "EEG"
    assert found.others == ["Temp rectal"]
    assert found.data_source == "real"


def test_a_recording_of_unknown_channels_shows_its_first_ones():
    recording = make_recording(*(make_channel(f"x{n}") for n in range(9)))
    assert len(choose_channels(recording)) == 6


def test_a_channel_that_is_not_there_and_an_empty_stretch_are_refused():
    with pytest.raises(RecordingError, match="no channel 'EOG'"):
        view_signals(make_recording(), first_s=0, last_s=1, channels=("EOG",))
    with pytest.raises(RecordingError, match="no stretch from 2 to 2 s"):
        view_signals(make_recording(), first_s=2, last_s=2)


def levels_of(found):
    shape = (found.n_rows, found.n_columns)
    return np.frombuffer(base64.b64decode(found.levels), dtype=np.uint8).reshape(shape)


def test_a_rhythm_is_brightest_at_its_own_frequency():
    noise = np.random.default_rng(0).normal(0, 1, 12000)
    data = sine(10.0, length_s=120, amplitude=50) + noise
    found = view_spectrogram(make_recording(make_channel("EEG Fpz-Cz", data)))
    levels = levels_of(found)
    frequencies = np.linspace(found.high_hz, found.low_hz, found.n_rows)
    assert frequencies[levels.mean(axis=1).argmax()] == pytest.approx(10, abs=0.3)
    assert (found.first_s, found.last_s, found.channel) == (0, 120, "EEG Fpz-Cz")
    assert len(found.colours) == 64
    assert found.colours[0] == "#440154"
    assert levels.max() <= 64


def test_columns_without_samples_are_level_nought():
    data = np.random.default_rng(0).normal(0, 1, 12000)
    data[6000:] = np.nan
    levels = levels_of(view_spectrogram(make_recording(make_channel("EEG", data))))
    assert (levels[:, -20:] == 0).all()
    assert (levels[:, :20] > 0).all()


def test_a_recording_too_slow_for_any_has_no_spectrogram():
    slow = make_channel("TEMP", np.arange(400.0), sfreq=4.0)
    found = view_spectrogram(make_recording(slow))
    assert (found.n_columns, found.channel, found.channels) == (0, None, [])
    fast = make_recording(slow, make_channel("EEG"))
    with pytest.raises(RecordingError, match="4 Hz is too low a rate"):
        view_spectrogram(fast, channel="TEMP")


def test_nothing_but_missing_samples_is_an_empty_picture():
    blank = make_channel("EEG", np.full(12000, np.nan))
    assert view_spectrogram(make_recording(blank)).n_columns == 0
