import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from epochal.errors import EpochalError, RecordingError
from epochal.evaluation.comparison import compare_scorings, pool
from epochal.evaluation.comparison_text import figures_line, offset_line, print_whole
from epochal.evaluation.scoring_files import KINDS, Lights, Scoring

HUMAN = KINDS["human"]


def a_night(n_epochs=900, seed=0):
    random = np.random.default_rng(seed)
    bouts = [np.full(random.integers(1, 21), random.integers(0, 5)) for _ in range(n_epochs)]
    return np.concatenate(bouts)[:n_epochs]


def scoring(codes, name="night.txt", **facts):
    values = {"start_s": 0.0, "starts_at": None, "lights": Lights()} | {
        key: facts.pop(key) for key in ("start_s", "starts_at", "lights") if key in facts
    }
    return Scoring(Path(name), np.asarray(codes), facts={"data_source": "real", **facts}, **values)


def compare(scored, reference, **options):
    options = {"epoch_s": 30.0, "most_offset_min": 10.0} | options
    kind = options.pop("kind", HUMAN)
    return compare_scorings(scored, reference, kind, **options)


def test_a_scoring_agrees_with_itself_in_all_figures():
    found = compare(scoring(a_night()), scoring(a_night())).summary
    assert (found["kappa"], found["accuracy"], found["macro_f1"]) == (1.0, 1.0, 1.0)
    assert (found["kappa_low"], found["kappa_high"]) == (1.0, 1.0)
    assert found["structure"]["edit_distance_epochs"] == 0.0
    assert found["problems"] == []


def test_errors_show_in_kappa_and_its_interval():
    wrong = a_night()
    wrong[::5] = (wrong[::5] + 1) % 5
    found = compare(scoring(wrong), scoring(a_night())).summary
    assert found["accuracy"] == pytest.approx(0.8)
    assert found["kappa_low"] <= found["kappa"] <= found["kappa_high"]
    assert "blocks of 30 min" in found["interval"]


def test_an_offset_is_found_and_corrected_and_both_figures_are_told():
    found = compare(scoring(a_night()[:880]), scoring(a_night()[8:888])).summary
    assert (found["offset"]["epochs"], found["offset"]["seconds"]) == (-8, -240.0)
    assert found["kappa"] == 1.0
    assert found["offset"]["kappa_without"] < 0.7
    assert found["n_overlapping"] == 872


def test_the_rows_are_on_the_scored_files_clock():
    rows = compare(scoring(a_night()[:880]), scoring(a_night()[8:888])).epochs
    assert list(rows) == ["epoch", "onset_s", "scored", "reference", "agree"]
    assert rows.loc[0, ["epoch", "onset_s"]].tolist() == [8, 240.0]
    assert rows["agree"].all()


def test_an_epoch_that_one_left_unscored_neither_agrees_nor_disagrees():
    partly = a_night()
    partly[:10] = -1
    rows = compare(scoring(partly), scoring(a_night())).epochs
    assert rows["agree"].isna().sum() == 10
    assert rows["scored"].isna().sum() == 10


def test_files_that_start_at_other_times_of_their_clock_are_put_on_each_other():
    found = compare(
        scoring(a_night()[100:], start_s=3000.0), scoring(a_night()), most_offset_min=0
    ).summary
    assert (found["kappa"], found["offset"]["epochs"]) == (1.0, 0)


def test_the_time_of_day_of_two_files_counts_and_a_wrong_date_does_not():
    start = datetime(2020, 1, 1, 22, 0)
    later = start + timedelta(days=3, minutes=50)
    found = compare(
        scoring(a_night()[100:], starts_at=later),
        scoring(a_night(), starts_at=start),
        most_offset_min=0,
    ).summary
    assert found["kappa"] == 1.0


def test_sleep_statistics_stand_side_by_side_over_the_same_epochs():
    shorter = np.concatenate([[0] * 10, a_night()[10:]])
    found = compare(scoring(shorter), scoring(a_night()), lights=Lights(0.0, 27000.0)).summary
    statistics = found["sleep_statistics"]
    assert statistics["scored"]["tib_min"] == statistics["reference"]["tib_min"] == 450.0
    assert statistics["scored"]["sol_min"] > statistics["reference"]["sol_min"]


def test_without_lights_time_in_bed_is_not_available():
    found = compare(scoring(a_night()), scoring(a_night())).summary
    assert found["sleep_statistics"]["scored"]["tib_min"] is None
    assert found["not_available"]["reference"]["tib_min"] == "lights off is not known"


def test_lights_annotated_in_the_reference_hold_on_its_clock():
    reference = scoring(a_night(), lights=Lights(600.0, 26000.0))
    found = compare(scoring(a_night()[20:]), reference, most_offset_min=15)
    assert found.summary["offset"]["epochs"] == 20
    assert found.summary["sleep_statistics"]["scored"]["tib_min"] == pytest.approx(25400 / 60)
    given = compare(scoring(a_night()), reference, lights=Lights(0.0, 6000.0))
    assert given.summary["sleep_statistics"]["scored"]["tib_min"] == 100.0


@pytest.mark.parametrize(
    ("lights", "said"),
    [
        (Lights(0.0, 12.0), "No epoch between lights off and on (0 to 12 s)"),
        (Lights(600.0, 5.0), "Lights on at 5 s is not after lights off at 600 s"),
    ],
)
def test_lights_that_cannot_be_are_not_used_and_the_rest_is_compared(lights, said):
    with_lights = compare(scoring(a_night()), scoring(a_night(), lights=lights)).summary
    without = compare(scoring(a_night()), scoring(a_night())).summary
    (problem,) = with_lights.pop("problems")
    assert problem.startswith("lights not used")
    assert said in problem
    assert with_lights == {key: value for key, value in without.items() if key != "problems"}


def test_animals_have_no_sleep_statistics():
    codes = a_night() % 3
    found = compare(scoring(codes), scoring(codes), kind=KINDS["rodent"], epoch_s=4.0)
    assert found.statistics == {}
    assert list(found.summary["confusion"]) == ["W", "NREM", "REM"]
    assert not any("TIB" in line for line in print_whole(found))


def test_one_simulated_side_makes_the_comparison_simulated():
    found = compare(scoring(a_night(), data_source="simulated"), scoring(a_night())).summary
    assert found["data_source"] == "simulated"
    assert "Research use only" in found["notice"]


def test_scorings_of_unequal_length_and_strangers_are_noted():
    found = compare(scoring(a_night()), scoring(a_night(400, seed=5))).summary
    assert any("spans 900 epochs" in problem for problem in found["problems"])
    assert any("is it the same recording?" in problem for problem in found["problems"])


def test_an_offset_at_the_edge_of_the_search_is_noted():
    found = compare(scoring(a_night()[20:]), scoring(a_night())).summary
    assert found["offset"]["epochs"] == 20
    assert any("edge of the search" in problem for problem in found["problems"])


def test_nothing_scored_by_both_is_refused():
    with pytest.raises(RecordingError, match=r"no epoch is scored in other\.txt too"):
        compare(scoring(a_night()), scoring(a_night(), "other.txt", start_s=99999.0))


def test_a_summary_can_be_written_as_json():
    json.dumps(compare(scoring(a_night()), scoring(a_night())).summary, allow_nan=False)


def test_recordings_are_pooled_by_epoch_with_an_interval_over_recordings():
    spoilt = a_night(seed=2)
    spoilt[::4] = 0
    pairs = {
        "one": compare(scoring(a_night(seed=1)), scoring(a_night(seed=1))),
        "two": compare(scoring(spoilt), scoring(a_night(seed=2), data_source="simulated")),
    }
    found = pool(pairs, HUMAN)
    assert found["n_epochs"] == 1800
    assert pairs["two"].summary["kappa"] < found["kappa"] < 1.0
    assert found["kappa_low"] == pytest.approx(pairs["two"].summary["kappa"])
    assert (found["kappa_high"], found["data_source"]) == (1.0, "simulated")


def test_one_recording_alone_has_no_interval_over_recordings():
    one = pool({"one": compare(scoring(a_night()), scoring(a_night()))}, HUMAN)
    assert one["kappa_low"] is None
    assert "no interval" in figures_line(one)
    with pytest.raises(EpochalError, match="Nothing was compared"):
        pool({}, HUMAN)


def test_the_text_tells_a_doubted_offset():
    repeating = np.tile(np.repeat([0, 2], 5), 60)
    found = compare(scoring(repeating), scoring(repeating[5:])).summary
    assert "not taken" in offset_line(found)


def test_the_text_holds_figures_classes_statistics_and_what_is_not_produced():
    text = "\n".join(print_whole(compare(scoring(a_night()), scoring(a_night()))))
    for part in ("κ 1.000", "offset 0 epochs", "scored as", "WASO (AASM)", "not available",
                 "--lights-off", "arousals"):  # fmt: skip
        assert part in text


def test_the_clocks_are_told_apart_by_their_seconds():
    found = compare(scoring(a_night()[8:888], start_s=90.0), scoring(a_night()[:880])).summary
    assert found["offset"]["clock_s"] == 8 * 30 - 90.0


def test_structure_tells_fragmented_guesses_from_smooth_ones():
    fragmented = np.repeat(np.tile([1, 2], 30), 10)
    fragmented[::4] = 0
    found = compare(scoring(fragmented), scoring(np.repeat(np.tile([1, 2], 30), 10))).summary
    medians = found["structure"]["median_bout_s"]
    assert medians["scored"]["N1"] < medians["reference"]["N1"] == 300.0
    assert medians["reference"]["W"] is None
    assert found["structure"]["edit_distance_bouts"] > 0.5


def test_what_both_files_have_wrong_is_noted_by_name():
    reference = scoring(a_night(), "mine.txt")._replace(problems=("epochs are counted from 1",))
    found = compare(scoring(a_night()), reference)
    assert found.summary["problems"] == ["mine.txt: epochs are counted from 1"]
    assert "  note: mine.txt: epochs are counted from 1" in list(print_whole(found))
