import pytest

from epochal.errors import RecordingError
from epochal.readers.stages import (
    SLEEP_STAGES,
    check_number_four,
    find_stage,
    look_up_stage,
    looks_like_stage,
)


@pytest.mark.parametrize(
    ("label", "stage"),
    [
        ("Sleep stage W", "W"), ("wake", "W"), ("WAKE", "W"), ("0", "W"), ("0.0", "W"),
        ("Sleep stage 1", "N1"), ("N1", "N1"), ("NREM1", "N1"), ("Stage 1 sleep", "N1"),
        ("Sleep stage N2", "N2"), ("s2", "N2"), ("2.00", "N2"), ("  N2 ", "N2"),
        ("Sleep stage 3", "N3"), ("Sleep stage 4", "N3"), ("S4", "N3"), ("Stage 4 sleep", "N3"),
        ("REM", "REM"), ("R", "REM"), ("REM sleep", "REM"), ("Sleep stage R", "REM"), ("5", "REM"),
        ("Sleep stage ?", None), ("Movement time", None), ("-1", None), ("n/a", None), ("", None),
    ],
)  # fmt: skip
def test_the_spellings_of_a_stage_lead_to_its_class(label, stage):
    assert look_up_stage(label, SLEEP_STAGES, "night") == stage


@pytest.mark.parametrize("label", ["N5", "Sleep stage 7", "asleep?", "stage", "8", "WW"])
def test_an_unknown_label_is_refused_by_name(label):
    with pytest.raises(RecordingError, match="night: unknown stage '") as refusal:
        look_up_stage(label, SLEEP_STAGES, "night")
    assert f"'{label}'" in str(refusal.value)
    assert "N2" in str(refusal.value)


def test_a_long_label_with_line_breaks_is_shown_on_one_line():
    with pytest.raises(RecordingError) as refusal:
        look_up_stage("a\nb\x85" * 500, SLEEP_STAGES, "night")
    assert len(str(refusal.value).splitlines()) == 1


def test_a_stage_map_is_taken_as_written_before_it_is_taken_loosely():
    stages = {"R": "rest", "r": "run", "1": "Wake"}
    assert find_stage("R", stages) == (True, "rest")
    assert find_stage("r", stages) == (True, "run")
    assert find_stage("1.0", stages) == (True, "Wake")
    assert find_stage("2", stages) == (False, None)


def test_a_lone_four_is_refused_since_it_may_be_rem():
    with pytest.raises(RecordingError, match="stage '4' without any '5' may be stage 4 or REM"):
        check_number_four(["0", "2", "4"], SLEEP_STAGES, "night")


@pytest.mark.parametrize(
    ("labels", "stages"),
    [
        (["0", "4", "5"], SLEEP_STAGES),
        (["0", "3"], SLEEP_STAGES),
        (["Sleep stage 4"], SLEEP_STAGES),
        (["0", "4"], {"0": "W", "4": "REM"}),
    ],
)
def test_a_four_that_is_clear_passes(labels, stages):
    check_number_four(labels, stages, "night")
    assert all(find_stage(label, stages)[0] for label in labels)


def test_only_annotations_that_call_themselves_sleep_stages_look_like_them():
    assert looks_like_stage("Sleep stage 7")
    assert looks_like_stage("sleep  STAGE x")
    assert not looks_like_stage("Sleeping staged")
    assert not looks_like_stage("Door opened")
