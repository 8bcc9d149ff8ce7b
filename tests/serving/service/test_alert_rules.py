import json
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import EpochalError
from epochal.serving.service.alert_rules import (
    AlertRule,
    Watch,
    check_labels,
    find_episodes,
    read_rules,
)

SEIZURE = AlertRule(label="Seizure", probability=0.8, for_s=20)


def make_table(values, *, step_s=10.0, onsets=None):
    onset_s = np.arange(len(values)) * step_s if onsets is None else onsets
    return pd.DataFrame({"onset_s": onset_s, "proba_Seizure": values})


def spans(values, rule=SEIZURE, **given):
    found = find_episodes(make_table(values, **given), [rule], 10.0)
    return [(one.onset_s, one.end_s) for one in found]


def test_an_episode_is_all_epochs_in_a_row_that_reach_the_probability():
    assert spans([0.1, 0.8, 0.9, 0.85, 0.79, 0.9]) == [(10.0, 40.0)]


def test_what_is_shorter_than_the_rule_asks_is_no_alert():
    assert spans([0.9, 0.1, 0.9, 0.1]) == []
    assert spans([0.9, 0.9]) == [(0.0, 20.0)]


def test_without_a_duration_one_epoch_is_enough():
    rule = SEIZURE.model_copy(update={"for_s": 0.0})
    assert spans([0.1, 0.8, 0.1], rule) == [(10.0, 20.0)]


def test_an_episode_that_lasts_to_the_end_is_found():
    assert spans([0.1, 0.9, 0.9]) == [(10.0, 30.0)]


def test_an_epoch_that_was_not_scored_ends_an_episode():
    assert spans([0.9, 0.9, float("nan"), 0.9]) == [(0.0, 20.0)]


def test_a_gap_in_the_recording_ends_an_episode():
    assert spans([0.9, 0.9, 0.9], onsets=[0.0, 50.0, 60.0]) == [(50.0, 70.0)]


def test_windows_that_overlap_last_from_the_first_ones_start_to_the_last_ones_end():
    assert spans([0.9, 0.9], step_s=2.0) == []
    assert spans([0.9] * 6, step_s=2.0) == [(0.0, 20.0)]


def test_the_peak_is_the_highest_probability_of_the_whole_episode():
    (found,) = find_episodes(make_table([0.8, 0.81, 0.99, 0.9]), [SEIZURE], 10.0)
    assert found.peak == 0.99
    assert found.duration_s == 40.0


def test_rules_of_classes_that_a_table_does_not_have_find_nothing():
    other = AlertRule(label="GPD", probability=0.5)
    assert find_episodes(make_table([0.9] * 5), [other], 10.0) == []


def test_two_rules_of_one_class_both_tell_and_the_earliest_comes_first():
    short = AlertRule(label="Seizure", probability=0.95)
    found = find_episodes(make_table([0.8, 0.99, 0.9]), [short, SEIZURE], 10.0)
    assert [one.rule for one in found] == [SEIZURE, short]


def test_a_stream_is_told_the_moment_that_an_episode_has_lasted_long_enough_and_once():
    watch = Watch(SEIZURE, 10.0)
    told = [watch.see(10.0 * number, 0.9) is not None for number in range(5)]
    assert told == [False, True, False, False, False]


def test_a_second_episode_is_told_of_again():
    watch = Watch(SEIZURE, 10.0)
    values = [0.9, 0.9, 0.1, 0.9, 0.9]
    told = [watch.see(10.0 * number, value) is not None for number, value in enumerate(values)]
    assert told == [False, True, False, False, True]


@pytest.mark.slow
@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=40))
def test_found_episodes_are_the_runs_that_a_plain_count_finds(values):
    runs, start = [], None
    for number, value in enumerate([*values, 0.0]):
        if value >= 0.8:
            start = number if start is None else start
        elif start is not None:
            runs += [(10.0 * start, 10.0 * number)] if number - start >= 2 else []
            start = None
    assert spans(values) == runs


def test_a_rule_is_named_by_what_it_asks():
    assert SEIZURE.name == "Seizure ≥ 0.8 for ≥ 20 s"


@pytest.mark.parametrize(
    "wrong", [{"probability": 1.2}, {"probability": 0.5, "for_s": -1}, {"probability": 0.5, "x": 1}]
)
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="AlertRule"):
        AlertRule(label="Seizure", **wrong)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("ending", ["json", "yaml", "yml"])
def test_rules_are_read_from_a_file(tmp_path, ending, nested):
    rules = [{"label": "Seizure", "probability": 0.8, "for_s": 20}]
    path = tmp_path / f"rules.{ending}"
    path.write_text(json.dumps({"rules": rules} if nested else rules))  # JSON is YAML, too
    assert read_rules(path) == (SEIZURE,)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("rules: [", "not a file of alert rules"),
        ("- {label: Seizure}", r"rule 0\.probability: Field required"),
        ("- {label: Seizure, probability: high}", r"rule 0\.probability"),
        ("- {label: Seizure, probability: .5, durations: 3}", r"rule 0\.durations"),
        ("12", "valid tuple"),
    ],
)
def test_a_file_of_rules_that_is_wrong_is_refused_with_the_place(tmp_path, content, reason):
    path = tmp_path / "rules.yaml"
    path.write_text(content)
    with pytest.raises(EpochalError, match=reason):
        read_rules(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(EpochalError, match=r"none\.json"):
        read_rules(tmp_path / "none.json")


def test_without_a_reader_of_yaml_json_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / "rules.yaml"
    path.write_text("[]")
    with pytest.raises(EpochalError, match=r"write the rules as \.json"):
        read_rules(path)


def test_a_rule_that_could_never_be_met_is_refused_at_the_start():
    held = {"icu": ("Seizure", "Other"), "sleep": ("W", "N2")}
    check_labels([SEIZURE], held)
    check_labels([], {})
    for rule in (
        AlertRule(label="Seizures", probability=0.5),
        SEIZURE.model_copy(update={"bundles": ("sleep",)}),
    ):
        with pytest.raises(EpochalError, match="icu: Seizure, Other; sleep: W, N2"):
            check_labels([rule], held)
