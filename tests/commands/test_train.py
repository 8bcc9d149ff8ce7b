import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epochal.run_directory.manifest import read_manifest
from run_directory.small_runs import call, copy_of, data, flags_of, inputs, trained
from warm_process import WarmProcess, call_module

# The document's eight templates, by what stands where `uv run -m pipeline` stood.
TEMPLATES = {
    "hgb-csv": "train --with-hgb --no-with-lstm --no-with-cnn --x-csv data/X_train_merged.csv "
    "--y-csv data/y_train_2.csv --splits 3 --timing",
    "hgb-h5": "train --with-hgb --no-with-lstm --no-with-cnn --hgb-fe --x-h5 data/X_train.h5 "
    "--y-csv data/y_train_2.csv --splits 3 --timing",
    "lstm": "train --no-with-hgb --with-lstm --no-with-cnn --x-h5 data/X_train.h5 "
    "--y-csv data/y_train_2.csv --splits 2 --lstm-fast --timing",
    "cnn": "train --no-with-hgb --no-with-lstm --with-cnn --x-h5 data/X_train.h5 "
    "--y-csv data/y_train_2.csv --splits 2 --cnn-epochs 10 --cnn-max-train-samples 30000 --timing",
    "hgb-lstm": "train --with-hgb --with-lstm --no-with-cnn --hgb-fe --x-h5 data/X_train.h5 "
    "--y-csv data/y_train_2.csv --splits 2 --lstm-fast --timing",
    "hgb-cnn": "train --with-hgb --no-with-lstm --with-cnn --hgb-fe --x-h5 data/X_train.h5 "
    "--y-csv data/y_train_2.csv --splits 2 --cnn-epochs 10 --cnn-max-train-samples 30000 --timing",
    "lstm-cnn": "train --no-with-hgb --with-lstm --with-cnn --x-h5 data/X_train.h5 "
    "--y-csv data/y_train_2.csv --splits 2 --lstm-fast --cnn-epochs 5 "
    "--cnn-max-train-samples 20000 --timing",
    "hgb-lstm-cnn": "train --with-hgb --with-lstm --with-cnn --hgb-fe --x-h5 data/X_train.h5 "
    "--y-csv data/y_train_2.csv --splits 2 --lstm-fast --cnn-epochs 5 "
    "--cnn-max-train-samples 20000 --timing",
}
NAMES = {"hgb": "hgb_tabular", "lstm": "lstm_temporal", "cnn": "cnn_temporal"}


def train(*arguments):
    return call("train", *arguments)


def read(run, name):
    return json.loads((run / name).read_text())


def the_only_run(folder):
    (run,) = (folder / "runs").iterdir()
    return run


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder in which `data/` is where the document has it."""
    (tmp_path / "data").symlink_to(data())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_documents_templates_run_as_written(name, here):
    done = train(*TEMPLATES[name].split()[1:])
    assert done.exit_code == 0, done.output
    run = the_only_run(here)
    assert re.fullmatch(r"\d{8}-\d{6}", run.name)
    wanted = [NAMES[part] for part in ("hgb", "lstm", "cnn") if part in name.split("-")]
    assert read(run, "manifest.json")["base_models"] == wanted
    models = sorted(path.name for path in (run / "models").iterdir())
    assert models == sorted([*(f"{model}.onnx" for model in wanted), "stack.onnx"])
    given = ["--x-csv", "data/X_test_merged.csv", "--x-h5", "data/X_test.h5"]
    assert call("predict", "--run-dir", run, *given, "--out", "p.csv").exit_code == 0
    assert call("evaluate", "--run-dir", run).exit_code == 0
    assert call("analyze", "--run-dir", run).exit_code == 0


def test_the_templates_are_the_documents():
    root = os.environ.get("EPOCHAL_DATA")
    if not root:
        pytest.skip("EPOCHAL_DATA is not set: the document lies beside that folder")
    found = sorted((Path(root).parent / "seeds").glob("003_*.txt"))
    if not found:
        pytest.skip(f"no seeds/003_* beside {root}")
    text = found[0].read_text(encoding="utf-8")
    part = text[text.index("### 1) ") : text.index("## Dur")]
    written = re.findall(r"```bash\n(.*?)```", part, flags=re.S)
    ours = [" ".join(block.replace("\\\n", " ").split()[4:]) for block in written]
    assert ours == list(TEMPLATES.values())


@pytest.mark.slow
def test_the_module_is_the_command_too(here):
    log = here / "said.txt"
    process = WarmProcess(call_module, "epochal", *TEMPLATES["hgb-csv"].split(), log=log)
    assert process.wait(timeout=900) == 0, log.read_text()
    assert "out of fold, stack: accuracy" in log.read_text()


def test_a_run_holds_what_the_document_says():
    run = trained("hgb", "lstm", "cnn")
    files = sorted(p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file())
    assert files == [
        "manifest.json", "metrics/oof.json", "metrics/timing.json", "models/cnn_temporal.onnx",
        "models/hgb_tabular.onnx", "models/lstm_temporal.onnx", "models/stack.onnx",
        "oof/predictions.csv", "training_rows.npz",
    ]  # fmt: skip
    manifest = read(run, "manifest.json")
    assert manifest["base_models"] == ["hgb_tabular", "lstm_temporal", "cnn_temporal"]
    assert manifest["classes"] == ["0", "1", "2"]
    assert manifest["data_source"] == "simulated"
    assert manifest["options"]["lstm_units"] == 16
    assert len(manifest["models"][0]["columns"]) == 121
    assert {*manifest["versions"]} >= {"numpy", "scikit-learn", "torch", "python"}
    assert {*manifest["hashes"]} == {*files} - {"manifest.json"}


def test_nothing_of_the_machine_is_in_a_manifest():
    text = (trained("hgb", "lstm", "cnn") / "manifest.json").read_text()
    assert str(data()) not in text
    assert str(Path.home()) not in text
    assert '"x_h5": "X_train.h5"' in text


@pytest.mark.parametrize("name", ["stack", "hgb_tabular", "cnn_temporal", "lstm_temporal"])
def test_every_model_learns_what_the_rows_tell(name):
    figures = read(trained("hgb", "lstm", "cnn"), "metrics/oof.json")[name]
    assert figures["n_rows"] == 180
    assert figures["accuracy"] > 0.8


def test_a_row_is_predicted_once_out_of_fold():
    run = trained("hgb", "lstm", "cnn")
    table = pd.read_csv(run / "oof/predictions.csv")
    assert table["id"].tolist() == list(range(180))
    proba = table[["proba_0", "proba_1", "proba_2"]].to_numpy()
    assert proba.sum(axis=1) == pytest.approx(np.ones(180), abs=1e-4)
    assert (table["pred"] == proba.argmax(axis=1)).all()
    assert [c for c in table if "__" in c][:3] == [f"hgb_tabular__{c}" for c in "012"]


@pytest.mark.slow
def test_contiguous_folds_are_whole_and_shuffled_ones_are_not(tmp_path):
    folds = pd.read_csv(trained("csv") / "oof/predictions.csv")["fold"]
    assert (folds.diff().dropna() != 0).sum() == 1
    done = train(*inputs(csv=True, h5=False), "--splits", 2, "--folds", "shuffled",
                 "--run-dir", tmp_path / "run")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "shuffled rows flatter" in done.output
    folds = pd.read_csv(tmp_path / "run/oof/predictions.csv")["fold"]
    assert (folds.diff().dropna() != 0).sum() > 50


@pytest.mark.slow
def test_balanced_undersampling_keeps_the_same_rows_for_all(tmp_path):
    done = train(*inputs(), "--hgb-fe", "--splits", 2, "--undersample-balanced", "--run-dir",
                 tmp_path / "run")  # fmt: skip
    assert done.exit_code == 0, done.output
    run = tmp_path / "run"
    with np.load(run / "balance/undersample_balanced.npz") as stored:
        kept = stored["kept_idx"]
    assert np.unique(kept).size == kept.size == 135
    table = pd.read_csv(run / "oof/predictions.csv")
    assert table["id"].tolist() == sorted(kept)
    assert table["label"].value_counts().tolist() == [45, 45, 45]
    manifest = read_manifest(run)
    assert (manifest.imbalance, manifest.n_training_rows) == ("undersample_balanced", 135)
    assert "not at natural prevalence" in done.output
    report = read(run, "balance/adjacency.json")
    assert [row["n_kept"] for row in report] == [45, 45, 45]
    assert report[0]["share_adjacent_kept"] < report[0]["share_adjacent"]


@pytest.mark.slow
def test_another_seed_keeps_other_rows(tmp_path):
    kept = []
    for seed in (1, 1, 2):
        run = tmp_path / f"run{len(kept)}"
        done = train(*inputs(), "--no-with-hgb", "--with-cnn", "--cnn-epochs", 1,
                     "--cnn-downsample", 10, "--undersample-balanced", "--undersample-seed", seed,
                     "--splits", 2, "--no-refit-final", "--cnn-verbose", 0,
                     "--run-dir", run)  # fmt: skip
        assert done.exit_code == 0, done.output
        kept.append(np.load(run / "balance/undersample_balanced.npz")["kept_idx"].tolist())
    assert kept[0] == kept[1] != kept[2]


@pytest.mark.slow
def test_class_weights_keep_all_rows_and_are_written_down(tmp_path):
    run = tmp_path / "run"
    done = train(*inputs(csv=True, h5=False), "--splits", 2, "--class-weights-auto",
                 "--run-dir", run)  # fmt: skip
    assert done.exit_code == 0, done.output
    manifest = read_manifest(run)
    assert (manifest.imbalance, manifest.n_training_rows) == ("class_weights_auto", 180)
    assert not (run / "balance").exists()
    plain = pd.read_csv(trained("csv") / "oof/predictions.csv")
    weighted = pd.read_csv(run / "oof/predictions.csv")
    assert weighted["proba_0"].mean() < plain["proba_0"].mean()  # the frequent class loses


def test_both_against_imbalance_is_wrong_usage():
    done = train(*inputs(), "--hgb-fe", "--undersample-balanced", "--class-weights-auto")
    assert done.exit_code == 2
    assert "--undersample-balanced and --class-weights-auto" in done.output


def test_models_of_keras_are_wrong_usage_and_named():
    done = train(*inputs(), "--with-cnn", "--cnn-load-only", "--cnn-load-model",
                 "stacking/cnn_sleep_model.keras", "--splits", 2)  # fmt: skip
    assert done.exit_code == 2
    assert "stacking/cnn_sleep_model.keras: '.keras' models are not read" in done.output


@pytest.mark.slow
def test_a_model_of_another_run_is_used_as_it_is_with_a_warning(tmp_path):
    path = trained("hgb", "lstm", "cnn") / "models/cnn_temporal.onnx"
    done = train(*inputs(), "--no-with-hgb", "--with-cnn", "--cnn-load-only", "--cnn-load-model",
                 path, "--splits", 2, "--run-dir", tmp_path / "run")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "WARNING, leakage" in done.output
    assert "180 of 180 rows were in its training" in done.output
    manifest = read_manifest(tmp_path / "run")
    assert manifest.load_only["cnn_temporal"].seen_rows == 180
    assert any("LEAKAGE" in caveat for caveat in manifest.caveats)
    assert (tmp_path / "run/models/cnn_temporal.onnx").read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_a_loaded_model_that_has_not_seen_the_rows_says_so(tmp_path):
    path = trained("hgb", "lstm", "cnn") / "models/lstm_temporal.onnx"
    done = train(*inputs("test"), "--no-with-hgb", "--with-lstm", "--lstm-load-model", path,
                 "--splits", 2, "--run-dir", tmp_path / "run")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "0 of 30 rows were in its training" in done.output
    figures = read(tmp_path / "run", "metrics/oof.json")
    assert figures["lstm_temporal"]["accuracy"] > 0.7


@pytest.mark.slow
def test_rows_of_a_loaded_models_training_are_in_sample_too(tmp_path):
    path = trained("hgb", "lstm", "cnn") / "models/lstm_temporal.onnx"
    run = tmp_path / "run"
    train(*inputs("test"), "--no-with-hgb", "--with-lstm", "--lstm-load-model", path,
          "--splits", 2, "--run-dir", run)  # fmt: skip
    done = call("evaluate", "--run-dir", run, *inputs())
    assert "IN-SAMPLE: 180 of 180 rows" in done.output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("models/lstm_temporal.onnx", "it is lstm_temporal, not cnn_temporal"),
        ("models/stack.onnx", "it is stack, not cnn_temporal"),
        ("models/absent.onnx", "no such file"),
    ],
)
def test_a_model_of_another_kind_is_refused(name, said):
    path = trained("hgb", "lstm", "cnn") / name
    done = train(*inputs(), "--no-with-hgb", "--with-cnn", "--cnn-load-only", "--cnn-load-model",
                 path, "--no-save", "--splits", 2)  # fmt: skip
    assert done.exit_code == 1
    assert said in done.output


def test_a_model_that_no_run_wrote_is_refused(tmp_path):
    (tmp_path / "models").mkdir()
    stray = tmp_path / "models/cnn_temporal.onnx"
    stray.write_bytes((trained("hgb", "lstm", "cnn") / "models/cnn_temporal.onnx").read_bytes())
    given = [*inputs(), "--no-with-hgb", "--with-cnn", "--cnn-load-only", "--cnn-load-model"]
    done = train(*given, stray, "--no-save")
    assert "not in the models/ of a run directory" in done.output
    changed = copy_of(trained("hgb", "lstm", "cnn"), tmp_path / "changed")
    (changed / "models/cnn_temporal.onnx").write_bytes(b"something else")
    done = train(*given, changed / "models/cnn_temporal.onnx", "--no-save")
    assert "its SHA-256 differs" in done.output


@pytest.mark.slow
def test_without_a_final_fit_nothing_can_be_predicted(tmp_path):
    run = tmp_path / "run"
    done = train(*inputs(csv=True, h5=False), "--splits", 2, "--no-refit-final", "--run-dir", run,
                 "--timing")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "final" not in {row["fold"] for row in read(run, "metrics/timing.json")}
    assert not (run / "models").exists()
    asked = ["--run-dir", run, *inputs("test", csv=True, h5=False, labels=False)]
    refused = call("predict", *asked, "--out", tmp_path / "p.csv")
    assert refused.exit_code == 1
    assert "--no-refit-final" in refused.output
    assert call("evaluate", "--run-dir", run).exit_code == 0


@pytest.mark.slow
def test_nothing_is_written_without_save(here):
    done = train(*inputs(csv=True, h5=False), "--splits", 2, "--no-save")
    assert done.exit_code == 0, done.output
    assert "not saved" in done.output
    assert not (here / "runs").exists()


def test_a_folder_with_a_run_is_not_overwritten():
    run = trained("csv")
    before = (run / "manifest.json").read_bytes()
    done = train(*inputs(csv=True, h5=False), "--splits", 2, "--run-dir", run)
    assert done.exit_code == 1
    assert "it holds a run already" in done.output
    assert (run / "manifest.json").read_bytes() == before


@pytest.mark.slow
def test_timing_tells_every_fold_and_model(tmp_path):
    done = train(*inputs(csv=True, h5=False), "--splits", 2, "--timing", "--run-dir",
                 tmp_path / "run")  # fmt: skip
    rows = read(tmp_path / "run", "metrics/timing.json")
    folds = ["1/2", "2/2", "final"]
    assert [(r["model"], r["fold"]) for r in rows] == [
        *(("hgb_tabular", fold) for fold in folds), *(("stack", fold) for fold in folds),
    ]  # fmt: skip
    assert all(row["fit_s"] > 0 for row in rows)
    assert re.search(r"hgb_tabular +1/2 +\d+\.\d\d +\d+\.\d\d", done.output)


@pytest.mark.slow
def test_labels_and_the_table_are_found_beside_the_rows(here):
    done = train("--with-lstm", "--x-h5", "data/X_train.h5", "--splits", 2, "--lstm-fast",
                 "--run-dir", "run", "--no-refit-final")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "--y-csv data/y_train_2.csv (beside the rows)" in done.output
    assert "--x-csv data/X_train_merged.csv (beside the rows)" in done.output
    assert read(here / "run", "manifest.json")["hgb_features"] == "csv"


@pytest.mark.slow
def test_a_file_that_no_base_model_reads_is_said():
    done = train(*inputs(csv=True), "--splits", 2, "--no-save")
    assert done.exit_code == 0, done.output
    assert "note: --x-h5 is not read" in done.output
    assert "--x-csv is not read" not in done.output


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--x-csv", "absent/X.csv"], "--y-csv is needed"),
        (["--y-csv", "absent/y.csv"], "--x-csv is needed"),
        (["--with-cnn"], "--with-cnn needs --x-h5"),
        (["--splits", 1], "--splits"),
        (["--meta-C", 0], "--meta-C"),
        (["--opt-targets", "meta", "svm"], "svm"),
    ],
)
def test_wrong_usage_exits_with_2(given, said):
    done = train(*given)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_missing_key_of_the_h5_file_is_named():
    done = train(*inputs(), "--hgb-fe", "--h5-dataset-key", "feature", "--no-save")
    assert done.exit_code == 1
    assert "X_train.h5: no dataset 'feature'; did you mean 'features'?" in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_labels_of_other_rows_are_refused():
    done = train("--x-csv", data() / "X_train_merged.csv", "--y-csv", data() / "y_test_2.csv",
                 "--no-save")  # fmt: skip
    assert done.exit_code == 1
    assert "y_test_2.csv: no label for id 30" in done.output


def test_a_table_of_other_rows_than_the_h5_file_is_refused():
    done = train("--x-csv", data() / "X_test_merged.csv", "--x-h5", data() / "X_train.h5",
                 "--with-cnn", "--y-csv", data() / "y_train_2.csv", "--no-save")  # fmt: skip
    assert done.exit_code == 1
    assert "its 30 ids are not those of the 180 rows of X_train.h5" in done.output


@pytest.mark.slow
def test_a_table_in_another_order_is_put_in_that_of_the_h5_file(tmp_path):
    table = pd.read_csv(data() / "X_train_merged.csv").sample(frac=1, random_state=0)
    table.to_csv(tmp_path / "mixed.csv", index=False)
    given = ["--with-cnn", "--cnn-epochs", 1, "--cnn-downsample", 10, "--splits", 2]
    done = train("--x-csv", tmp_path / "mixed.csv", *inputs(), *given, "--no-refit-final",
                 "--run-dir", tmp_path / "run")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert read(tmp_path / "run", "metrics/oof.json")["hgb_tabular"]["accuracy"] > 0.9


def test_a_feature_with_the_name_of_a_key_is_refused(tmp_path):
    table = pd.read_csv(data() / "X_train_merged.csv").rename(columns={"a": "role"})
    table.to_csv(tmp_path / "X.csv", index=False)
    done = train("--x-csv", tmp_path / "X.csv", "--y-csv", data() / "y_train_2.csv", "--no-save")
    assert done.exit_code == 1
    assert "X.csv: a feature cannot be called 'role'" in done.output


@pytest.mark.slow
def test_columns_that_are_to_be_dropped_are_no_features(tmp_path):
    done = train(*inputs(csv=True, h5=False), "--drop-cols", "id", "a", "b", "--splits", 2,
                 "--run-dir", tmp_path / "run")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert read_manifest(tmp_path / "run").models[0].columns == ["c", "sd", "steep"]


@pytest.mark.slow
def test_simulated_rows_go_all_the_way(tmp_path):
    given = ["slow_oscillation", tmp_path, "--set", "n_rows=300", "--set", "n_test_rows=40"]
    assert call("simulate", *given).exit_code == 0
    done = train(*flags_of("hgb", "lstm", "cnn"), "--x-h5", tmp_path / "X_train.h5",
                 "--run-dir", tmp_path / "run")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "trained on 300 simulated rows" in done.output
    done = call("predict", "--run-dir", tmp_path / "run", "--x-h5", tmp_path / "X_test.h5",
                "--out", tmp_path / "preds.csv")  # fmt: skip
    assert len(pd.read_csv(tmp_path / "preds.csv")) == 40
    assert "simulated" in done.output


@pytest.mark.slow
def test_samples_that_are_missing_stop_nothing(tmp_path):
    import h5py

    rows = h5py.File(data() / "X_train.h5")["features"][:]
    rows[3, 11:] = np.nan
    rows[5, 400] = np.inf
    with h5py.File(tmp_path / "X.h5", "w") as file:
        file["features"] = rows
    done = train("--x-h5", tmp_path / "X.h5", "--y-csv", data() / "y_train_2.csv", "--splits", 2,
                 *flags_of("hgb", "cnn"), "--run-dir", tmp_path / "run")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert pd.read_csv(tmp_path / "run/oof/predictions.csv").notna().all(axis=None)
