import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from run_directory.small_runs import call, copy_of, data, inputs, trained

ALL = ("hgb", "lstm", "cnn")


def predict(run, out, *given):
    return call("predict", "--run-dir", run, *given, "--out", out)


def rows_of(part="test", **kinds):
    return inputs(part, labels=False, **kinds)


@pytest.mark.slow
def test_predictions_are_a_line_per_row(tmp_path):
    done = predict(trained(*ALL), tmp_path / "deep/preds.csv", *rows_of())
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "deep/preds.csv")
    assert list(table) == ["id", "pred", "proba_0", "proba_1", "proba_2"]
    assert table["id"].tolist() == list(range(30))
    proba = table.filter(like="proba_").to_numpy()
    assert proba.sum(axis=1) == pytest.approx(np.ones(30), abs=1e-5)
    assert (proba.argmax(axis=1) == table["pred"]).all()
    truth = pd.read_csv(data() / "y_test_2.csv")["label"]
    assert (table["pred"] == truth).mean() > 0.9
    assert "30 rows" in done.output


@pytest.mark.slow
def test_a_run_elsewhere_predicts_the_same_to_the_last_byte(tmp_path):
    run = trained(*ALL)
    predict(run, tmp_path / "here.csv", *rows_of())
    moved = copy_of(run, tmp_path / "an/other/place")
    script = [sys.executable, "-m", "epochal", "predict", "--run-dir", moved, *rows_of(),
              "--out", tmp_path / "there.csv"]  # fmt: skip
    subprocess.run(list(map(str, script)), check=True, capture_output=True)
    assert (tmp_path / "here.csv").read_bytes() == (tmp_path / "there.csv").read_bytes()


@pytest.mark.slow
def test_prediction_needs_neither_torch_nor_scikit_learn(tmp_path):
    script = (
        "import sys; from epochal.cli import cli; "
        f"cli(['predict', '--run-dir', {str(trained(*ALL))!r}, '--x-h5', "
        f"{str(data() / 'X_test.h5')!r}, '--out', {str(tmp_path / 'p.csv')!r}], "
        "standalone_mode=False); "
        "heavy = {'torch', 'sklearn', 'lightgbm', 'kedro', 'optuna'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.slow
def test_no_model_is_fitted_while_predicting(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("something was trained")

    run = trained(*ALL)
    monkeypatch.setattr("epochal.models.cross_fitting.cross_fit", refuse)
    monkeypatch.setattr("epochal.models.one_fit.fit_estimator", refuse)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert predict(run, tmp_path / "p.csv", *rows_of()).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_run_of_a_table_predicts_a_table_in_any_order_of_columns(tmp_path):
    table = pd.read_csv(data() / "X_test_merged.csv")
    table["id"] += 500
    table[table.columns[::-1]].to_csv(tmp_path / "turned.csv", index=False)
    done = predict(trained("csv"), tmp_path / "one.csv", *rows_of(csv=True, h5=False))
    assert done.exit_code == 0, done.output
    predict(trained("csv"), tmp_path / "two.csv", "--x-csv", tmp_path / "turned.csv")
    one, two = (pd.read_csv(tmp_path / name) for name in ("one.csv", "two.csv"))
    assert two["id"].tolist() == (one["id"] + 500).tolist()
    assert one.filter(like="proba").equals(two.filter(like="proba"))


@pytest.mark.slow
def test_what_no_model_reads_is_said(tmp_path):
    done = predict(trained("csv"), tmp_path / "p.csv", *rows_of(csv=True))
    assert done.exit_code == 0, done.output
    assert "note: --x-h5 is not read" in done.output
    done = predict(trained(*ALL), tmp_path / "p.csv", *rows_of(csv=True))
    assert "note: --x-csv is not read" in done.output


@pytest.mark.parametrize(
    ("targets", "kinds", "flag"),
    [(("csv",), {}, "--x-csv"), (ALL, {"csv": True, "h5": False}, "--x-h5")],
)
def test_a_file_that_the_run_needs_is_asked_for(tmp_path, targets, kinds, flag):
    done = predict(trained(*targets), tmp_path / "p.csv", *rows_of(**kinds))
    assert done.exit_code == 2
    assert f"{flag} is needed" in done.output


def test_a_wrong_column_is_named_with_its_near_miss(tmp_path):
    table = pd.read_csv(data() / "X_test_merged.csv").rename(columns={"steep": "stepe"})
    table.to_csv(tmp_path / "X.csv", index=False)
    done = predict(trained("csv"), tmp_path / "p.csv", "--x-csv", tmp_path / "X.csv")
    assert done.exit_code == 1
    assert "X.csv: no column 'steep', which the run was trained on" in done.output
    assert "did you mean 'stepe'?" in done.output
    assert not (tmp_path / "p.csv").exists()


def test_a_missing_key_is_named(tmp_path):
    given = [*rows_of(), "--h5-dataset-key", "signals"]
    done = predict(trained(*ALL), tmp_path / "p.csv", *given)
    assert done.exit_code == 1
    assert "no dataset 'signals'" in done.output


def edit_manifest(run, **changes):
    path = run / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return run


def test_other_base_models_than_the_meta_learners_are_refused(tmp_path):
    run = edit_manifest(
        copy_of(trained(*ALL), tmp_path / "run"), base_models=["hgb_tabular", "cnn_temporal"]
    )
    done = predict(run, tmp_path / "p.csv", *rows_of())
    assert done.exit_code == 1
    assert "its base models are hgb_tabular, cnn_temporal" in done.output
    assert "fitted on hgb_tabular, lstm_temporal, cnn_temporal, in this order" in done.output


def test_base_models_in_another_order_are_refused(tmp_path):
    order = ["cnn_temporal", "hgb_tabular", "lstm_temporal"]
    run = edit_manifest(copy_of(trained(*ALL), tmp_path / "run"), base_models=order)
    assert "in this order" in predict(run, tmp_path / "p.csv", *rows_of()).output


@pytest.mark.parametrize("name", ["models/lstm_temporal.onnx", "models/stack.onnx"])
def test_a_lost_or_changed_model_is_named(tmp_path, name):
    run = copy_of(trained(*ALL), tmp_path / "run")
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[:-1] + b"?")
    done = predict(run, tmp_path / "p.csv", *rows_of())
    assert (done.exit_code, name in done.output) == (1, True)
    assert "SHA-256 differs" in done.output
    (run / name).unlink()
    done = predict(run, tmp_path / "p.csv", *rows_of())
    assert (done.exit_code, name in done.output) == (1, True)
    assert "missing" in done.output


def test_a_folder_without_a_run_is_named(tmp_path):
    done = predict(tmp_path, tmp_path / "p.csv", *rows_of())
    assert done.exit_code == 1
    assert f"{tmp_path}: no run here" in done.output


@pytest.mark.parametrize(
    ("content", "said"),
    [("[]", "run format None"), ('{"format_version": 9}', "run format 9"),
     ("{", "not a manifest"), ('{"format_version": 1}', "Field required")],
)  # fmt: skip
def test_a_damaged_manifest_is_one_line(tmp_path, content, said):
    (tmp_path / "manifest.json").write_text(content)
    done = predict(tmp_path, tmp_path / "p.csv", *rows_of())
    assert done.exit_code == 1
    assert said in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_a_run_folder_is_asked_for():
    assert call("predict", "--out", "p.csv").exit_code == 2


@pytest.mark.slow
def test_a_folder_is_no_place_for_the_predictions_and_keeps_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = predict(trained(*ALL), tmp_path, *rows_of())
    assert done.exit_code == 1
    assert f"{tmp_path} is a folder" in done.output
    assert (tmp_path / "notes.txt").read_text() == "mine"
