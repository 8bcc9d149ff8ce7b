"""The picture of a comparison."""

import io

import pytest

from epochal.experiments.figure import draw_comparison
from epochal.experiments.options import ExperimentOptions
from epochal.experiments.table import compare
from experiment_material import make_judged

GOOD = {"s1": [[9, 1], [0, 10]], "s2": [[8, 2], [1, 9]], "s3": [[10, 0], [1, 9]]}


def draw(*judged):
    return draw_comparison(compare(judged, ExperimentOptions(), n_bootstrap=50, seed=0))


def test_there_is_a_row_per_cell_and_a_panel_per_figure():
    figure = draw(make_judged(GOOD, name="features", network=False), make_judged(GOOD, name="net"))
    panels = figure.get_axes()
    assert [text.get_text() for text in panels[0].get_yticklabels()] == ["features", "net"]
    assert all("interval over subjects" in one.get_xlabel() for one in panels)
    assert ["macro-F1" in panels[0].get_xlabel(), "κ" in panels[1].get_xlabel()] == [True, True]


def test_the_figure_says_that_its_data_are_simulated_and_who_was_held_out():
    figure = draw(make_judged(GOOD, name="net"))
    assert "simulated" in figure.get_supxlabel()
    assert "3 held-out subjects; line: net" in figure.get_suptitle()


@pytest.mark.slow
def test_one_animal_without_an_interval_can_be_drawn():
    image = io.BytesIO()
    draw(make_judged({"s1": GOOD["s1"]}, name="net")).savefig(image, format="png")
    assert image.getvalue().startswith(b"\x89PNG")
