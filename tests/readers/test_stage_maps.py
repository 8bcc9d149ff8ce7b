import numpy as np
import pytest

from epochal.errors import RecordingError
from epochal.readers.naming import name_recordings, safe_name
from epochal.readers.stage_maps import (
    ACCUSLEEP_CODES,
    MSSV_CODES,
    RODENT_NAMES,
    AsWritten,
    Unrefusing,
    find_levels,
    follow_levels,
    from_codes,
    spell_codes,
)
from epochal.readers.stages import look_up_stage


def test_the_two_codes_of_rodents_differ_in_every_number():
    pairs = [(ACCUSLEEP_CODES[code], MSSV_CODES[code]) for code in "123"]
    assert pairs == [("REM", "W"), ("W", "NREM"), ("NREM", "REM")]


@pytest.mark.parametrize(
    ("label", "stage"),
    [("Wake", "W"), ("sws", "NREM"), ("NR", "NREM"), ("non-rem", "NREM"), ("R", "REM"),
     ("PS", "REM"), ("Artifact", None), ("", None)],
)  # fmt: skip
def test_rodent_names_in_any_case(label, stage):
    assert look_up_stage(label, RODENT_NAMES, "x") == stage


def test_codes_leave_out_what_is_unscored_and_count_it():
    hypnogram = from_codes(
        ["2", "n/a", "3"], epoch_s=4, stages={**RODENT_NAMES, **ACCUSLEEP_CODES}, where="x"
    )
    assert hypnogram.stages.to_dict("list") == {
        "onset_s": [0.0, 8.0], "duration_s": [4.0, 4.0], "label": ["W", "NREM"],
    }  # fmt: skip
    assert (hypnogram.unscored_s, hypnogram.end_s) == (4, 12)


def test_an_unknown_code_is_refused_by_name():
    with pytest.raises(RecordingError, match="unknown stage '9'"):
        from_codes(["9"], epoch_s=4, stages=ACCUSLEEP_CODES, where="x")


def test_codes_are_spelled_without_decimals():
    assert spell_codes(np.array([1.0, 2.5, np.nan])) == ["1", "2.5", "n/a"]


def test_an_unrefusing_map_counts_what_it_does_not_know():
    stages = Unrefusing({"W": "W"})
    assert [look_up_stage(label, stages, "x") for label in ("W", "w", "?", "?")] == [
        "W", "W", None, None,
    ]  # fmt: skip
    assert stages.describe() == ["unknown labels were taken for unscored: '?' (2×)"]


def test_an_unrefusing_map_that_knew_all_is_silent():
    assert Unrefusing({"W": "W"}).describe() == []


def test_labels_as_written_stay_as_they_are():
    found = [look_up_stage(label, AsWritten(), "x") for label in ("calm", "N/A", "")]
    assert found == ["calm", None, None]


def test_levels_are_found_at_the_label_column():
    levels = {"1": "Wake"}
    assert find_levels({"onset": {}, "trial_type": {"Levels": levels}}) == levels
    assert find_levels({"stage": {"Description": "none"}}) == {}


def test_levels_give_codes_the_class_of_their_description():
    stages = follow_levels({"Wake": "W", "5": "REM"}, {"1": {"Description": "wake"}, "5": "other"})
    assert stages == {"Wake": "W", "5": "REM", "1": "W"}


def test_levels_name_labels_that_stay_as_written():
    stages = follow_levels(AsWritten(), {"1": "calm"})
    assert [look_up_stage(label, stages, "x") for label in ("1", "2")] == ["calm", "2"]


@pytest.mark.parametrize(
    ("given", "safe"), [("m1", "m1"), ("a b/ü", "a_b__"), ("../x", "_x"), ("..", "recording")]
)
def test_names_are_safe_as_file_names(given, safe):
    assert safe_name(given) == safe


def test_stems_that_repeat_are_told_apart_by_their_folders(tmp_path):
    paths = [tmp_path / "a" / "x.edf", tmp_path / "b" / "x.edf", tmp_path / "y.edf"]
    names = name_recordings(tmp_path, {path: path.stem for path in paths})
    assert list(names.values()) == ["a__x", "b__x", "y"]
