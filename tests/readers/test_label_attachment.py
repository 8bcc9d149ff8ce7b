import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.errors import RecordingError
from epochal.readers.label_attachment import attach_file, attach_labels, check_length
from epochal.readers.stage_maps import RODENT_NAMES, Unrefusing, from_codes
from epochal.recording import Channel, Recording


def recording(length_s=600.0):
    eeg = Channel("EEG", "uV", 10.0, np.zeros(round(length_s * 10), np.float32))
    return Recording("m1", "m1", (eeg,), problems=("an earlier repair",), metadata={"age": 1.0})


def codes(n, *, epoch_s=10.0):
    return from_codes(["W"] * n, epoch_s=epoch_s, stages=RODENT_NAMES, where="x")


def attach(tmp_path, name, text, **changes):
    path = tmp_path / name
    path.write_text(text)
    options = {"stages": RODENT_NAMES, "epoch_s": 10.0, "tolerance": 0.05, **changes}
    return attach_file(recording(), path, **options)


@pytest.mark.parametrize("n_epochs", [57, 59, 60, 61, 63])
def test_labels_within_the_tolerance_pass(n_epochs):
    check_length(codes(n_epochs), recording(), epoch_s=10, tolerance=0.05, where="x")


@pytest.mark.parametrize("n_epochs", [30, 56, 64, 120])
def test_labels_beyond_the_tolerance_are_refused(n_epochs):
    with pytest.raises(RecordingError, match=f"x: {n_epochs} labels of 10 s last"):
        check_length(codes(n_epochs), recording(), epoch_s=10, tolerance=0.05, where="x")


def test_one_epoch_is_always_forgiven():
    check_length(codes(1, epoch_s=30), recording(15), epoch_s=30, tolerance=0.0, where="x")


@pytest.mark.parametrize("true_s", [2.5, 4, 5, 20])
def test_the_epoch_length_that_fits_is_named(true_s):
    with pytest.raises(RecordingError, match=rf"epochs of {true_s:g} s would fit"):
        check_length(codes(int(600 / true_s)), recording(), epoch_s=10, tolerance=0.05, where="x")


def test_no_length_is_named_where_none_fits():
    with pytest.raises(RecordingError) as caught:
        check_length(codes(83), recording(), epoch_s=10, tolerance=0.05, where="x")
    assert "would fit" not in str(caught.value)


def test_what_was_known_before_stays():
    attached = attach_labels(recording(), codes(60), RODENT_NAMES, "x")
    assert attached.problems == ("an earlier repair",)
    assert attached.metadata == {"age": 1.0, "unscored_s": 0.0}
    assert len(attached.annotations) == 60


def test_unknown_labels_that_were_allowed_are_told():
    stages = Unrefusing({"W": "W"})
    hypnogram = from_codes(["W", "odd"], epoch_s=300, stages=stages, where="x")
    attached = attach_labels(recording(), hypnogram, stages, "x")
    assert attached.problems[1:] == ("unknown labels were taken for unscored: 'odd' (1×)",)


def test_labels_with_times_may_cover_a_part(tmp_path):
    for name, text in {
        "a.csv": "onset,duration,stage\n100,50,W\n",
        "a.tsv": "onset\tduration\tstage\n100\t50\tW\n",
        "b.csv": "Start;Duration;Stage\n100;50;W\n",
    }.items():
        assert attach(tmp_path, name, text).annotations.onset_s.tolist() == [100.0]


def test_labels_without_times_must_cover_the_whole(tmp_path):
    for name, text in {"a.csv": "epoch,stage\n0,W\n1,W\n", "a.txt": "W\nW\n"}.items():
        with pytest.raises(RecordingError, match="2 labels of 10 s last 20 s"):
            attach(tmp_path, name, text)


PIECES = ["onset", "stage", "epoch", ",", "\n", "W", "1", "-3", "1e9", "x"]
TEXTS = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES)).map("".join))


@pytest.mark.slow
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(suffix=st.sampled_from([".csv", ".tsv", ".txt", ".xml", ".edf"]), text=TEXTS)
def test_any_text_ends_in_labels_or_a_named_error(tmp_path, suffix, text):
    path = tmp_path / f"labels{suffix}"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        attached = attach_file(recording(), path, stages=RODENT_NAMES, epoch_s=10.0, tolerance=0.05)
    except RecordingError as error:
        outcome = str(error)
    else:
        outcome = attached.recording_id
        assert set(attached.annotations.label) <= {"W", "NREM", "REM"}
        assert attached.annotations.onset_s.between(0, 600).all()
    assert outcome == "m1" or "labels" in outcome
