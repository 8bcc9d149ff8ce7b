from datetime import datetime
from xml.etree import ElementTree

import numpy as np
import pytest

from epochal.reports.panels import Areas, Curve, Grid, Marks, Picture, Steps, order_of
from epochal.reports.timeline import LEFT, RIGHT, TimeAxis, Timeline

CLASSES = ("W", "N1", "N2", "N3", "REM")
AXIS = TimeAxis(0.0, 120.0)
GRID = Grid(np.arange(4) * 30.0, 30.0)


def parts_of(panel, tag, axis=AXIS, **wanted):
    """The elements of a panel by tag and attributes."""
    drawn = [ElementTree.fromstring(str(one)) for one in panel.draw(axis)]
    return [e for e in drawn if e.tag == tag and all(e.get(k) == v for k, v in wanted.items())]


def x_at(share):
    return f"{LEFT + (RIGHT - LEFT) * share:.1f}"


def make_timeline(*panels, **given):
    return Timeline(
        panels or [Steps("Scored", GRID, np.array([0, 2, 2, 4]), CLASSES, order_of(CLASSES))],
        given.pop("axis", AXIS), "t", "A night", "Four epochs", **given,
    )  # fmt: skip


def test_a_hypnogram_has_rem_below_wake_and_deep_sleep_at_the_bottom():
    assert [CLASSES[code] for code in order_of(CLASSES)] == ["W", "REM", "N1", "N2", "N3"]
    assert order_of(("W", "NREM", "REM")) == (0, 2, 1)


def test_classes_that_are_no_stages_stay_as_they_are_listed():
    assert order_of(("baseline", "stress")) == (0, 1)


def test_bouts_join_neighbours_of_one_stage():
    assert GRID.bouts(np.array([0, 2, 2, 4])) == [(0, 30, 0), (30, 90, 2), (90, 120, 4)]


def test_an_unscored_epoch_ends_a_bout():
    assert GRID.bouts(np.array([2, -1, 2, 2])) == [(0, 30, 2), (60, 120, 2)]


def test_a_gap_ends_a_bout():
    grid = Grid(np.array([0.0, 30.0, 300.0]), 30.0)
    assert grid.bouts(np.array([2, 2, 2])) == [(0, 60, 2), (300, 330, 2)]


def test_an_overlapping_epoch_lasts_until_the_next_begins():
    grid = Grid(np.array([0.0, 30.0, 60.0]), 60.0)
    assert grid.ends_s.tolist() == [30, 60, 120]
    assert grid.bouts(np.array([1, 1, 0])) == [(0, 60, 1), (60, 120, 0)]


def test_columns_are_the_epochs_where_these_are_few():
    edges, shown = GRID.columns(np.array([1.0, 2.0, 3.0, 4.0]), AXIS)
    assert edges.tolist() == [0, 30, 60, 90, 120]
    assert shown.tolist() == [1, 2, 3, 4]


def test_many_epochs_are_averaged_into_columns():
    grid = Grid(np.arange(1800.0), 1.0)
    values = np.tile([0.0, 1.0], 900)
    _, shown = grid.columns(values, TimeAxis(0.0, 1800.0))
    assert len(shown) == 900
    assert np.allclose(shown, 0.5)


def test_a_column_in_a_gap_is_empty():
    grid = Grid(np.array([0.0, 90.0]), 30.0)
    _, shown = grid.columns(np.array([1.0, 2.0]), TimeAxis(0.0, 240.0))
    assert np.isnan(shown[-1])


def test_each_bout_is_a_bar_of_its_classs_row_and_colour():
    panel = Steps("Scored", GRID, np.array([0, 2, 2, 4]), CLASSES, order_of(CLASSES))
    bars = parts_of(panel, "path", **{"class": "bout"})
    assert len(bars) == 3
    wake = next(bar for bar in bars if "--class-0" in bar.get("stroke"))
    assert wake.get("d").startswith(f"M{x_at(0)} ")
    assert wake.get("d").endswith(f"H{x_at(0.25)}")
    names = [text.text for text in parts_of(panel, "text")]
    assert names == ["W", "REM", "N1", "N2", "N3"]


def test_the_line_of_steps_breaks_where_nothing_is_scored():
    whole, broken = (
        parts_of(Steps("S", GRID, np.array(codes), CLASSES, order_of(CLASSES)), "path",
                 **{"class": "steps"})[0].get("d")
        for codes in ([0, 1, 2, 3], [0, -1, 2, 3])
    )  # fmt: skip
    assert whole.count("M") == 1
    assert broken.count("M") == 2


def test_certain_probabilities_fill_the_panel_with_one_class():
    proba = np.zeros((4, 5))
    proba[:, 2] = 1.0
    panel = Areas("P", GRID, proba, order_of(CLASSES), height=80.0)
    deep, light = (
        next(e for e in parts_of(panel, "path") if f"--class-{code}" in e.get("fill"))
        for code in (3, 2)
    )
    assert "V80.0H" in deep.get("d")  # flat on the ground
    assert "V0.0H" in light.get("d")  # up to the top


def test_an_epoch_without_probabilities_leaves_a_hole():
    proba = np.full((4, 2), 0.5)
    proba[1] = np.nan
    panel = Areas("P", GRID, proba, (0, 1))
    assert parts_of(panel, "path")[0].get("d").count("M") == 2


def test_a_curve_is_cut_at_the_top_of_its_scale():
    panel = Curve("C", GRID, np.array([0.0, 5.0, 10.0, 99.0]), 0.0, 10.0, height=50.0)
    (path,) = parts_of(panel, "path")
    assert path.get("d").count("V0.0H") == 2  # 10 and 99
    assert [text.text for text in parts_of(panel, "text")] == ["10", "0"]


def test_marks_stand_where_epochs_are_marked():
    panel = Marks("Flags", GRID, {"flat": np.array([0, 1, 1, 0]), "pop": np.zeros(4)})
    (bar,) = parts_of(panel, "path")
    assert bar.get("d") == f"M{x_at(0.25)} 8.0H{x_at(0.75)}"
    assert panel.height == 32


def test_a_picture_spans_the_axis():
    (image,) = parts_of(Picture("EEG", "data:image/png;base64,", "30 Hz", "0"), "image")
    assert float(image.get("x")) == LEFT
    assert float(image.get("width")) == RIGHT - LEFT


@pytest.mark.parametrize(
    ("length_s", "step_s"), [(50, 5), (3600, 300), (8 * 3600, 3600), (24 * 3600, 7200)]
)
def test_ticks_are_round_and_a_dozen_at_most(length_s, step_s):
    ticks = TimeAxis(0.0, float(length_s)).ticks_s()
    assert np.diff(ticks).tolist() == [step_s] * (len(ticks) - 1)
    assert len(ticks) <= 14


def test_a_timeline_tells_its_title_and_what_it_shows_to_those_who_do_not_see_it():
    drawn = ElementTree.fromstring(str(make_timeline().draw()))
    assert drawn.get("aria-labelledby") == "t-title t-desc"
    assert [drawn[0].text, drawn[1].text] == ["A night", "Four epochs"]


def test_hours_are_named_from_the_start_and_by_the_clock_where_it_is_known():
    axis = TimeAxis(0.0, 7200.0, datetime(2024, 3, 4, 22, 45))
    words = [e.text for e in ElementTree.fromstring(str(make_timeline(axis=axis).draw())).iter()]
    assert {"0:00", "1:00", "2:00", "22:45", "23:45", "00:45"} <= set(words)
    assert "2024" not in " ".join(filter(None, words))  # the day is nobody's business


def test_lights_and_dark_phases_are_drawn_through_all_panels():
    drawn = make_timeline(shaded=[(0.0, 60.0)], moments=[(90.0, "lights on")]).draw()
    root = ElementTree.fromstring(str(drawn))
    (shade,) = [e for e in root.iter() if e.get("class") == "shade"]
    (moment,) = [e for e in root.iter() if e.get("class") == "moment"]
    assert float(shade.get("width")) == pytest.approx((RIGHT - LEFT) / 2)
    assert moment.get("x1") == x_at(0.75)
    assert "lights on" in drawn


def test_names_from_a_file_are_escaped():
    flags = Marks("<b>", GRID, {"<script>alert(1)</script>": np.ones(4)})
    drawn = str(make_timeline(flags).draw())
    assert "<script" not in drawn
    assert "<b>" not in drawn
