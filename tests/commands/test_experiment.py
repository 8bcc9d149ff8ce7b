"""`epochal experiment`: a grid on a tiny cohort of simulated mice, resumed and cut."""

import os
import sys
from contextlib import nullcontext

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from epochal.cli import cli
from epochal.commands import experiment as command
from epochal.errors import EpochalError
from experiment_material import make_judged
from projects import make_project, merge

TINY = {
    "ingestion": {"simulator_options": {"n_subjects": 6, "length_h": 0.5}},
    "feature_engineering": {
        "signals": {"eeg": {"channels": ["EEG"], "features": ["rodent_band_power"]}},
        "network_inputs": {"signal": {"band_hz": [0.5, 30], "bands_hz": {}, "sfreq": 64}},
        "light": False,
        "context": {"normalise": ["session"], "triangular_epochs": [], "lags": []},
    },
    "splitting": {"n_folds": 2, "test_share": 0.3, "val_share": 0.2, "min_test_subjects": 2},
    "classical_models": {
        "models": {"three_features": {"columns": ["eeg_log_delta__session"]}}
    },
    "evaluation": {"n_bootstrap": 50},
}  # fmt: skip
EXPERIMENT = {
    "context": [1],
    "backbone": ["cnn1d"],
    "emg": ["channel", "none"],
    "channels": {"channel": [], "none": ["EEG"], "alone": ["EMG"]},
    "baselines": ["three_features"],
    "model": {"training": {"max_epochs": 1}},
}
CHANNEL = "cnn1d-1-weighted_cross_entropy-emg_channel"
NONE = "cnn1d-1-weighted_cross_entropy-emg_none"


def write_project(path):
    """Copy the rodent study's configuration, made tiny."""
    project = make_project(path)
    conf = path / "conf/rodent_sleep"
    section = merge(yaml.safe_load((conf / "parameters.yml").read_text()), TINY)
    (conf / "parameters.yml").write_text(yaml.safe_dump(section))
    (conf / "experiment.yml").write_text(yaml.safe_dump(EXPERIMENT))
    return project


def call(*arguments):
    return CliRunner().invoke(cli, ["experiment", *arguments])


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path)


@pytest.mark.slow
def test_a_grid_goes_on_after_a_failure_and_ends_in_a_table_and_a_figure(project, monkeypatch):
    from epochal.experiments import cells

    fit = cells.fit_refit

    def fail_without_emg(fitting):
        if fitting.name == NONE:
            raise EpochalError("no memory left")
        return fit(fitting)

    monkeypatch.setattr(cells, "fit_refit", fail_without_emg)
    first = call("rodent_sleep")
    assert first.exit_code == 1
    assert f"Failed: {NONE}: no memory left" in first.output
    assert "1 of 3 failed" in first.output

    folder = project.path / "data/rodent_sleep/08_reporting/experiment"
    kept = {path.name: path.stat().st_mtime_ns for path in (folder / "cells").iterdir()}
    monkeypatch.setattr(cells, "fit_refit", fit)
    second = call("rodent_sleep", "--smoothing", "none,viterbi")
    assert second.exit_code == 0, second.output
    assert f"{CHANNEL}: there already" in second.output
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "cells").iterdir()}
    assert len(after) == 3
    assert kept.items() < after.items(), "what was there is not fitted again"

    table = pd.read_csv(folder / "comparison.csv")
    assert set(table["row"]) == {
        name + smoothed
        for name in ("three_features", CHANNEL, NONE)
        for smoothed in ("", "+viterbi")
    }
    assert set(table["data_source"]) == {"simulated"}
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")

    monkeypatch.setattr(cells, "fit_refit", None)  # a subset of what is there fits nothing
    subset = call("rodent_sleep", "--emg", "none", "--baselines", "", "--reference", NONE)
    assert subset.exit_code == 0, subset.output
    assert list(pd.read_csv(folder / "comparison.csv")["row"]) == [NONE]


@pytest.mark.slow
def test_the_cells_can_be_listed_without_a_fit_or_a_recording(project):
    done = call("rodent_sleep", "--list", "--context", "7,1", "--backbone", "s4d", "--emg", "none")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-3:] == [
        "three_features",
        "s4d-7-weighted_cross_entropy-emg_none",
        "s4d-1-weighted_cross_entropy-emg_none",
    ]
    assert not (project.path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["rodent_slep"], 2, "No study 'rodent_slep'; did you mean 'rodent_sleep'?"),
        (["demo"], 1, "conf/demo has no experiment.yml"),
        (["rodent_sleep", "--backbone", "s4"], 1, "no backbone 's4'; did you mean 's4d'?"),
        (["rodent_sleep", "--emg", "some"], 1, "no emg 'some'; it has: alone, channel, none"),
        (["rodent_sleep", "--context", "seven"], 1, "experiment: context.0:"),
        (
            ["rodent_sleep", "--smoothing", "viterby"],
            1,
            "no smoothing 'viterby'; did you mean 'viterbi'?",
        ),
        (["rodent_sleep", "--context", "0"], 1, "experiment: context.0: Input should be greater"),
        (["rodent_sleep", "--labelled", "-1"], 1, "experiment: labelled.0: Input should be"),
        (["rodent_sleep", "--label-noise", "2"], 1, "experiment: label_noise.0: Input should be"),
        (
            ["rodent_sleep", "--reference", "three_feature"],
            1,
            "no row 'three_feature'; did you mean 'three_features'?",
        ),
        (["rodent_sleep", "--baselines", "four"], 1, "no classical model 'four'"),
    ],
)
def test_what_is_misspelt_is_one_line(project, arguments, code, message):
    done = call(*arguments, "--list")
    assert done.exit_code == code
    assert message in done.output
    assert "Traceback" not in done.output


def test_a_misspelt_reference_is_found_before_anything_is_prepared(project):
    done = call("rodent_sleep", "--reference", f"{NONE}s")
    assert done.exit_code == 1
    assert f"no row '{NONE}s'; did you mean '{NONE}'?" in done.output
    assert not (project.path / "data").exists()


@pytest.mark.parametrize(
    ("params", "reason"),
    [({"droput": 0.1}, "no parameter 'droput'; did you mean 'dropout'?"), ({"dropout": 7}, "7")],
)
def test_a_network_that_cannot_be_made_is_found_before_anything_is_prepared(
    project, params, reason
):
    path = project.path / "conf/rodent_sleep/experiment.yml"
    path.write_text(yaml.safe_dump(merge(EXPERIMENT, {"model": {"params": params}})))
    done = call("rodent_sleep")
    assert done.exit_code == 1
    assert f"experiment.{CHANNEL}: " in done.output
    assert reason in done.output
    assert not (project.path / "data").exists()


def test_an_option_of_conf_that_is_an_axis_is_refused_by_its_name(project):
    path = project.path / "conf/rodent_sleep/experiment.yml"
    path.write_text(yaml.safe_dump(merge(EXPERIMENT, {"model": {"kind": "s4d"}})))
    done = call("rodent_sleep", "--list")
    assert done.exit_code == 1
    assert "experiment: no `kind` in `model`: give the axis `backbone` instead" in done.output


class FakeMLflow:
    """What `track` uses of MLflow."""

    def __init__(self):
        self.runs, self.params, self.metrics, self.tags = [], {}, {}, {}
        self.log_params, self.log_metrics = self.params.update, self.metrics.update
        self.set_tags = self.tags.update

    def active_run(self):
        return None

    def start_run(self, *, run_name, nested):
        self.runs.append((run_name, nested))
        return nullcontext()

    def log_metric(self, name, value):
        self.metrics[name] = value


def test_every_cell_is_a_run_of_mlflow_where_tracking_is_on(monkeypatch):
    mlflow = FakeMLflow()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setattr(command, "_tracking_is_on", lambda: True)
    command.track(make_judged({"s1": [[5, 0], [0, 5]]}, name="cell"))
    assert mlflow.runs == [("cell", False)]
    assert mlflow.params == {"backbone": "cell", "key": "cell"}
    assert mlflow.metrics["none.kappa"] == 1
    assert mlflow.metrics["none.f1_NREM"] == 1
    assert mlflow.metrics["seconds"] == 1
    assert mlflow.tags["data_source"] == "simulated"


def test_nothing_is_tracked_where_tracking_is_off(monkeypatch):
    assert os.environ["EPOCHAL_TRACKING"] == "off"
    mlflow = FakeMLflow()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setattr(command, "_tracking_is_on", lambda: False)
    command.track(make_judged({"s1": [[5, 0], [0, 5]]}, name="cell"))
    assert mlflow.runs == []
