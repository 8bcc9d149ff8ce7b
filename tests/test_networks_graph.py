"""Networks over signals through all eight pipelines, tracked, resumed, bundled and served."""

from __future__ import annotations

import sqlite3

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from epochal.cli import cli
from epochal.epoch_inputs import read_inputs
from epochal.labels import proba_columns
from epochal.serving.bundle import Scorer, read_bundle
from epochal.serving.reading import read_raw
from epochal.serving.scoring import score_recording
from projects import Project, copy_of, prepared_copy

pytestmark = pytest.mark.slow

SIGNAL = {"channels": ["EEG Fpz-Cz", "EOG horizontal"], "band_hz": [0.3, 12], "sfreq": 25}
QUICK = {"max_epochs": 3, "batch_size": 16, "learning_rate": 5e-3}
STUDY = {
    "feature_engineering": {"network_inputs": {"signal": SIGNAL}},
    "classical_models": {"models": {"logistic_regression": None}},
    "deep_models": {
        "models": {
            "residual_mlp": None,
            "cnn1d": {"kind": "cnn1d", "training": QUICK, "columns": ["emg_mean"]},
            "s4d": {"kind": "s4d", "sequence": {"n_epochs": 5}, "training": QUICK},
        }
    },
    "serving_export": {"model": "stack"},
}
NETWORKS = ("cnn1d", "s4d")


@pytest.fixture(scope="module")
def finished(demo, tmp_path_factory) -> Project:
    project = prepared_copy(demo, tmp_path_factory.mktemp("networks"))
    project.set(**STUDY)
    rest = ("--only-missing-outputs", "--to-outputs", "leaderboard,bundle")
    project.command("run", *rest, EPOCHAL_TRACKING="on")
    return project


def checkpoints(project: Project):
    return project.path / "data/demo/06_models/checkpoints"


def test_networks_stand_on_the_leaderboard_out_of_fold_and_held_out(finished):
    board = finished.leaderboard()
    for name in NETWORKS:
        rows = board[board["model"] == name].set_index("role")
        assert {"oof", "val", "test"} <= set(rows.index)
        assert (rows["family"] == "deep").all()
        assert rows.loc["oof", "kappa"] > 0.1  # a few passes learn something
        assert not rows["causal"].any()  # normalised over the session


def test_inputs_of_each_recording_are_one_file(finished):
    files = sorted((finished.path / "data/demo/04_feature/network_inputs").glob("*.h5"))
    epochs = finished.table("03_primary/epochs.parquet")
    assert {path.stem for path in files} == set(epochs["recording_id"])
    inputs = read_inputs(files[0])
    assert inputs.arrays["signal"].shape[1:] == (2, 750)
    assert len(inputs) == (epochs["recording_id"] == files[0].stem).sum()


def test_the_curves_went_to_mlflow_as_they_came(finished):
    with sqlite3.connect(finished.path / "mlflow.db") as database:
        logged = database.execute("select key, value, step from metrics").fetchall()
    curves = pd.read_csv(checkpoints(finished) / "cnn1d/refit/curves.csv")
    sent = {step: value for key, value, step in logged if key == "cnn1d.refit.train_loss"}
    assert sent == pytest.approx(dict(zip(curves["epoch"], curves["train_loss"], strict=True)))
    assert any(key == "s4d.fold_1.val_kappa" for key, _, _ in logged)


def test_what_is_served_is_what_stands_on_the_leaderboard(finished):
    """The stack of a network over windows, one over sequences and trees, from the raw file."""
    scorer = Scorer(read_bundle(finished.path / "data/demo/07_model_output/bundle"))
    predictions = finished.table("07_model_output/predictions.parquet")
    test = predictions[(predictions["role"] == "test") & (predictions["model"] == "stack")]
    sources = finished.table("02_intermediate/sources.parquet").set_index("recording_id")
    recording_id = test["recording_id"].iloc[0]
    path = finished.path / sources.loc[recording_id, "path"]
    columns = proba_columns(scorer.manifest.classes)
    served = score_recording(read_raw(path, scorer.manifest), scorer).epochs.set_index("onset_s")
    epochs = finished.table("03_primary/epochs.parquet")
    judged = test[test["recording_id"] == recording_id].merge(epochs, on=["recording_id", "epoch"])
    # scored whole, trained trimmed: session medians differ, answers hardly
    difference = np.abs(served.loc[judged["onset_s"], columns].to_numpy() - judged[columns])
    assert np.median(difference) < 0.05


def test_a_changed_network_is_fitted_again_and_the_other_is_left_alone(finished, tmp_path):
    changed = copy_of(finished, tmp_path)
    before = {name: _stamp(changed, name) for name in NETWORKS}
    models = {"cnn1d": {"training": {**QUICK, "max_epochs": 1}}}
    changed.run("deep_models", params={"deep_models": {"models": models}})
    after = {name: _stamp(changed, name) for name in NETWORKS}
    assert after["cnn1d"] != before["cnn1d"]
    assert after["s4d"] == before["s4d"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "cnn_bilstn"}, "no kind 'cnn_bilstn'; did you mean 'cnn_bilstm'"),
        ({"kind": "spectrogram_net"}, "sees 'spectrogram', which is not prepared"),
        ({"kind": "cnn1d", "sequence": {"n_epochs": 3}}, "sees each epoch by itself"),
    ],
)
def test_a_network_that_cannot_be_is_one_line_that_names_it(
    finished, changed, message, monkeypatch
):
    monkeypatch.chdir(finished.path)
    finished.set(deep_models={"models": {"wrong": {"training": QUICK, **changed}}})
    try:
        failed = CliRunner().invoke(cli, ["run", "--pipelines", "deep_models"])
    finally:
        finished.set(deep_models={"models": {"wrong": None}})
    assert failed.exit_code == 1
    assert message in failed.output
    assert "Traceback" not in failed.output


def _stamp(project: Project, name: str) -> int:
    return (project.path / f"data/demo/06_models/deep/{name}.pkl").stat().st_mtime_ns
