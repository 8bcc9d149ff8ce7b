import pytest
from made_scored import CLASSES, draw_calibrated, make_scored

from epochal.evaluation.abstention import measure_abstention
from epochal.evaluation.reliability import CHOSEN, measure_calibration, measure_reliability
from epochal.evaluation.reliability_figures import draw_reliability, draw_risk_coverage
from epochal.options.results import EvaluationOptions

OPTIONS = EvaluationOptions(n_bootstrap=50)


def rows(model="stack", role="oof", **changed):
    proba, truth = draw_calibrated(800, concentration=0.4)
    return make_scored(proba, truth, model=model, role=role, **changed)


def reliability_of(*scored):
    curves = measure_reliability(list(scored), OPTIONS, seed=0)
    return draw_reliability(curves, measure_calibration(list(scored), n_bins=15))


def risk_of(*scored):
    targets, curves = measure_abstention(list(scored), 0.1)
    return draw_risk_coverage(curves, targets)


def save(figure, path):
    """Draw everything once: what cannot be drawn fails here."""
    figure.savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    return figure


def labels(axes):
    return [line.get_label() for line in axes.lines if not line.get_label().startswith("_")]


@pytest.mark.slow
def test_every_model_and_class_has_a_curve_over_its_histogram(tmp_path):
    figure = save(reliability_of(rows("a"), rows("b")), tmp_path / "a.png")
    assert len(figure.axes) == 2 * 2 * 4
    titles = [axes.get_title().splitlines() for axes in figure.axes if axes.get_title()]
    assert [title[0] for title in titles] == [*CLASSES, CHOSEN] * 2
    assert all(title[1].startswith("ECE 0.0") for title in titles)
    assert figure.axes[0].get_ylabel().startswith("a\n")


@pytest.mark.slow
def test_out_of_fold_and_test_are_told_apart_and_val_is_left_out(tmp_path):
    figure = save(reliability_of(rows(), rows(role="test"), rows(role="val")), tmp_path / "a.png")
    assert labels(figure.axes[0]) == ["out of fold", "test"]


@pytest.mark.slow
def test_the_curve_of_calibrated_probabilities_follows_the_diagonal():
    figure = reliability_of(rows())
    line = next(line for line in figure.axes[3].lines if line.get_label() == "out of fold")
    assert abs(line.get_xdata() - line.get_ydata()).max() < 0.15


@pytest.mark.slow
def test_the_wanted_error_and_where_it_was_met_stand_with_the_curves(tmp_path):
    figure = save(risk_of(rows("a"), rows("b")), tmp_path / "a.png")
    axes = figure.axes[0]
    assert labels(axes) == ["a", "b", "wanted error"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [dot.get_ydata()[0] for dot in dots] == pytest.approx([0.1, 0.1], abs=0.02)
    assert axes.get_title() == "Abstention (out of fold)"


def test_test_rows_are_shown_where_there_are_some():
    assert risk_of(rows(), rows(role="test")).axes[0].get_title() == "Abstention (test)"


@pytest.mark.slow
@pytest.mark.parametrize("draw", [reliability_of, risk_of])
@pytest.mark.parametrize("source", ["real", "simulated", "real/simulated"])
def test_every_figure_says_what_its_data_are_and_what_it_is_for(draw, source):
    figure = draw(rows(data_source=source))
    words = source.replace("/", " and ")
    assert figure.get_supxlabel() == f"Data: {words}. Research use only, not a medical device."


@pytest.mark.slow
@pytest.mark.parametrize("draw", [reliability_of, risk_of])
def test_a_study_without_models_has_an_empty_figure(draw, tmp_path):
    figure = save(draw(), tmp_path / "a.png")
    assert figure.get_supxlabel().startswith("Data: none.")
