"""Hooks: what a run tracks, and how parameters are flattened."""

import os
import shutil
import sqlite3
import subprocess
import sys

import pandas as pd
import pytest

from epochal.hooks import flatten
from epochal.options.ingestion import TrimOptions
from epochal.options.splitting import SplitOptions
from projects import copy_of


def test_nested_parameters_and_options_are_flattened_under_dotted_names():
    flat = flatten({"a": {"b": 1, "c": {"d": [1, 2]}}, "trim": TrimOptions(label="W")})
    assert flat == {"a.b": "1", "a.c.d": "[1, 2]", "trim.label": "W", "trim.margin_s": "1800.0"}


def test_a_long_parameter_is_cut_to_what_mlflow_takes():
    assert len(flatten({"x": "y" * 9000})["x"]) == 500


def test_options_without_nesting_keep_their_names():
    flat = flatten({"splitting": SplitOptions(scheme="subject_folds")})
    assert flat["splitting.n_folds"] == "5"


@pytest.mark.slow
def test_a_run_logs_parameters_figures_pictures_environment_and_data_hashes(demo, tmp_path):
    project = copy_of(demo, tmp_path)
    shutil.rmtree(tmp_path / "data/demo/08_reporting")  # a run makes figures and pictures again
    done = project.command("run", "--only-missing-outputs", EPOCHAL_TRACKING="on")
    assert "stack_forward_backward" in done.stdout
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        params = dict(database.execute("select key, value from params").fetchall())
        metrics = dict(database.execute("select key, value from metrics").fetchall())
        (uri,) = database.execute("select artifact_uri from runs").fetchone()
    assert params["splitting.n_folds"] == "2"
    assert params["classical_models.models.lightgbm.params.n_estimators"] == "8"
    board = project.leaderboard().set_index(["model", "role"])
    assert metrics["lightgbm.oof.kappa"] == pytest.approx(board.loc[("lightgbm", "oof"), "kappa"])
    artifacts = tmp_path / uri.split(str(tmp_path))[-1].lstrip("/")
    names = {path.name for path in artifacts.rglob("*")}
    assert {"environment.txt", "confusion.png", "timeline.png", "recordings.csv"} <= names
    assert "manifest.json" in names
    hashes = pd.read_csv(artifacts / "recordings.csv")["sha256"]
    assert hashes.str.fullmatch("[0-9a-f]{64}").all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("raise KeyboardInterrupt", "KILLED"),
        ("hooks.on_pipeline_error(); mlflow.end_run('FAILED')", "FAILED"),
    ],
)
def test_a_run_that_is_broken_off_is_not_called_finished(tmp_path, ending, status):
    script = f"""
import mlflow
from epochal.hooks import TrackingHooks

mlflow.start_run()
hooks = TrackingHooks()
hooks.before_pipeline_run()
{ending}
"""
    tracked = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    subprocess.run([sys.executable, "-c", script], env=tracked, cwd=tmp_path, capture_output=True)
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        assert database.execute("select status from runs").fetchall() == [(status,)]
