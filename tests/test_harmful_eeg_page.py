"""The benchmark of the harmful-EEG study, and the page that quotes it."""

import importlib
import json

import numpy as np
import pandas as pd
import pytest

from epochal.epoch_inputs import EpochInputs
from projects import ROOT

CLASSES = ("a", "b")
PAGE = ROOT / "docs/how-to/run-the-harmful-eeg-study.md"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("harmful_eeg")


@pytest.fixture
def report():
    path = ROOT / "benchmarks/results/harmful_eeg.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_divergence_from_the_votes_is_that_of_kullback_and_leibler(bench):
    shares = np.array([[1.0, 0.0], [0.5, 0.5]])
    found = bench.diverge(shares, np.array([[0.25, 0.75], [0.5, 0.5]]))
    np.testing.assert_allclose(found, [np.log(4), 0.0], atol=1e-12)


def test_a_certain_and_wrong_answer_costs_much_but_is_finite(bench):
    found = bench.diverge(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert 30 < found[0] < 40


def test_votes_become_shares(bench):
    rows = pd.DataFrame({"vote_a": [3, 1], "vote_b": [1, 0]})
    np.testing.assert_allclose(bench.shares_of(rows, CLASSES), [[0.75, 0.25], [1, 0]])
    np.testing.assert_allclose(bench.mean_shares(rows, CLASSES), [0.875, 0.125])


def test_skill_is_0_for_the_prior_and_1_for_the_votes_themselves(bench):
    rows = pd.DataFrame({"vote_a": [3, 1], "vote_b": [1, 1]})
    truth = bench.shares_of(rows, CLASSES)
    prior = np.tile([0.5, 0.5], (2, 1))
    found = bench.judge_votes({"prior": prior, "lightgbm": truth}, rows, CLASSES)
    assert found["prior"]["skill"] == 0
    assert found["lightgbm"]["skill"] == pytest.approx(1)
    assert found["prior"]["against_lightgbm"] == pytest.approx(found["prior"]["kl"])
    assert found["prior"]["low"] <= found["prior"]["kl"] <= found["prior"]["high"]


def test_accuracy_comes_with_the_exact_interval(bench):
    rows = pd.DataFrame({"label": ["a", "b", "a", "a"]})
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.1, 0.9]])
    found = bench.judge_labels({"one": proba}, rows, CLASSES)["one"]
    assert (found["right"], found["accuracy"]) == (3, 0.75)
    assert found["low"] == pytest.approx(0.1941, abs=1e-4)  # Clopper and Pearson, 3 of 4
    assert found["high"] == pytest.approx(0.9937, abs=1e-4)


def test_a_hidden_input_is_missing_and_the_other_stays(bench):
    arrays = {"signal": np.ones((1, 2, 3)), "spectrogram": np.ones((1, 4, 5, 6))}
    one = EpochInputs(arrays, np.zeros(1, int), np.zeros(1, int), np.ones(1, bool))
    hidden = bench.hide(one, "signal")
    assert np.isnan(hidden.arrays["signal"]).all()
    assert hidden.arrays["spectrogram"] is arrays["spectrogram"]
    assert bench.hide(one, None) is one


def test_an_interval_of_equal_values_is_a_point(bench):
    assert bench.interval(np.full(5, 0.3)) == pytest.approx({"low": 0.3, "high": 0.3})


def test_numbers_are_rounded_wherever_they_lie(bench):
    assert bench.rounded({"a": [0.123456, {"b": np.float64(1.00004)}], "n": 3}) == {
        "a": [0.1235, {"b": 1.0}],
        "n": 3,
    }


def test_the_result_says_that_training_was_simulated_and_the_test_real(report):
    assert report["training"] == "simulated"
    parts = report["real_samples"]
    assert {one["data_source"] for one in parts.values()} == {"real"}
    assert (parts["irr"]["n_samples"], parts["sparcnet"]["n_samples"]) == (14, 18)


def test_the_page_quotes_the_figures_on_real_samples(report):
    text = PAGE.read_text(encoding="utf-8")
    irr, sparcnet = (report["real_samples"][part]["models"] for part in ("irr", "sparcnet"))
    for name in sorted(set(irr) - {"uniform"}):
        votes, labels = irr[name], sparcnet[name]
        row = (
            f"| `{name}` | {votes['kl']:.2f} ({votes['low']:.2f} to {votes['high']:.2f}) "
            f"| {minus(votes['skill'])} | {labels['right']} | {labels['accuracy']:.2f} "
            f"({labels['low']:.2f} to {labels['high']:.2f}) |"
        )
        assert row in text, row


def minus(value):
    return f"{value:.2f}".replace("-", "−")
