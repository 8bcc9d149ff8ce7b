"""The whole graph on a tiny simulated cohort: what it writes, resumes and refuses."""

import contextlib
import os
import subprocess
from functools import partial
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.io import DatasetError
from kedro.runner import ParallelRunner, ThreadRunner

from epochal.datasets.whole_file import WholeTable
from epochal.hooks import print_leaderboard
from epochal.serving.results import StudyRun
from projects import Project, copy_of, make_project, pictures_unrendered
from waiting import until
from warm_process import WarmProcess

pytestmark = pytest.mark.slow
# Where figures alone are compared: without pictures, explanations, the report and the bundle.
UNTIL_THE_LEADERBOARD = {"to_outputs": ["leaderboard"]}
UNTIL_THE_BUNDLE = {"to_outputs": ["leaderboard", "bundle"]}


@pytest.fixture(scope="module")
def finished(demo) -> Project:
    """A tiny project that has run all eight pipelines."""
    return demo


@pytest.fixture
def copy(finished, tmp_path) -> Project:
    """A copy of the finished project that a test may change."""
    return copy_of(finished, tmp_path)


def times(project: Project) -> dict[str, int]:
    """When each output was last written."""
    files = [path for path in (project.path / "data/demo").rglob("*") if path.is_file()]
    return {
        path.relative_to(project.path / "data/demo").as_posix(): path.stat().st_mtime_ns
        for path in files
        if not path.name.startswith(".")
    }


def rewritten(project: Project, before: dict[str, int]) -> set[str]:
    """What has been written since."""
    after = times(project)
    return {name for name in after if after[name] != before.get(name)}


def test_the_training_of_a_default_study_can_be_looked_at_in_the_dashboard(finished):
    trainings = StudyRun(finished.path / "data/demo").trainings()
    folds = set(finished.table("05_model_input/splits.parquet")["fold"]) - {-1}
    assert {one.model for one in trainings} == {"residual_mlp"}
    assert {one.part for one in trainings} == {"refit", *(f"fold_{fold}" for fold in folds)}
    assert all(one.table.rows for one in trainings)


def test_the_leaderboard_has_a_row_per_model_role_and_smoothing_with_the_public_columns(finished):
    board = finished.leaderboard()
    assert list(board.columns) == [
        "model", "family", "role", "causal", "data_source", "n_epochs", "n_subjects", "accuracy",
        "balanced_accuracy", "macro_f1", "kappa", "kappa_low", "kappa_high", "log_loss", "ece",
        "f1_W", "f1_N1", "f1_N2", "f1_N3", "f1_REM",
    ]  # fmt: skip
    assert set(board["model"]) == {
        "majority", "demographics_only", "logistic_regression", "lightgbm", "residual_mlp",
        "stack", "stack_forward", "stack_forward_backward",
    }  # fmt: skip
    assert set(board["role"]) == {"oof", "val", "test"}
    assert set(board["data_source"]) == {"simulated"}
    assert set(board.loc[~board["causal"], "model"]) == {"stack_forward_backward"}


def test_every_epoch_of_train_and_val_is_predicted_out_of_fold_once(finished):
    splits = finished.table("05_model_input/splits.parquet")
    predictions = finished.table("07_model_output/predictions.parquet")
    wanted = (splits["role"] != "test").sum()
    counts = predictions[predictions["role"] == "oof"].groupby("model").size()
    assert (counts == wanted).all()


def test_figures_and_a_bundle_are_written(finished):
    reporting = finished.path / "data/demo/08_reporting"
    for name in ("confusion.png", "timeline.png"):
        assert (reporting / name).read_bytes()[:4] == b"\x89PNG"
    bundle = finished.path / "data/demo/07_model_output/bundle"
    assert {path.suffix for path in bundle.rglob("*") if path.is_file()} == {
        ".json",
        ".md",
        ".onnx",
    }


def test_the_bundle_scores_a_raw_file_as_the_graph_did(finished):
    """Serving and training share the feature code: the same file, the same probabilities."""
    from epochal.serving.bundle import Scorer, read_bundle
    from epochal.serving.reading import read_raw
    from epochal.serving.scoring import score_recording

    scorer = Scorer(read_bundle(finished.path / "data/demo/07_model_output/bundle"))
    predictions = finished.table("07_model_output/predictions.parquet")
    test = predictions[(predictions["role"] == "test") & (predictions["model"] == "lightgbm")]
    name = test["recording_id"].iloc[0]
    raw = next((finished.path / "data/demo/01_raw").rglob(f"{name}*-PSG.edf"))
    epochs = finished.table("03_primary/epochs.parquet")
    epochs = epochs[epochs["recording_id"] == name]
    object.__setattr__(scorer.manifest, "headline", "lightgbm")
    recording = read_raw(raw, scorer.manifest)
    scored = score_recording(recording, scorer).epochs.set_index("onset_s").loc[epochs["onset_s"]]
    columns = [column for column in scored if column.startswith("proba_")]
    inner = slice(20, None)  # context of the first epochs reaches the wake that training cut off
    difference = np.abs(scored[columns].to_numpy() - test[columns].to_numpy())[inner]
    assert difference.max() < 0.02


def test_the_same_seed_gives_the_same_leaderboard(finished, tmp_path):
    again = make_project(tmp_path)
    again.run(**UNTIL_THE_LEADERBOARD)
    pd.testing.assert_frame_equal(again.leaderboard(), finished.leaderboard())


@pytest.mark.parametrize(
    ("runner", "options"), [(ThreadRunner, UNTIL_THE_BUNDLE), (ParallelRunner, {})]
)
def test_other_runners_give_the_same_leaderboard(runner, options, finished, tmp_path):
    other = make_project(tmp_path)
    subprocess.run(
        ["cp", "-a", f"{finished.path}/data/demo/01_raw", f"{_made(tmp_path / 'data/demo')}/"],
        check=True,
    )
    with pictures_unrendered():
        other.run(runner=runner(max_workers=2), **options)
    pd.testing.assert_frame_equal(other.leaderboard(), finished.leaderboard())


def test_shuffled_labels_score_at_chance_through_the_whole_graph(copy):
    """Labels permuted within each recording keep their shares and lose their meaning."""
    path = copy.path / "data/demo/03_primary/epochs.parquet"
    epochs = pd.read_parquet(path)
    random = np.random.default_rng(0)
    epochs["label"] = epochs.groupby("recording_id")["label"].transform(
        lambda labels: random.permutation(labels.to_numpy())
    )
    epochs.to_parquet(path)
    path.with_name(f".{path.name}.key").unlink()  # edited by hand
    learning = ("splitting", "classical_models", "deep_models", "stacking", "evaluation")
    copy.run(*learning, **UNTIL_THE_LEADERBOARD)
    assert copy.leaderboard()["kappa"].abs().max() < 0.12


def test_a_subject_in_two_roles_stops_the_run(copy):
    path = copy.path / "data/demo/05_model_input/splits.parquet"
    splits = pd.read_parquet(path)
    splits.loc[splits.index[0], ["role", "fold"]] = ["test", -1]
    splits.to_parquet(path)
    path.with_name(f".{path.name}.key").unlink()  # edited by hand
    subject = splits["subject_id"].iloc[0]
    with pytest.raises(Exception, match=f"more than one role: {subject}"):
        copy.run("classical_models")


def test_nothing_is_redone_when_nothing_changed(copy):
    before = times(copy)
    copy.run(only_missing_outputs=True)
    assert rewritten(copy, before) == set()


def test_a_changed_model_parameter_redoes_that_model_and_what_depends_on_it(copy):
    before = times(copy)
    copy.set(classical_models={"models": {"lightgbm": {"params": {"n_estimators": 9}}}})
    copy.run(only_missing_outputs=True, **UNTIL_THE_BUNDLE)
    changed = rewritten(copy, before)
    assert "06_models/classical/lightgbm.pkl" in changed
    assert "08_reporting/leaderboard.csv" in changed
    assert "07_model_output/bundle/models/lightgbm.onnx" in changed
    untouched = [
        "06_models/classical/logistic_regression.pkl", "06_models/deep/residual_mlp.pkl",
        "07_model_output/deep_predictions.parquet", "04_feature/features.parquet",
        "05_model_input/splits.parquet", "03_primary/epochs.parquet",
    ]  # fmt: skip
    assert not changed.intersection(untouched)


def test_a_new_evaluation_parameter_refits_nothing(copy):
    before = times(copy)
    copy.set(evaluation={"n_bootstrap": 51})
    copy.run(only_missing_outputs=True, **UNTIL_THE_BUNDLE)
    assert {name.split("/")[0] for name in rewritten(copy, before)} == {
        "07_model_output", "08_reporting",
    }  # fmt: skip
    assert not any("predictions" in name for name in rewritten(copy, before))


def test_a_changed_raw_file_is_read_again_alone(copy):
    raw = copy.path / "data/demo/01_raw"
    copy.set(ingestion={"source": "files", "path": str(raw)})
    copy.run("ingestion")
    before = times(copy)
    night = sorted(raw.rglob("*-PSG.edf"))[0]
    os.utime(night, ns=(1, 1))
    copy.run("ingestion", only_missing_outputs=True)
    again = {name for name in rewritten(copy, before) if name.endswith(".h5")}
    assert again == {f"02_intermediate/recordings/{night.name[:8]}.h5"}


def test_a_run_whose_models_another_run_replaces_meanwhile_stops_and_is_made_good_later(copy):
    ours = {"params": few_trees(4), "to_outputs": ["leaderboard"]}
    before = times(copy)
    with (
        another_run_after("classical_predictions.parquet", copy, few_trees(1)),
        pytest.raises(DatasetError, match=r"classical.*: another run has written it since"),
    ):
        copy.run("classical_models", "stacking", "evaluation", **ours)
    assert "08_reporting/leaderboard.csv" not in rewritten(copy, before)
    copy.run("classical_models", "stacking", "evaluation", only_missing_outputs=True, **ours)
    assert {"06_models/classical/lightgbm.pkl", "08_reporting/leaderboard.csv"} <= rewritten(
        copy, before
    )


def few_trees(number: int) -> dict:
    return {"classical_models": {"models": {"lightgbm": {"params": {"n_estimators": number}}}}}


@contextlib.contextmanager
def another_run_after(name: str, project: Project, params: dict):
    """Let another process run the classical models once a file of that name has been saved."""
    save = WholeTable.save

    def save_and_wait(self: WholeTable, data: object) -> None:
        save(self, data)
        if self.location.name == name:
            other = WarmProcess(partial(project.run, "classical_models", params=params))
            assert other.wait() == 0

    with mock.patch.object(WholeTable, "save", save_and_wait):
        yield


def test_bad_files_are_named_and_counted_and_the_rest_go_on(copy, caplog):
    raw = copy.path / "data/demo/01_raw"
    nights = sorted(raw.rglob("*-PSG.edf"))
    nights[0].write_bytes(b"")
    nights[1].write_bytes(b"this is no EDF" * 100)
    copy.set(ingestion={"source": "files", "path": str(raw)})
    copy.run("ingestion")
    kept = copy.table("03_primary/epochs.parquet")["recording_id"].unique()
    assert len(kept) == len(nights) - 2
    assert "2 of 'recordings' left out" in caplog.text
    assert nights[0].name in caplog.text
    assert nights[1].name in caplog.text


def test_a_killed_run_resumes_with_what_is_missing(finished, tmp_path):
    project = make_project(tmp_path)
    process = WarmProcess(partial(project.run, **UNTIL_THE_LEADERBOARD), cwd=tmp_path)
    features = tmp_path / "data/demo/04_feature/features.parquet"
    until(features.exists, within_s=180, pause_s=0.05)
    process.kill()
    process.wait()
    before = times(project)
    project.run(only_missing_outputs=True, **UNTIL_THE_LEADERBOARD)
    redone = rewritten(project, before)
    assert not any(name.startswith(("01_raw", "02_", "03_", "04_")) for name in redone)
    assert not list(tmp_path.rglob(".part-*/*"))
    pd.testing.assert_frame_equal(project.leaderboard(), finished.leaderboard())


def test_the_printed_leaderboard_ends_with_the_caveats_and_says_once_what_is_simulated(
    finished, capsys
):
    of_conf = yaml.safe_load((finished.path / "conf/demo/parameters.yml").read_text())["study"]
    board = finished.leaderboard()
    for caveats in (("Few nights.",), ("Few nights.", *of_conf["caveats"])):
        print_leaderboard(board, caveats)
        printed = capsys.readouterr().out
        assert "stack_forward_backward" in printed
        assert printed.endswith("Note: Few nights.\n")
        assert printed.count("Note: Simulated recordings") == 1


def test_a_leaderboard_of_real_recordings_is_not_called_simulated(finished, capsys):
    print_leaderboard(finished.leaderboard().assign(data_source="real"), ())
    assert "Note:" not in capsys.readouterr().out


def _made(path):
    path.mkdir(parents=True)
    return path
