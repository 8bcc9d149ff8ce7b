import json

import pandas as pd
import pytest

from run_directory.small_runs import call, copy_of, data, inputs, trained

pytestmark = pytest.mark.slow  # whole runs are trained

ALL = ("hgb", "lstm", "cnn")


def evaluate(run, *given):
    return call("evaluate", "--run-dir", run, *given)


def test_out_of_fold_figures_are_those_of_training(tmp_path):
    run = trained(*ALL)
    before = sorted(path.name for path in run.rglob("*"))
    done = evaluate(run, "--out", tmp_path / "oof.json")
    assert done.exit_code == 0, done.output
    result = json.loads((tmp_path / "oof.json").read_text())
    trained_figures = json.loads((run / "metrics/oof.json").read_text())
    for name in ("accuracy", "macro_f1", "weighted_f1", "kappa", "balanced_accuracy"):
        assert result["figures"][name] == pytest.approx(trained_figures["stack"][name], abs=1e-5)
        assert result["base_models"]["cnn_temporal"][name] == pytest.approx(
            trained_figures["cnn_temporal"][name], abs=1e-5
        )
    assert (result["source"], result["in_sample"]) == ("oof", False)
    assert sorted(path.name for path in run.rglob("*")) == before  # the run stays as it is


def test_rows_seen_in_training_are_in_sample(tmp_path):
    run = copy_of(trained(*ALL), tmp_path / "run")
    done = evaluate(run, *inputs())
    assert done.exit_code == 0, done.output
    assert done.output.startswith("IN-SAMPLE: 180 of 180 rows were seen in training")
    result = json.loads((run / "metrics/evaluate.json").read_text())
    assert (result["in_sample"], result["rows_seen_in_training"]) == (True, 180)
    assert result["data_source"] == "simulated"


def test_new_rows_are_not(tmp_path):
    done = evaluate(trained(*ALL), *inputs("test"), "--out", tmp_path / "new.json")
    assert done.exit_code == 0, done.output
    assert "IN-SAMPLE" not in done.output
    result = json.loads((tmp_path / "new.json").read_text())
    assert (result["in_sample"], result["rows_seen_in_training"]) == (False, 0)
    assert result["figures"]["accuracy"] > 0.9
    assert sum(map(sum, result["figures"]["confusion"])) == 30


def test_a_single_row_of_training_among_new_ones_is_found(tmp_path):
    table = pd.read_csv(data() / "X_test_merged.csv")
    known = pd.read_csv(data() / "X_train_merged.csv").iloc[[7]].assign(id=30)
    pd.concat([table, known]).to_csv(tmp_path / "X.csv", index=False)
    labels = pd.read_csv(data() / "y_test_2.csv")
    more = pd.DataFrame({"id": [30], "label": [0]})
    pd.concat([labels, more]).to_csv(tmp_path / "y.csv", index=False)
    given = ["--x-csv", tmp_path / "X.csv", "--y-csv", tmp_path / "y.csv"]
    done = evaluate(trained("csv"), *given, "--out", tmp_path / "e.json")
    assert "IN-SAMPLE: 1 of 31 rows" in done.output
    assert json.loads((tmp_path / "e.json").read_text())["rows_seen_in_training"] == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--y-csv", "y.csv"], "--y-csv needs --x-csv or --x-h5"),
        (["--x-csv", "X.csv"], "--x-csv needs --y-csv"),
        (["--x-h5", "X.h5"], "--x-h5 needs --y-csv"),
        (["--x-csv", "X.csv", "--y-csv", "y.csv"], "--x-h5 is needed"),
    ],
)
def test_half_a_data_set_is_wrong_usage(given, said):
    done = evaluate(trained(*ALL), *given)
    assert done.exit_code == 2
    assert said in done.output


def test_labels_of_other_rows_are_refused():
    done = evaluate(
        trained("csv"), "--x-csv", data() / "X_train_merged.csv", "--y-csv", data() / "y_test_2.csv"
    )
    assert done.exit_code == 1
    assert "y_test_2.csv: no label for id 30" in done.output


def test_predictions_that_were_changed_are_not_believed(tmp_path):
    run = copy_of(trained("csv"), tmp_path / "run")
    path = run / "oof/predictions.csv"
    path.write_text(path.read_text().replace("0.", "0.9", 1))
    done = evaluate(run)
    assert done.exit_code == 1
    assert "predictions.csv: not the file that the run wrote" in done.output
