import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from epochal.errors import RecordingError
from epochal.readers.participants import (
    find_lights,
    find_participant,
    read_json,
    read_participants,
    read_start,
    tidy_facts,
    to_number,
)

NOON = datetime(2024, 3, 4, 12, tzinfo=UTC)


def write_table(folder, text, sidecar=None):
    path = folder / "participants.tsv"
    path.write_text(text)
    if sidecar is not None:
        path.with_suffix(".json").write_text(json.dumps(sidecar))
    return path


def test_an_age_without_a_unit_is_in_years(tmp_path):
    table = write_table(tmp_path, "participant_id\tage\nsub-01\t34\n")
    assert read_participants(table) == {"sub-01": {"age": 34.0}}


def test_the_sidecar_says_in_what_an_age_is_counted(tmp_path):
    table = write_table(tmp_path, "participant_id\tage\nsub-01\t26\n", {"age": {"Units": "Weeks"}})
    assert read_participants(table)["sub-01"]["age"] == pytest.approx(0.498, abs=1e-3)


@pytest.mark.parametrize(("column", "value"), [("age_weeks", "26"), ("age_months", "6"),
                                               ("age_days", "182.6")])  # fmt: skip
def test_the_column_says_in_what_an_age_is_counted(column, value):
    assert tidy_facts({column: value}, path="x")["age"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("age", ["old", "-1", "900", "inf"])
def test_an_age_nobody_has_is_refused(age):
    with pytest.raises(RecordingError, match=rf"'age' holds '{age}'"):
        tidy_facts({"age": age}, path="x")


def test_an_age_in_an_unknown_unit_is_refused():
    with pytest.raises(RecordingError, match="'age' is in 'fortnights'"):
        tidy_facts({"age": "3"}, path="x", age_unit="fortnights")


def test_sex_and_site_have_one_spelling():
    facts = tidy_facts({"Sex": "female", "lab": "lab_1"}, path="x")
    assert facts == {"sex": "F", "site": "lab_1"}


@pytest.mark.parametrize("missing", ["", "n/a", "NaN", None, float("nan")])
def test_what_is_missing_is_left_out(missing):
    assert tidy_facts({"age": missing, "strain": missing}, path="x") == {}


@pytest.mark.parametrize(
    "column",
    ["name", "Last_Name", "patient_name", "birth_date", "date_of_birth", "DOB", "patient_id", "MRN",
     "email", "initials"],
)  # fmt: skip
def test_private_columns_are_dropped(column):
    assert tidy_facts({column: "Ada"}, path="x") == {}


def test_facts_can_be_stored_as_json():
    given = {"dose": "2.5", "cage": "12", "code": "1e400", "when": pd.Timestamp("2024-03-04")}
    facts = tidy_facts(given, path="x")
    assert json.loads(json.dumps(facts)) == {
        "dose": 2.5, "cage": 12, "code": "1e400", "when": "2024-03-04 00:00:00",
    }  # fmt: skip


def test_the_nearest_table_above_a_file_is_taken(tmp_path):
    write_table(tmp_path, "participant_id\tstrain\nsub-01\tfar\n")
    near = tmp_path / "a"
    near.mkdir()
    write_table(near, "participant_id\tstrain\nsub-01\tnear\n")
    assert find_participant(near / "b" / "x.edf", "sub-01") == {"strain": "near"}
    assert find_participant(tmp_path / "x.edf", "sub-01") == {"strain": "far"}


def test_a_subject_that_is_not_in_the_table_has_no_facts(tmp_path):
    write_table(tmp_path, "participant_id\tstrain\nsub-01\tx\n")
    assert find_participant(tmp_path / "x.edf", "sub-02") == {}


def test_a_table_without_the_ids_is_refused(tmp_path):
    table = write_table(tmp_path, "id\tage\n1\t2\n")
    with pytest.raises(RecordingError, match=r"no column 'participant_id'; it has: id, age"):
        read_participants(table)


def test_an_empty_table_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="not a readable table"):
        read_participants(write_table(tmp_path, ""))


@pytest.mark.parametrize("text", ["", "[1, 2]", "{'a': 1}", "[" * 100_000])
def test_json_that_is_no_object_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(RecordingError, match="JSON"):
        read_json(path)


def test_a_start_without_a_zone_is_utc():
    assert read_start({"start_utc": "2024-03-04T12:00:00"}, "x") == NOON
    assert read_start({"start_utc": "2024-03-04T14:00:00+02:00"}, "x") == NOON
    assert read_start({}, "x") is None


def test_a_start_that_is_no_time_is_refused():
    with pytest.raises(RecordingError, match="'start_utc' holds 'noon'"):
        read_start({"start_utc": "noon"}, "x")


def test_lights_are_the_next_change_after_the_start():
    assert find_lights({"lights_on": "07:00", "lights_off": "19:00"}, NOON, "x") == {
        "lights_on_s": 19 * 3600.0,
        "lights_off_s": 7 * 3600.0,
    }


def test_lights_on_a_local_clock_are_shifted():
    facts = {"lights_off": "19:00", "utc_offset_h": "2"}
    assert find_lights(facts, NOON, "x") == {"lights_off_s": 5 * 3600.0}


def test_lights_given_in_seconds_need_no_start():
    assert find_lights({"lights_on_s": -3600, "lights_off_s": 39600}, None, "x") == {
        "lights_on_s": 82800.0,
        "lights_off_s": 39600.0,
    }


def test_lights_without_a_start_are_not_known():
    assert find_lights({"lights_on": "07:00"}, None, "x") == {}


@pytest.mark.parametrize("clock", ["25:00", "morning", "7"])
def test_a_clock_that_is_no_time_is_refused(clock):
    with pytest.raises(RecordingError, match=rf"'lights_on' holds '{clock}'"):
        find_lights({"lights_on": clock}, NOON, "x")


def test_an_hour_of_one_digit_is_a_time():
    assert find_lights({"lights_on": "7:00"}, NOON, "x") == {"lights_on_s": 19 * 3600.0}


@pytest.mark.parametrize("value", ["many", float("nan"), [1]])
def test_a_number_that_is_none_is_refused(value):
    with pytest.raises(RecordingError, match="the field 'sfreq' holds"):
        to_number({"sfreq": value}, "sfreq", "x")


def test_a_number_must_be_positive():
    with pytest.raises(RecordingError, match="'sfreq' holds 0, not a positive number"):
        to_number({"sfreq": 0}, "sfreq", "x")
    assert to_number({"sfreq": "128"}, "sfreq", "x") == 128.0
