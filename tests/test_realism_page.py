"""The page on simulated recordings shows what the benchmark measured; its pieces for mice."""

import importlib
import json

import numpy as np
import pytest

from projects import ROOT

FOLDER = ROOT / "benchmarks/realism"


def load(name, monkeypatch):
    pytest.importorskip("matplotlib", reason="the page has pictures")
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module(name)


@pytest.fixture
def report():
    return json.loads((ROOT / "benchmarks/results/realism.json").read_text(encoding="utf-8"))


@pytest.fixture
def mice(monkeypatch):
    return load("mice", monkeypatch)


def test_every_table_of_the_page_is_that_of_the_results(report, monkeypatch):
    page = load("page", monkeypatch)
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.fill(text, report) == text
    assert len(text) > 5000


def test_another_result_changes_the_page(report, monkeypatch):
    page = load("page", monkeypatch)
    report["rows"][0]["ours"] = 0.1234
    assert "| 0.123 |" in page.fill(page.PAGE.read_text(encoding="utf-8"), report)


def test_a_page_without_a_table_is_refused_by_its_name(report, monkeypatch):
    page = load("page", monkeypatch)
    with pytest.raises(SystemExit, match="no table 'rows'"):
        page.fill("nothing", report)


@pytest.mark.slow
def test_the_pictures_show_every_stage(report, monkeypatch):
    page = load("page", monkeypatch)
    titles = [axes.get_title() for axes in page.draw_spectra(report).axes]
    assert titles == [f"{s}, {c}" for c in ("Fpz-Cz", "Pz-Oz") for s in page.STAGES]
    ticks = [
        [t.get_text() for t in axes.get_xticklabels()] for axes in page.draw_bouts(report).axes
    ]
    assert ticks == [page.STAGES, ["W", "NREM", "REM"]]


def test_the_goals_of_the_simulators_are_met(report):
    rows = {row["case"]: row for row in report["rows"] if row["peer_name"].startswith("goal")}
    assert len(rows) == 6
    assert {case for case, row in rows.items() if row["ratio"] < 1} == set()
    ours = report["models"]["simulated nights, across subjects"]
    assert 0.80 <= ours["accuracy"] <= 0.90
    assert min((value, name) for name, value in ours.items() if name.startswith("f1"))[1] == "f1_N1"


class TestMice:
    def test_without_an_interpreter_the_other_rows_stand_and_how_to_make_one_is_said(
        self, mice, monkeypatch, tmp_path, capsys
    ):
        plain = {"kappa": 0.7, "accuracy": 0.8}
        monkeypatch.setattr(mice, "logistic_on_three_features", lambda options: plain)
        monkeypatch.setattr(mice, "compare_hypnograms", lambda folder: [])
        found = mice.report(tmp_path, tmp_path, None)
        assert [row["ours"] for row in found["rows"]] == [0.7]
        assert found["agreement"] == {}
        said = capsys.readouterr().err
        assert "Python 3.12" in said
        assert "export EPOCHAL_SOMNUS_PYTHON=" in said

    def test_bouts_and_transitions_of_a_known_day(self, mice):
        day = np.repeat(["W", "NREM", "REM", "W", "REM"], [450, 225, 75, 149, 1])  # an hour
        found = mice.summary([day])
        assert found["share of NREM"] == pytest.approx(0.25)
        assert found["bouts of NREM, s, quantile 0.5"] == 900
        assert found["NREM to REM, per hour"] == pytest.approx(1)
        assert found["W to REM, per hour"] == pytest.approx(1)

    @pytest.mark.slow
    def test_the_three_features_tell_slow_waves_theta_and_muscle(self, mice):
        options = mice.rodent.Options(n_subjects=1, length_h=0.5, seed=3)
        made = mice.rodent.simulate(options, 0)
        features = mice.three_features(made)
        assert features.shape == (180, 3)
        np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)
        means = {s: features[made.stages == s].mean(axis=0) for s in ("W", "NREM")}
        assert means["NREM"][0] > means["W"][0]
        assert means["NREM"][2] < means["W"][2]

    @pytest.mark.slow
    def test_artefact_epochs_are_left_out_of_the_agreement(self, mice):
        options = mice.rodent.Options(n_subjects=1, length_h=1, seed=1, epoch_s=4, artefacts=8)
        made = mice.rodent.simulate(options, 0)
        truth, guess = mice._usable(options, 0, ["W"] * 800)
        assert made.bad[:800].any()
        assert len(truth) == len(guess) == 800 - made.bad[:800].sum()
