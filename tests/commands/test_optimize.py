import json

import pandas as pd
import pytest

from epochal.run_directory import searching
from run_directory.small_runs import call, inputs

FILES = ["best_params.json", "best_score.json", "config_used.json", "trials.jsonl"]


def csv_given():
    return [*inputs(csv=True, h5=False), "--splits", 2]


def read(folder, name):
    return json.loads((folder / "opt" / name).read_text())


def read_trials(folder):
    return [json.loads(line) for line in (folder / "opt/trials.jsonl").read_text().splitlines()]


@pytest.fixture
def quick(monkeypatch):
    """A search whose trees are few."""
    few = searching.SPACES["hgb"] | {"max_iter": (5, 10)}
    monkeypatch.setitem(searching.SPACES, "hgb", few)


def test_a_search_of_the_meta_learner_writes_its_four_files(tmp_path):
    done = call("optimize", *csv_given(), "--opt-trials", 4, "--run-dir", tmp_path)
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "opt").iterdir()) == FILES
    trials = read_trials(tmp_path)
    assert len(trials) == 4
    best = max(trials, key=lambda trial: trial["score"])
    assert read(tmp_path, "best_params.json") == {"meta.C": best["meta.C"]}
    score = read(tmp_path, "best_score.json")
    assert score == {"score": best["score"], "kind": "selection score, not performance"}
    assert all(0 < trial["accuracy"] <= 1 for trial in trials)
    config = read(tmp_path, "config_used.json")
    assert (config["targets"], config["seed"], config["sampler"]) == (["meta"], 42, "random")
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.slow
def test_the_same_seed_draws_the_same_trials_and_another_others(tmp_path):
    drawn = []
    for seed in (1, 1, 2):
        folder = tmp_path / str(len(drawn))
        call("optimize", *csv_given(), "--opt-trials", 2, "--opt-seed", seed, "--run-dir", folder)
        drawn.append([trial["meta.C"] for trial in read_trials(folder)])
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.slow
def test_base_models_that_are_not_searched_for_are_fitted_once(tmp_path):
    done = call("optimize", *csv_given(), "--opt-trials", 5, "--run-dir", tmp_path)
    assert done.output.count("hgb_tabular: fit") == 2  # folds, not trials times folds


@pytest.mark.slow
def test_several_targets_are_searched_together(tmp_path, quick):
    done = call(
        "optimize", *inputs(), "--splits", 2, "--hgb-fe", "--with-lstm", "--with-cnn",
        "--opt-targets", "meta", "hgb", "lstm", "cnn", "--opt-trials", 2,
        "--opt-budget-lstm-max-train-samples", 20, "--opt-budget-cnn-max-train-samples", 20,
        "--lstm-downsample", 25, "--cnn-downsample", 10, "--run-dir", tmp_path,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = read(tmp_path, "best_params.json")
    assert {name.split(".")[0] for name in found} == {"meta", "hgb", "lstm", "cnn"}
    budgets = read(tmp_path, "config_used.json")["budgets"]
    assert budgets["lstm"] == {"n_epochs": 1, "max_train_samples": 20, "verbose": 0}


@pytest.mark.slow
def test_train_takes_what_a_search_found(tmp_path, quick):
    given = ["--opt-targets", "meta", "hgb", "--opt-trials", 2]
    call("optimize", *csv_given(), *given, "--run-dir", tmp_path / "searched")
    best = tmp_path / "searched/opt/best_params.json"
    later = call("train", *csv_given(), "--best-params", best, "--run-dir", tmp_path / "later")
    assert later.exit_code == 0, later.output
    at_once = call("train", *csv_given(), "--optimize", *given, "--run-dir", tmp_path / "at_once")
    assert at_once.exit_code == 0, at_once.output
    one, other = (
        pd.read_csv(tmp_path / name / "oof/predictions.csv") for name in ("later", "at_once")
    )
    pd.testing.assert_frame_equal(one, other)
    manifest = json.loads((tmp_path / "at_once/manifest.json").read_text())
    assert set(manifest["tuned"]) == {"meta", "hgb"}
    assert any("chosen by these rows" in caveat for caveat in manifest["caveats"])
    assert "opt/trials.jsonl" in manifest["hashes"]


@pytest.mark.slow
def test_a_search_that_was_cut_short_goes_on(tmp_path, monkeypatch):
    seen = []
    predict = searching.Trials.predict

    def stop_at_the_third(self, params, rows, held_out):
        seen.append(params)
        if len(seen) == 5:  # two folds each
            raise KeyboardInterrupt
        return predict(self, params, rows, held_out)

    monkeypatch.setattr(searching.Trials, "predict", stop_at_the_third)
    call("optimize", *csv_given(), "--opt-trials", 4, "--run-dir", tmp_path)
    assert not (tmp_path / "opt/trials.jsonl").exists()
    seen[:] = [None] * 10
    done = call("optimize", *csv_given(), "--opt-trials", 4, "--run-dir", tmp_path)
    assert done.exit_code == 0, done.output
    complete = [trial for trial in read_trials(tmp_path) if trial["state"] == "COMPLETE"]
    assert len(complete) == 4
    assert len(seen) - 10 == 4  # two trials of two folds were left to do


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "not the best_params.json"), ('{"cnn.dropout": 0.2}', "parameters of 'cnn'")],
)
def test_parameters_of_something_else_are_refused(tmp_path, content, said):
    (tmp_path / "best.json").write_text(content)
    done = call("train", *csv_given(), "--best-params", tmp_path / "best.json", "--no-save")
    assert done.exit_code == 1
    assert said in done.output


def test_a_target_that_is_not_trained_is_wrong_usage():
    done = call("optimize", *csv_given(), "--opt-targets", "lstm")
    assert done.exit_code == 2
    assert "--opt-targets lstm needs --with-lstm" in done.output
