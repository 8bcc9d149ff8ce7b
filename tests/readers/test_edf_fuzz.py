"""Hostile bytes: whatever happens, it is a `RecordingError` or a recording that says what it is."""

import time
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edf_files import SIGNAL_WIDTHS, WIDTHS, build, field_offset, noise, save, signal
from epochal.errors import RecordingError
from epochal.readers.edf import read_edf
from epochal.readers.hypnograms import read_hypnogram

N_RECORDS, N_SIGNALS = 12, 3
TEXTS = {0: "+0\x156\x14Sleep stage W\x14\0", 6: "+6\x156\x14Sleep stage R\x14\0"}
SOUND = build(
    [signal("EEG Fpz-Cz", noise(64, N_RECORDS)), signal("EMG", noise(1, N_RECORDS))],
    n_records=N_RECORDS,
    texts=TEXTS,
    reserved="EDF+C",
)
LAYOUT = ("version", "header bytes", "records", "signals", "samples")
FIELDS = [(name, 0) for name in WIDTHS] + [
    (name, index) for name in SIGNAL_WIDTHS for index in range(N_SIGNALS)
]
thorough = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def in_time():
    """Whatever a file holds, to read it takes the processor no more than seconds."""
    began_s = time.process_time()
    try:
        yield
    finally:
        assert time.process_time() - began_s < 5


@pytest.fixture
def attempt(tmp_path):
    """Read bytes as a recording; return it, or None where it was refused with file and reason."""

    def read_raw(raw):
        path = save(tmp_path / "fuzzed.edf", raw)
        try:
            with in_time():
                return read_edf(path, recording_id="fuzzed", subject_id="nobody")
        except RecordingError as error:
            refusal = error
        check_refusal(refusal, path)
        return None

    return read_raw


def check_refusal(refusal, path):
    """A refusal names the file and its reason in one line."""
    assert refusal.path == str(path)
    assert refusal.reason
    assert len(str(refusal).splitlines()) == 1


def check_consistent(recording):
    """A recording's channels cover its runs, hold numbers outside gaps, and have rates."""
    assert recording.channels
    for channel in recording.channels:
        assert channel.sfreq > 0
        assert len(channel.data) <= np.ceil(recording.duration_s * channel.sfreq) + 1
        if len(recording.runs) == 1:
            assert np.isfinite(channel.data).all()
    assert set(recording.annotations["label"]) <= {"W", "N1", "N2", "N3", "REM"}
    ends = recording.annotations["onset_s"] + recording.annotations["duration_s"]
    assert (ends <= recording.duration_s + 1e-6).all()


@pytest.mark.slow
@thorough
@given(length=st.integers(0, len(SOUND) - 1))
def test_no_truncation_goes_unnoticed(attempt, length):
    recording = attempt(SOUND[:length])
    if recording is not None:
        check_consistent(recording)
        assert any("truncated" in problem for problem in recording.problems)


@thorough
@given(data=st.binary(max_size=600))
def test_random_bytes_are_refused(attempt, data):
    assert attempt(data) is None


@thorough
@given(data=st.binary(min_size=1, max_size=900))
def test_random_bytes_after_a_valid_beginning_end_well(attempt, data):
    recording = attempt(SOUND[:200] + data)
    if recording is not None:
        check_consistent(recording)


@pytest.mark.slow
@thorough
@given(
    field=st.sampled_from(FIELDS),
    written=st.one_of(
        st.binary(max_size=16),
        st.text("0123456789.,-+eE: ", max_size=8).map(str.encode),
        st.sampled_from([b"nan", b"inf", b"-1", b"0", b"99999999", b"1e99", b"1_0", b"\xb2"]),
    ),
)
def test_any_field_may_hold_anything(attempt, field, written):
    name, index = field
    start, width = field_offset(name, N_SIGNALS, index)
    recording = attempt(SOUND[:start] + written.ljust(width)[:width] + SOUND[start + width :])
    if recording is None:
        return
    check_consistent(recording)
    if name in LAYOUT and not recording.problems:
        sound = attempt(SOUND)
        for ours, theirs in zip(recording.channels, sound.channels, strict=True):
            np.testing.assert_array_equal(ours.data, theirs.data)


@pytest.mark.slow
@thorough
@given(
    changes=st.lists(st.tuples(st.integers(0, 1023), st.integers(0, 255)), min_size=1, max_size=30)
)
def test_a_header_with_many_bad_bytes_ends_well(attempt, changes):
    raw = bytearray(SOUND)
    for position, value in changes:
        raw[position] = value
    recording = attempt(bytes(raw))
    if recording is not None:
        check_consistent(recording)


@pytest.mark.slow
@thorough
@given(
    onsets=st.lists(
        st.one_of(
            st.integers(0, 40).map(lambda onset: f"+{onset}"),
            st.floats(-1e3, 1e9).map(lambda onset: f"{onset:+.4f}"),
            st.sampled_from(["", "+", "later", "+1e5", "+99999999999999", "-0", "+3,5"]),
        ),
        min_size=N_RECORDS,
        max_size=N_RECORDS,
    ),
    subtype=st.sampled_from(["EDF+C", "EDF+D", ""]),
)
def test_record_times_may_be_anything(attempt, onsets, subtype):
    eeg = signal("EEG Fpz-Cz", noise(64, N_RECORDS))
    recording = attempt(build([eeg], n_records=N_RECORDS, onsets=onsets, reserved=subtype))
    if recording is not None:
        check_consistent(recording)
        assert sum(np.isfinite(recording.channels[0].data)) == 64 * N_RECORDS
        assert len(recording.runs) == 1 or recording.problems


@pytest.mark.slow
@thorough
@given(cell=st.binary(max_size=120))
def test_annotations_may_be_anything(attempt, cell):
    text = cell.decode("latin-1")
    eeg = signal("EEG Fpz-Cz", noise(64, N_RECORDS))
    raw = build([eeg], n_records=N_RECORDS, texts={2: text})
    recording = attempt(raw)
    if recording is not None:
        check_consistent(recording)


@pytest.mark.slow
@thorough
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.lists(
            st.sampled_from(["epoch", "stage", "onset", "duration", ",", "\n", "1", "W", "-3", '"'])
        ).map(lambda parts: "".join(parts).encode()),
    ),
    suffix=st.sampled_from([".csv", ".tsv", ".txt", ".xml", ".edf"]),
)
def test_hypnogram_files_may_hold_anything(tmp_path, data, suffix):
    path = save(tmp_path / f"fuzzed{suffix}", data)
    try:
        with in_time():
            hypnogram = read_hypnogram(path)
    except RecordingError as error:
        refusal = error
    else:
        assert set(hypnogram.stages["label"]) <= {"W", "N1", "N2", "N3", "REM"}
        assert (hypnogram.stages["duration_s"] >= 0).all()
        return
    check_refusal(refusal, path)
