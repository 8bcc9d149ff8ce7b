import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import EpochalError
from epochal.evaluation.scoring_files import KINDS, read_scoring
from epochal.hypnogram.sleep_statistics import (
    CLASSES,
    DEFINITIONS,
    NOT_PRODUCED,
    measure_sleep,
    show,
    tabulate,
)

YASA = json.loads(Path(__file__).with_name("yasa_statistics.json").read_text(encoding="utf-8"))
# ours, where the definitions agree; their REM latency and fragmentation are other quantities
SAME_AS_YASA = {
    "tib_min": "TIB", "tst_min": "TST", "se_percent": "SE", "sol_min": "SOL", "spt_min": "SPT",
    "waso_spt_min": "WASO", "sme_percent": "SME", "w_min": "WAKE",
    **{f"{name.lower()}_min": name for name in CLASSES[1:]},
    **{f"{name.lower()}_percent": f"%{name}" for name in CLASSES[1:]},
}  # fmt: skip
LIGHTS = {"tib_min", "se_percent", "sol_min", "waso_min"}


def night(text):
    """`W*4 N1` is four epochs of wake and one of N1; `?` is unscored."""
    parts = [(*part.split("*"), "1")[:2] for part in text.split()]
    return [None if name == "?" else name for name, n in parts for _ in range(int(n))]


def measure(text, *, whole=True, **options):
    labels = night(text)
    if whole:  # the lights go off as the recording starts, and on as it ends
        options = {"lights_off_s": 0, "lights_on_s": 30 * len(labels)} | options
    return measure_sleep(labels, **options)


def values(text, **options):
    return measure(text, **options).values


NIGHT = "W*4 N1*2 N2*10 N3*8 REM*4 W*2 N2*6 W*4"  # 40 epochs, 20 minutes


def test_time_in_bed_is_from_lights_off_to_lights_on():
    assert values(NIGHT)["tib_min"] == 20.0
    assert values(NIGHT, lights_off_s=30, lights_on_s=1140)["tib_min"] == 18.5


def test_total_sleep_time_is_n1_n2_n3_and_rem():
    assert values(NIGHT)["tst_min"] == 15.0


def test_sleep_efficiency_is_of_time_in_bed():
    assert values(NIGHT)["se_percent"] == pytest.approx(100 * 15 / 20)


def test_sleep_onset_latency_is_from_lights_off_to_the_first_epoch_of_any_stage():
    assert values(NIGHT)["sol_min"] == 2.0
    assert values(NIGHT, lights_off_s=60)["sol_min"] == 1.0
    assert values("W*2 REM*2 N1*2")["sol_min"] == 1.0


def test_one_epoch_of_n1_is_sleep_onset():
    assert values("W*2 N1 W*10 N2*5")["sol_min"] == 1.0


def test_rem_latency_is_from_sleep_onset_not_from_lights_off():
    assert values(NIGHT)["rem_latency_min"] == 10.0
    assert values(NIGHT, lights_off_s=60)["rem_latency_min"] == 10.0


def test_rem_at_sleep_onset_has_latency_zero():
    assert values("W*3 REM*4 N2*5")["rem_latency_min"] == 0.0


def test_waso_by_aasm_is_tib_less_sol_less_tst():
    found = values(NIGHT)
    assert found["waso_min"] == found["tib_min"] - found["sol_min"] - found["tst_min"] == 3.0


def test_waso_within_the_sleep_period_leaves_out_wake_after_the_last_sleep():
    assert values(NIGHT)["waso_spt_min"] == 1.0


def test_the_sleep_period_ends_with_the_last_epoch_of_sleep():
    assert values(NIGHT)["spt_min"] == 16.0
    assert values(NIGHT)["sme_percent"] == pytest.approx(100 * 15 / 16)


def test_stages_are_in_minutes_and_shares_of_total_sleep_time():
    found = values(NIGHT)
    assert [found[f"{name.lower()}_min"] for name in CLASSES] == [5.0, 1.0, 8.0, 4.0, 2.0]
    shares = [found[f"{name.lower()}_percent"] for name in CLASSES[1:]]
    assert shares == pytest.approx([100 * n / 15 for n in (1, 8, 4, 2)])


def test_awakenings_are_bouts_of_wake_within_sleep_without_the_final_one():
    assert values(NIGHT)["awakenings"] == 1
    assert values("W*3 N2 W N2 W*9 N2 W*20")["awakenings"] == 2


def test_an_unscored_stretch_does_not_make_a_bout_of_wake_two():
    assert values("N2 W ? W N2")["awakenings"] == 1
    assert values("N2 ? W N2")["awakenings"] == 1


def test_transitions_are_counted_from_sleep_onset_to_the_last_sleep():
    assert values(NIGHT)["transitions"] == 5
    assert values("W*5 N2*9 W*5")["transitions"] == 0


def test_a_change_of_stage_across_unscored_epochs_is_no_transition():
    assert values("N2*3 ? REM*3 N2")["transitions"] == 1


def test_unscored_epochs_are_neither_sleep_nor_wake():
    found = values("W*2 N2*4 ?*2 N2*4 W*2")
    assert (found["tst_min"], found["w_min"], found["unscored_min"]) == (4.0, 2.0, 1.0)
    assert (found["spt_min"], found["waso_spt_min"]) == (5.0, 0.0)


def test_unscored_minutes_after_sleep_onset_count_in_waso_by_aasm():
    assert values("W*2 N2*4 ?*2 N2*4 W*2")["waso_min"] == 2.0
    assert "unscored minutes" in DEFINITIONS["waso_min"].text


def test_time_in_bed_that_was_not_recorded_is_unscored():
    found = values("W*2 N2*8", lights_off_s=-60, lights_on_s=420)
    assert (found["tib_min"], found["unscored_min"], found["sol_min"]) == (8.0, 3.0, 2.0)


def test_epochs_outside_the_lights_are_left_out():
    found = values("N2*4 W*4 N2*10 W*2 REM*4", lights_off_s=120, lights_on_s=600)
    assert (found["tst_min"], found["rem_min"], found["sol_min"]) == (5.0, 0.0, 2.0)


def test_an_epoch_belongs_to_the_side_of_the_lights_on_which_its_middle_lies():
    assert values("W*2 N2*8", lights_off_s=14)["w_min"] == 1.0
    assert values("W*2 N2*8", lights_off_s=16)["w_min"] == 0.5


def test_sleep_at_lights_off_has_latency_zero():
    assert values("N2*8", lights_off_s=10)["sol_min"] == 0.0


def test_without_lights_what_needs_them_is_not_available():
    found = measure(NIGHT, whole=False)
    assert {name for name in LIGHTS if found.values[name] is None} == LIGHTS
    assert {found.missing[name] for name in LIGHTS} == {"lights off is not known"}
    assert found.values["waso_spt_min"] == 1.0
    assert found.values["tst_min"] == 15.0


def test_lights_off_alone_give_the_latency_but_no_time_in_bed():
    found = measure(NIGHT, whole=False, lights_off_s=60)
    assert found.values["sol_min"] == 1.0
    assert found.missing["tib_min"] == found.missing["se_percent"] == "lights on is not known"


def test_lights_on_alone_give_no_latency():
    found = measure(NIGHT, whole=False, lights_on_s=600)
    assert found.missing["sol_min"] == "lights off is not known"


def test_a_night_without_sleep_has_no_latencies():
    found = measure("W*40")
    assert (found.values["tst_min"], found.values["se_percent"]) == (0.0, 0.0)
    assert (found.values["spt_min"], found.values["awakenings"]) == (0.0, 0.0)
    without = {
        "sol_min",
        "rem_latency_min",
        "waso_min",
        "waso_spt_min",
        "sme_percent",
        "n2_percent",
    }
    assert {found.missing[name] for name in without} == {"no epoch of sleep"}


def test_a_night_without_rem_has_no_rem_latency_but_zero_minutes():
    found = measure("W*4 N2*10 W*2")
    assert found.missing["rem_latency_min"] == "no epoch of REM"
    assert (found.values["rem_min"], found.values["rem_percent"]) == (0.0, 0.0)


def test_a_night_that_nobody_scored_has_no_sleep():
    found = measure("?*10")
    assert (found.values["unscored_min"], found.values["tst_min"]) == (5.0, 0.0)


def test_artefacts_keep_their_stage_and_are_counted_in_bed():
    flags = [False] * 3 + [True] * 4 + [False] * 33
    found = measure(NIGHT, artefact=flags, lights_off_s=120)
    assert found.values["artefact_min"] == 1.5
    assert found.values["n1_min"] == 1.0
    assert measure(NIGHT).missing["artefact_min"] == "no flags of signal quality were given"


def test_other_epoch_lengths_scale_the_minutes():
    found = measure_sleep(night(NIGHT), epoch_s=20, lights_off_s=0, lights_on_s=800)
    assert found.values["tst_min"] == pytest.approx(10.0)
    assert found.values["tib_min"] == pytest.approx(800 / 60)


def test_missing_labels_may_be_nan_as_pandas_has_them():
    assert measure_sleep(pd.Series(["N2", np.nan, None])).values["unscored_min"] == 1.0


def test_an_unknown_label_is_refused_by_name_and_epoch():
    with pytest.raises(EpochalError, match="Epoch 1: 'NREM' is no sleep stage"):
        measure_sleep(["W", "NREM"])


def test_lights_in_the_wrong_order_are_refused():
    with pytest.raises(EpochalError, match="Lights on at 100 s is not after lights off at 600 s"):
        measure(NIGHT, lights_off_s=600, lights_on_s=100)


def test_a_bed_without_any_epoch_is_refused():
    with pytest.raises(EpochalError, match="No epoch between lights off and on"):
        measure(NIGHT, lights_off_s=9000, lights_on_s=9900)
    with pytest.raises(EpochalError, match="No epochs"):
        measure_sleep([])


def test_marks_of_artefacts_need_one_per_epoch():
    with pytest.raises(EpochalError, match="3 marks of artefacts for 40 epochs"):
        measure(NIGHT, artefact=[True] * 3)


@pytest.mark.parametrize("case", YASA["cases"], ids=lambda case: case["name"])
def test_yasa_says_the_same_where_its_definitions_do(case):
    found = values(case["hypnogram"])
    for ours, theirs in SAME_AS_YASA.items():
        expected = case["yasa"][theirs]
        if expected is None:
            assert found[ours] is None, ours
        else:
            assert found[ours] == pytest.approx(expected, abs=1e-4), ours


@pytest.mark.parametrize("case", YASA["cases"], ids=lambda case: case["name"])
def test_yasas_rem_latency_less_its_sleep_latency_is_the_aasms(case):
    theirs = case["yasa"]
    expected = None if theirs["Lat_REM"] is None else theirs["Lat_REM"] - theirs["SOL"]
    assert values(case["hypnogram"])["rem_latency_min"] == (
        expected if expected is None else pytest.approx(expected, abs=1e-4)
    )


@pytest.mark.slow
@given(st.lists(st.sampled_from([*CLASSES, None]), min_size=1, max_size=200))
def test_the_minutes_of_any_night_add_up(labels):
    found = measure_sleep(labels, lights_off_s=0, lights_on_s=30 * len(labels)).values
    parts = ["w_min", "n1_min", "n2_min", "n3_min", "rem_min", "unscored_min"]
    assert sum(found[name] for name in parts) == pytest.approx(found["tib_min"])
    if found["sol_min"] is not None:
        whole = found["sol_min"] + found["tst_min"] + found["waso_min"]
        assert whole == pytest.approx(found["tib_min"])
        assert found["waso_spt_min"] <= found["waso_min"] + 1e-9


def test_every_statistic_carries_its_definition():
    found = measure(NIGHT)
    assert list(found.values) == list(DEFINITIONS)
    assert all(one.text.endswith(".") and one.unit and one.name for one in DEFINITIONS.values())
    assert "arousals" in NOT_PRODUCED


def test_the_table_says_why_a_value_is_missing():
    table = tabulate(measure(NIGHT, whole=False)).set_index("statistic")
    assert list(table) == ["name", "value", "unit", "definition"]
    assert table.loc["tst_min", "value"] == 15.0
    assert np.isnan(table.loc["tib_min", "value"])
    assert table.loc["tib_min", "definition"].startswith("Not available: lights off is not known.")


def test_a_value_is_printed_with_its_unit():
    assert show(12.345, "min") == "12.3 min"
    assert show(4.0, "count") == "4"
    assert show(None, "%") == "not available"


@pytest.mark.slow
def test_the_statistics_of_real_nights_add_up():
    folder = Path(os.environ.get("EPOCHAL_DATA", "absent")) / "sleep_edf_hypnograms"
    paths = sorted(folder.glob("*-Hypnogram.edf"))[:12]
    if not paths:
        pytest.skip("EPOCHAL_DATA holds no sleep_edf_hypnograms")
    for path in paths:
        codes = read_scoring(path, KINDS["human"], epoch_s=30).codes
        labels = [CLASSES[code] if code >= 0 else None for code in codes]
        found = measure_sleep(labels, lights_off_s=0, lights_on_s=30 * len(labels)).values
        assert found["sol_min"] + found["tst_min"] + found["waso_min"] == pytest.approx(
            found["tib_min"]
        )
        assert 100 < found["tst_min"] < found["spt_min"] < 900
        assert 10 < found["rem_latency_min"] < 400
        shares = [found[f"{name.lower()}_percent"] for name in CLASSES[1:]]
        assert sum(shares) == pytest.approx(100)
