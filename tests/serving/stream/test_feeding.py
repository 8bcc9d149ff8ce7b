from datetime import datetime

import numpy as np
import pytest

from builders import make_channel
from epochal.checksums import SIGNAL_SHA256
from epochal.errors import RecordingError
from epochal.recording import Recording
from epochal.serving.stream.feeding import cut_pieces, declare_recording


def make_counted(**fields):
    """Return a recording whose samples are their own numbers."""
    channels = (
        make_channel("EEG", data=np.arange(1000), sfreq=10.0),
        make_channel("TEMP", data=np.arange(100), sfreq=1.0, unit="degC"),
    )
    return Recording("r1", "s1", channels, **fields)


def test_every_sample_comes_once_and_in_order():
    pieces = list(cut_pieces(make_counted(), ["EEG", "TEMP"], piece_s=7.25))
    for name, length in (("EEG", 1000), ("TEMP", 100)):
        came = np.concatenate([piece.samples[name] for piece in pieces])
        assert came.tolist() == list(range(length))
    assert pieces[0].until_s == 7.25
    assert len(pieces[0].samples["EEG"]) == 73  # a begun sample is sent
    assert pieces[-1].until_s == 100.0


def test_a_gap_is_said_and_what_lies_in_it_is_not_sent():
    recording = make_counted(runs=((0.0, 20.5), (50.0, 100.0)))
    pieces = list(cut_pieces(recording, ["EEG", "TEMP"], piece_s=30))
    assert [(piece.until_s, bool(piece.samples)) for piece in pieces] == [
        (20.5, True), (50.0, False), (80.0, True), (100.0, True),
    ]  # fmt: skip
    assert pieces[0].samples["EEG"][-1] == 204
    assert pieces[2].samples["EEG"][0] == 500
    assert pieces[2].samples["TEMP"][0] == 50


def test_a_short_gap_leaves_no_sample_of_the_next_run_behind():
    recording = make_counted(runs=((0.0, 20.25), (20.75, 100.0)))
    first = next(iter(cut_pieces(recording, ["TEMP"], piece_s=60)))
    assert first.samples["TEMP"].tolist() == list(range(20))


def test_what_is_known_of_the_recording_is_declared():
    start = datetime(2026, 1, 2, 22, 30)
    given = {"start": start, "data_source": "simulated", "metadata": {"age": 50.0, "name": "X"}}
    declared = declare_recording(make_counted(**given))
    assert declared.channels["TEMP"].unit == "degC"
    assert (declared.age, declared.started_at, declared.data_source) == (50.0, start, "simulated")
    assert "X" not in declared.model_dump_json()


def test_the_files_hash_goes_with_it_and_comes_back_as_what_training_knows_it_by():
    recording = make_counted(metadata={SIGNAL_SHA256: "ab" * 32})
    declared = declare_recording(recording)
    assert declared.signal_sha256 == "ab" * 32
    assert declared.recording().metadata[SIGNAL_SHA256] == "ab" * 32


def test_some_channels_may_be_chosen():
    assert list(declare_recording(make_counted(), ("TEMP",)).channels) == ["TEMP"]
    with pytest.raises(RecordingError, match="no channel 'TEPM'; did you mean 'TEMP'"):
        declare_recording(make_counted(), ("TEPM",))


def test_a_recording_without_signals_cannot_be_streamed():
    with pytest.raises(RecordingError, match="nothing to stream"):
        declare_recording(Recording("r1", "s1"))
