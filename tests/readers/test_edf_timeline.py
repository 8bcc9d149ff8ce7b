import pytest

from edf_files import build, save, signal
from epochal.errors import RecordingError
from epochal.readers.edf_header import read_header
from epochal.readers.edf_timeline import (
    Annotation,
    Run,
    find_lights,
    parse_annotations,
    read_annotations,
    read_timeline,
)


@pytest.mark.parametrize(
    ("raw", "annotations"),
    [
        (b"+0\x14\x14\0", [Annotation(0.0, None, "")]),
        (b"+180\x14Lights off\x14Close door\x14\0",
         [Annotation(180.0, None, "Lights off"), Annotation(180.0, None, "Close door")]),
        (b"+1800.2\x1525.5\x14Apnea\x14\0", [Annotation(1800.2, 25.5, "Apnea")]),
        (b"-0.065\x14Pre-stimulus\x14\0", [Annotation(-0.065, None, "Pre-stimulus")]),
        (b"30\x1530\x14no sign\x14\0\0\0", [Annotation(30.0, 30.0, "no sign")]),
        (b"+3,5\x14comma\x14\0", [Annotation(3.5, None, "comma")]),
        ("+1\x14Müdigkeit\x14\0".encode(), [Annotation(1.0, None, "Müdigkeit")]),
        ("+1\x14Müdigkeit\x14\0".encode("latin-1"), [Annotation(1.0, None, "Müdigkeit")]),
        (b"\0\0\0\0", []),
    ],
)  # fmt: skip
def test_time_stamped_lists_of_the_standard_and_near_it(raw, annotations):
    assert parse_annotations(raw) == (annotations, 0)


@pytest.mark.parametrize("raw", [b"rubbish", b"+\x14x\x14", b"+1e9\x14x\x14", b"+1\x15\x14x\x14"])
def test_what_is_no_list_is_counted(raw):
    assert parse_annotations(raw + b"\0+1\x14fine\x14\0") == ([Annotation(1.0, None, "fine")], 1)


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ("Lights off", "off"), ("LIGHTS OUT", "off"), ("light-off", "off"), ("Lights On", "on"),
        ("lights_on @ 07:00", "on"), ("Delights offered", None), ("Sleep stage W", None),
    ],
)  # fmt: skip
def test_lights_are_told_by_their_words(text, which):
    assert find_lights(Annotation(0.0, None, text)) == which


def timeline_of(tmp_path, *, max_gap_ratio=1.0, **fields):
    path = save(tmp_path / "night.edf", build([signal()], **fields))
    return read_timeline(read_header(path), max_gap_ratio=max_gap_ratio)


def test_without_annotations_all_records_are_one_run(tmp_path):
    assert timeline_of(tmp_path).runs == (Run(0, 60, 0.0),)


def test_times_count_from_the_first_record(tmp_path):
    onsets = [f"+{100 + index}" for index in range(60)]
    timeline = timeline_of(
        tmp_path, onsets=onsets, reserved="EDF+D", texts={0: "+105\x14knock\x14\0"}
    )
    assert timeline.offset_s == 100
    assert timeline.runs == (Run(0, 60, 0.0),)
    assert timeline.annotations == (Annotation(5.0, None, "knock"),)


def test_three_runs_have_two_gaps(tmp_path):
    onsets = [f"+{i + 5 * (i >= 10) + 7.5 * (i >= 40)}" for i in range(60)]
    timeline = timeline_of(tmp_path, onsets=onsets, reserved="EDF+D")
    assert timeline.runs == (Run(0, 10, 0.0), Run(10, 30, 15.0), Run(40, 20, 52.5))
    assert timeline.problems == (
        "2 gaps: 5 s at 10 s, 7.5 s at 45 s; NaN stands there and the runs are split",
    )


@pytest.mark.parametrize("marked", ["EDF+C", "EDF+D"])
def test_a_clock_that_drifts_a_little_makes_no_gaps(tmp_path, marked):
    onsets = [f"+{index * 1.0001:.4f}" for index in range(60)]
    timeline = timeline_of(tmp_path, onsets=onsets, reserved=marked)
    assert timeline.runs == (Run(0, 60, 0.0),)
    assert timeline.problems == ()


def test_gaps_too_small_to_count_alone_count_once_they_have_added_up(tmp_path):
    onsets = [f"+{index * 1.0075:.4f}" for index in range(60)]  # no gap as long as 1 % of a record
    timeline = timeline_of(tmp_path, onsets=onsets, reserved="EDF+D")
    starts_s = [run.start_s + k for run in timeline.runs for k in range(run.n_records)]
    assert starts_s == pytest.approx([float(onset) for onset in onsets], abs=0.01)
    assert {run.n_records for run in timeline.runs} == {2}
    (problem,) = timeline.problems
    assert problem.startswith("29 gaps: 0.015 s at 2 s, 0.015 s at 4.015 s, ")


@pytest.mark.parametrize(("step_s", "told"), [(1.0075, "0.443 s late"), (0.9925, "0.443 s early")])
def test_a_drift_in_a_file_marked_continuous_is_told_and_splits_nothing(tmp_path, step_s, told):
    onsets = [f"+{index * step_s:.4f}" for index in range(60)]
    timeline = timeline_of(tmp_path, onsets=onsets, reserved="EDF+C")
    assert timeline.runs == (Run(0, 60, 0.0),)
    assert timeline.problems == (
        f"the times of its data records come to be {told}; the sampling rate is believed",
    )


def test_records_that_come_early_in_a_file_marked_discontinuous_are_told(tmp_path):
    onsets = [f"+{index * 0.9925:.4f}" for index in range(60)]
    timeline = timeline_of(tmp_path, onsets=onsets, reserved="EDF+D")
    assert timeline.runs == (Run(0, 60, 0.0),)
    assert timeline.problems[0].startswith("the times of its data records come to be 0.443 s early")


def test_many_gaps_are_counted_and_a_few_shown(tmp_path):
    onsets = [f"+{index * 1.5:g}" for index in range(60)]
    (problem,) = timeline_of(tmp_path, onsets=onsets, reserved="EDF+D").problems
    assert problem.startswith("59 gaps: 0.5 s at 1 s, ")
    assert "and 54 more" in problem


def test_times_beyond_all_proportion_are_refused(tmp_path):
    onsets = [f"+{2_000_000_000 + index}" for index in range(60)]
    with pytest.raises(RecordingError, match="out of all proportion"):
        timeline_of(tmp_path, onsets=onsets, reserved="EDF+D")


def test_annotations_of_several_records_are_gathered_with_the_files_clock(tmp_path):
    texts = {2: "+2.5\x14one\x14\0", 50: "+50\x154\x14two\x14\0"}
    path = save(tmp_path / "night.edf", build(texts=texts))
    annotations, problems = read_annotations(read_header(path))
    assert annotations == [Annotation(2.5, None, "one"), Annotation(50.0, 4.0, "two")]
    assert problems == []
