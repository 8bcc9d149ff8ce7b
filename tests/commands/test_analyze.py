import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import classification_report, confusion_matrix

from run_directory.small_runs import call, copy_of, trained


@pytest.fixture
def run(tmp_path):
    return copy_of(trained("csv"), tmp_path / "run")


def analyze(run, *given):
    return call("analyze", "--run-dir", run, *given)


def read_analysis(run):
    return json.loads((run / "metrics/analyze_oof.json").read_text())


def test_the_analysis_is_that_of_the_saved_predictions(run):
    done = analyze(run)
    assert done.exit_code == 0, done.output
    result = read_analysis(run)
    table = pd.read_csv(run / "oof/predictions.csv")
    expected = confusion_matrix(table["label"], table["pred"])
    assert result["figures"]["confusion"] == expected.tolist()
    shares = expected / expected.sum(axis=1, keepdims=True)
    assert np.allclose(result["confusion_normalised"], shares, atol=1e-5)
    errors = [result["error_by_class"][name] for name in "012"]
    assert errors == pytest.approx((1 - np.diag(shares)).tolist(), abs=1e-5)
    report = classification_report(table["label"], table["pred"], output_dict=True)
    assert result["report"]["2"]["recall"] == pytest.approx(report["2"]["recall"], abs=1e-5)
    assert result["figures"]["weighted_f1"] == pytest.approx(
        report["weighted avg"]["f1-score"], abs=1e-5
    )


def test_the_run_is_described(run):
    analyze(run)
    described = read_analysis(run)["run"]
    assert described["base_models"] == ["hgb_tabular"]
    assert (described["meta_C"], described["imbalance"]) == (1.0, None)
    assert (described["splits"], described["folds"]) == (2, "contiguous_blocks")
    assert described["data_source"] == "simulated"


def test_the_report_is_printed_unless_it_is_not_wanted(run):
    assert "precision" in analyze(run).output
    quiet = analyze(run, "--no-print-report").output
    assert "precision" not in quiet
    assert "errors: 0 " in quiet


def test_nothing_is_written_where_that_is_not_wanted(run):
    done = analyze(run, "--no-save-json")
    assert done.exit_code == 0, done.output
    assert not (run / "metrics/analyze_oof.json").exists()


def test_models_stay_as_they_are(run):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    analyze(run)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_another_source_is_wrong_usage(run):
    done = analyze(run, "--source", "test")
    assert done.exit_code == 2
    assert "'oof'" in done.output
