"""The sleep report, clause by clause on hypnograms made by hand."""

import json

import numpy as np
import pytest

from epochal.hypnogram.sleep_statistics import DEFINITIONS, NOT_PRODUCED
from epochal.serving.report.sleep import list_statistics, measure_night, on_time_grid
from made_report import material_of, report_of, spell
from page_checks import check_page
from projects import ROOT

# in bed from minute 2 to 28; asleep from minute 5 to 24 but for a minute
NIGHT = "W*10 N1*4 N2*10 N3*8 W*2 N2*6 REM*8 W*12"
LIGHTS = {"lights_off_s": 120.0, "lights_on_s": 1680.0}


def told(pattern=NIGHT, **given):
    """What the table says, by the statistic's name."""
    rows = list_statistics(measure_night(material_of(spell(pattern), **given)).statistics)
    return {row.name: row.value for row in rows}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIB", "26.0 min"), ("TST", "18.0 min"), ("SE", "69.2 %"), ("SOL", "3.0 min"),
        ("REM latency", "15.0 min"), ("WASO (AASM)", "5.0 min"), ("SPT", "19.0 min"),
        ("WASO (SPT)", "1.0 min"), ("Maintenance", "94.7 %"), ("N1", "2.0 min"),
        ("N2", "8.0 min"), ("N3", "4.0 min"), ("REM", "4.0 min"), ("REM share", "22.2 %"),
        ("N2 share", "44.4 %"), ("Awakenings", "1"), ("Transitions", "5"),
        ("Unscored", "0.0 min"), ("Artefact", "0.0 min"),
    ],
)  # fmt: skip
def test_each_statistic_of_a_night_with_lights(name, value):
    assert told(metadata=LIGHTS)[name] == value


def test_every_statistic_has_its_definition_beside_it():
    shown = check_page(report_of(spell(NIGHT), metadata=LIGHTS)).shown
    for definition in DEFINITIONS.values():
        assert definition.name in shown
        assert definition.text in shown


@pytest.mark.parametrize("name", ["TIB", "SE", "SOL", "WASO (AASM)"])
def test_without_lights_what_counts_from_them_is_not_available(name):
    assert told()[name] == "not available: lights off is not known"


def test_without_lights_what_does_not_need_them_is_there():
    values = told()
    assert (values["TST"], values["SPT"], values["WASO (SPT)"]) == (
        "18.0 min", "19.0 min", "1.0 min",
    )  # fmt: skip
    assert values["REM latency"] == "15.0 min"


def test_lights_off_alone_gives_the_latency_but_not_the_time_in_bed():
    values = told(metadata={"lights_off_s": 120.0})
    assert values["SOL"] == "3.0 min"
    assert values["TIB"] == "not available: lights on is not known"


def test_the_cards_on_top_show_what_is_available():
    shown = check_page(report_of(spell(NIGHT))).shown
    before_statistics = shown.split("Over time")[0]
    assert "18.0 min TST" in before_statistics
    assert "SOL" not in before_statistics
    with_lights = check_page(report_of(spell(NIGHT), metadata=LIGHTS)).shown.split("Over time")[0]
    assert "3.0 min SOL" in with_lights
    assert "69.2 % SE" in with_lights


def test_the_page_says_which_lights_it_counts_from():
    shown = check_page(report_of(spell(NIGHT), metadata=LIGHTS)).shown
    assert "lights off at 0:02:00 and lights on at 0:28:00 from the recording's start" in shown
    assert "Lights off and on are not known" in check_page(report_of(spell(NIGHT))).shown


def test_lights_before_the_start_are_told_with_their_sign():
    lights = {"lights_off_s": -60.0, "lights_on_s": 1680.0}
    assert "lights off at −0:01:00" in check_page(report_of(spell(NIGHT), metadata=lights)).shown
    assert told(metadata=lights)["SOL"] == "6.0 min"


def test_lights_that_cannot_be_are_not_used_and_the_page_says_so():
    lights = {"lights_off_s": 1680.0, "lights_on_s": 120.0}
    shown = check_page(report_of(spell(NIGHT), metadata=lights)).shown
    assert "Lights on at 120 s is not after lights off at 1680 s: lights not used." in shown
    assert told(metadata=lights)["TIB"].startswith("not available")


def test_what_the_manual_also_asks_for_is_named_as_missing():
    assert NOT_PRODUCED in check_page(report_of(spell(NIGHT))).shown


def test_a_night_without_rem_says_so():
    assert told("W*4 N2*20 W*4")["REM latency"] == "not available: no epoch of REM"
    assert told("W*4 N2*20 W*4")["REM"] == "0.0 min"


def test_a_night_without_sleep_has_a_page():
    shown = check_page(report_of(spell("W*30"))).shown
    assert "not available: no epoch of sleep" in shown
    assert "0.0 min TST" in shown


def test_artefacts_keep_their_stage_and_are_counted():
    flags = ["motion_burst"] * 4 + ["outside_reference"] * 4 + [""] * 52
    values = told(flags=flags)
    assert values["Artefact"] == "2.0 min"
    assert values["TST"] == "18.0 min"


def test_a_gap_in_the_file_is_unscored_time():
    onsets = np.concatenate([np.arange(10), np.arange(20, 30)]) * 30.0
    material = material_of(spell("N2*20"), onsets_s=onsets)
    labels, _ = on_time_grid(material)
    assert labels == ["N2"] * 10 + [None] * 10 + ["N2"] * 10
    values = told("N2*20", onsets_s=onsets)
    assert (values["TST"], values["SPT"], values["Unscored"]) == ("10.0 min", "15.0 min", "5.0 min")


@pytest.mark.parametrize("gap_s", [0, 7, 15, 45, 75])
def test_every_epoch_after_a_gap_of_any_length_counts(gap_s):
    onsets = np.arange(60) * 30.0
    onsets[4:] += gap_s
    material = material_of(spell(NIGHT), onsets_s=onsets, flags=["flat"] * 20 + [""] * 40)
    labels, artefact = on_time_grid(material)
    assert [label for label in labels if label is not None] == spell(NIGHT)
    assert artefact.sum() == 20
    values = told(onsets_s=onsets)
    assert (values["TST"], values["W"], values["N2"]) == ("18.0 min", "12.0 min", "8.0 min")


def test_a_recording_that_begins_late_counts_lights_from_its_own_clock():
    onsets = 600.0 + np.arange(60) * 30.0
    lights = {name: at + 600.0 for name, at in LIGHTS.items()}
    assert told(onsets_s=onsets, metadata=lights)["SOL"] == "3.0 min"


def test_lights_are_marked_in_the_figure_where_they_lie_in_it():
    page = report_of(spell(NIGHT), metadata=LIGHTS | {"lights_off_s": -60.0})
    assert page.count('class="moment"') == 1
    assert "lights on</text>" in page


YASA = json.loads((ROOT / "tests/hypnogram/yasa_statistics.json").read_text(encoding="utf-8"))
# where YASA 0.8.1 defines a statistic as the AASM does, lights at both ends of the recording
SAME = {
    "TIB": "TIB", "TST": "TST", "SPT": "SPT", "SE": "SE", "Maintenance": "SME", "SOL": "SOL",
    "WASO (SPT)": "WASO", "N1": "N1", "N2": "N2", "N3": "N3", "REM": "REM",
}  # fmt: skip


@pytest.mark.parametrize("case", YASA["cases"], ids=lambda case: case["name"])
@pytest.mark.parametrize("name", SAME)
def test_the_report_prints_what_yasa_says_where_definitions_agree(case, name):
    labels = spell(case["hypnogram"])
    lights = {"lights_off_s": 0.0, "lights_on_s": 30.0 * len(labels)}
    expected = case["yasa"][SAME[name]]
    found = told(case["hypnogram"], metadata=lights)[name]
    if expected is None:
        assert found.startswith("not available")
    else:
        assert float(found.split()[0]) == pytest.approx(expected, abs=0.051)
