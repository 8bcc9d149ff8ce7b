from xml.etree import ElementTree

import numpy as np
import pytest

from epochal.reports.charts import (
    Frame,
    Interval,
    Line,
    draw_bars,
    draw_curves,
    draw_dots,
    draw_intervals,
    round_ticks,
)

FRAME = Frame("f", "A chart", "What it shows", (0.0, 10.0), (0.0, 1.0), "x", "y")


def elements(drawn, tag, **wanted):
    root = ElementTree.fromstring(str(drawn))
    return [e for e in root.iter(tag) if all(e.get(k) == v for k, v in wanted.items())]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 30, [0, 10, 20, 30]),
        (-0.3, 0.1, [-0.3, -0.2, -0.1, 0, 0.1]),
        (-12, 33, [-10, 0, 10, 20, 30]),
    ],
)
def test_ticks_are_round(low, high, ticks):
    assert round_ticks(low, high).tolist() == ticks


def test_no_tick_is_minus_zero():
    assert not any(f"{tick:g}" == "-0" for tick in round_ticks(-0.02, 1.0))


def test_a_chart_tells_those_who_do_not_see_it():
    root = ElementTree.fromstring(str(draw_curves(FRAME, [])))
    assert root.get("aria-labelledby") == "f-title f-desc"
    assert [root[0].text, root[1].text] == ["A chart", "What it shows"]


def test_a_curve_runs_from_corner_to_corner():
    line = Line(np.array([0.0, 10.0]), np.array([0.0, 1.0]), 2, dots=True)
    drawn = draw_curves(FRAME, [line])
    (path,) = elements(drawn, "path")
    left, top = float(FRAME.at_x(0.0)), float(FRAME.at_y(1.0))
    right, bottom = float(FRAME.at_x(10.0)), float(FRAME.at_y(0.0))
    assert path.get("d") == f"M{left:.1f} {bottom:.1f}L{right:.1f} {top:.1f}"
    assert "--class-2" in path.get("stroke")
    assert len(elements(drawn, "circle")) == 2


def test_bars_stack_to_their_sum_with_the_first_class_on_top():
    drawn = draw_bars(FRAME, np.array([[0.25, 0.75]]), ["0"], order=(0, 1))
    first, second = (
        next(e for e in elements(drawn, "rect") if f"--class-{code}" in e.get("fill", ""))
        for code in (0, 1)
    )
    assert float(first.get("y")) < float(second.get("y"))
    ratio = float(second.get("height")) / float(first.get("height"))
    assert ratio == pytest.approx(3, abs=0.02)


def test_a_dark_bar_stands_before_a_dark_ground():
    drawn = draw_bars(FRAME, np.ones((2, 1)), ["0", "1"], order=(0,), shaded=[False, True])
    assert len(elements(drawn, "rect", **{"class": "shade"})) == 1


def test_an_absent_class_gets_no_bar():
    drawn = draw_bars(FRAME, np.array([[0.0, 1.0], [np.nan, np.nan]]), ["0", "1"], order=(0, 1))
    assert len(elements(drawn, "rect")) == 1


def test_an_interval_reaches_from_low_to_high_and_one_without_is_a_dot():
    rows = [Interval("m", 0.5, 0.0, 1.0, "0.500"), Interval("other", 0.2, np.nan, np.nan)]
    drawn = draw_intervals("i", "t", "d", rows, x_label="κ")
    assert len(elements(drawn, "line", **{"class": "line"})) == 1
    assert len(elements(drawn, "circle")) == 2
    assert "0.500" in drawn


def test_no_difference_has_a_line_of_its_own():
    rows = [Interval("m", 0.2, 0.1, 0.3)]
    drawn = draw_intervals("i", "t", "d", rows, x_label="Δ", zero=True)
    (zero,) = elements(drawn, "line", **{"class": "moment"})
    dot = elements(drawn, "circle")[0]
    assert float(zero.get("x1")) < float(dot.get("cx"))


def test_a_model_with_a_hostile_name_is_harmless():
    rows = [Interval("<img src=x onerror=alert(1)>", 0.2, 0.1, 0.3)]
    assert "<img" not in draw_intervals("i", "t", "d", rows, x_label="κ")


def test_each_recording_is_a_dot_and_each_group_has_a_median():
    groups = {"oof": np.array([0.1, 0.5, np.nan]), "test": np.array([0.9])}
    drawn = draw_dots(FRAME, groups)
    assert len(elements(drawn, "circle")) == 3
    medians = elements(drawn, "line", **{"class": "median"})
    assert float(medians[0].get("y1")) == pytest.approx(float(FRAME.at_y(0.3)), abs=0.1)
