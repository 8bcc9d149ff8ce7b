"""Every message on the page "Troubleshooting" is what Epochal says: each is provoked here."""

from __future__ import annotations

import logging
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import warnings
import zipfile
from functools import partial
from importlib import import_module
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from builders import make_bundle, make_night, write_edf
from epochal.cli import cli, one_line_errors
from epochal.datasets.partitions import Partitions
from epochal.errors import EpochalError, explain, fault_of
from epochal.parallel import ParallelOptions, run_pieces
from epochal.serving.bundle import write_bundle
from projects import ROOT

PAGE = (ROOT / "docs/how-to/troubleshoot.md").read_text(encoding="utf-8")
LABELS = ["W"] * 6 + ["N2"] * 6 + ["REM"] * 6


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with a bundle and one night in it, where commands are called."""
    monkeypatch.chdir(tmp_path)
    write_bundle("bundle", make_bundle())
    write_edf(Path("night.edf"), {"EEG": make_night(LABELS, seed=100).channel("EEG").data})
    return tmp_path


def says(*arguments: str) -> str:
    """Return what a command that fails writes, in lines and without a traceback."""
    result = CliRunner().invoke(cli, [str(one) for one in arguments])
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    return result.output


def expect(said: str, *parts: str) -> None:
    """Assert that a message has these parts, and that the page shows them."""
    for part in parts:
        assert part in said
        assert part in PAGE


def need_too_much() -> np.ndarray:
    return np.empty(1 << 50)


def die_as_if_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_memory_runs_out_while_trees_are_trained(tmp_path):
    models = Partitions(path=str(tmp_path / "classical"), dataset="pickle.PickleDataset",
                        filename_suffix=".pkl")  # fmt: skip
    with pytest.raises(Exception, match=r"8\.00 PiB") as failed:  # as Kedro wraps it
        models.save({"lightgbm": partial(need_too_much)})
    assert isinstance(fault_of(failed.value), EpochalError)
    expect(
        explain(failed.value),
        "pieces of 'classical' failed: lightgbm: Unable to allocate 8.00 PiB",
        "; out of memory: fewer workers (parallel.n_jobs in globals.yml, "
        "EPOCHAL_BACKEND=sequential), smaller models or batches, or fewer features need less",
    )


def test_a_memory_error_that_says_nothing_is_named_with_its_hint(tmp_path):
    def fail() -> None:
        raise MemoryError

    models = Partitions(path=str(tmp_path / "classical"), dataset="pickle.PickleDataset",
                        filename_suffix=".pkl")  # fmt: skip
    with pytest.raises(Exception, match="xgboost: MemoryError; out of memory: fewer workers"):
        models.save({"xgboost": partial(fail)})
    assert "MemoryError: no reason given; out of memory" in explain(MemoryError())
    assert "out of memory: fewer" not in explain(ValueError("x"))


@pytest.mark.slow
def test_the_system_kills_a_worker_for_its_memory():
    pieces = {name: partial(die_as_if_killed) for name in ("a", "b")}
    options = ParallelOptions(backend="processes", n_jobs=2, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # loky's own, of the worker that is gone
        with pytest.raises(Exception, match="unexpectedly terminated") as failed:
            run_pieces(pieces, description="features", options=options)
    expect(
        explain(failed.value),
        "TerminatedWorkerError: A worker process managed by the executor was unexpectedly "
        "terminated.",
        "; out of memory: fewer workers",
    )


def test_a_dask_scheduler_has_no_workers(caplog):
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    from epochal.cluster import outcomes_on_cluster

    none = {"n_workers": 0, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(**none) as cluster, distributed.Client(cluster):
        list(outcomes_on_cluster({}, print, None))  # of no piece: nothing to wait for
    expect(caplog.text, "WARNING", "No worker at ", ": waiting for one")


def test_a_dask_cluster_is_named_and_would_not_be_asked():
    with pytest.raises((ValidationError, EpochalError)) as failed:
        ParallelOptions(backend="threads", address="tcp://scheduler:8786")
    expect(
        str(failed.value),
        "parallel.address is for backend: dask, and this is threads "
        "(EPOCHAL_DASK, EPOCHAL_BACKEND)",
    )


def test_a_download_stalls(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        said = says(
            "download", "sleep-edfx", "--out", tmp_path, "--base-url", address,
            "--stall", "0.2", "--retries", "0", "--round-retries", "0",
        )  # fmt: skip
    expect(said, "nothing came for")


def test_models_of_another_scikit_learn_are_named_once(monkeypatch, caplog):
    import sklearn.base
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from epochal import startup

    monkeypatch.setattr(startup, "_told", set())
    with monkeypatch.context() as patch:
        patch.setattr(sklearn.base, "__version__", "1.5.0")
        stored = pickle.dumps([LogisticRegression(), StandardScaler()])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pickle.loads(stored)
    logger = logging.getLogger("py.warnings")
    before = list(logger.filters)
    try:
        startup.prepare()
        for warning in caught:
            logger.warning(
                "%s",
                warnings.formatwarning(
                    str(warning.message), warning.category, warning.filename, warning.lineno
                ),
            )
    finally:
        logging.captureWarnings(False)
        logger.filters[:] = before
    assert len(caught) == 2
    assert len(caplog.messages) == 1
    expect(
        caplog.messages[0],
        "Models in 06_models were fitted with scikit-learn 1.5.0, here is ",
        "Remove data/<study>/06_models and run again, or install scikit-learn 1.5.0. "
        "A bundle is not affected: it holds ONNX.",
    )


def test_the_dashboard_has_nothing_to_play_back(tmp_path):
    from epochal.serving.results import StudyRun

    with pytest.raises(EpochalError) as failed:
        StudyRun(tmp_path / "demo").playback()
    expect(str(failed.value), "'demo' has no playback.json: run the study's evaluation")
    shown = (ROOT / "src/epochal/serving/dashboard/js/parts/studies.js").read_text()
    part = "yet in the service's results folder."
    assert f"No ${{what}} {part}" in shown
    assert f"No playback {part}" in PAGE


def test_networks_train_slowly_on_the_processor(monkeypatch):
    import torch

    from epochal.pipelines.deep_models.nodes import _describe_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    expect(_describe_device(), "Networks train on the processor: torch ", "finds no GPU")


def test_a_gpu_is_named_where_there_is_one(monkeypatch):
    import torch

    from epochal.models.training.devices import describe_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "GPU 9")
    assert describe_device() == "Networks over signals train on GPU 9, others on the processor"


@pytest.mark.slow
def test_python_is_too_old(tmp_path):
    """Pip reads the same line of an installable as small as can be."""
    asked = re.search(r'requires-python = "(.*)"', (ROOT / "pyproject.toml").read_text())[1]
    wheel = tmp_path / "epochal-9-py3-none-any.whl"
    head = f"Metadata-Version: 2.1\nName: epochal\nVersion: 9\nRequires-Python: {asked}\n"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("epochal-9.dist-info/METADATA", head)
        file.writestr("epochal-9.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr("epochal-9.dist-info/RECORD", "")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--dry-run",
         "--target", str(tmp_path / "to"), "--only-binary=:all:", "--python-version", "3.10.12",
         str(wheel)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    expect(
        done.stderr, "ERROR: Package 'epochal' requires a different Python: 3.10.12 not in "
        "'<3.14,>=3.11'",
    )  # fmt: skip


def test_kaggle_knows_no_account(monkeypatch, tmp_path):
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "none"))
    expect(
        says("download", "hms", "--out", str(tmp_path / "hms")),
        "Kaggle needs your account: KAGGLE_USERNAME and KAGGLE_KEY not set. Create a token in "
        "your Kaggle settings",
    )


def test_the_competitions_rules_are_not_accepted():
    from epochal.downloads.kaggle import _explain

    refused = OSError("403 Client Error: Forbidden for url: …")
    refused.response = type("Response", (), {"status_code": 403})()  # type: ignore[attr-defined]
    expect(
        str(_explain("train.csv", refused)),
        "(HTTP 403): open the competition on Kaggle with your account and accept its rules first",
    )


def test_docker_is_not_there():
    done = subprocess.run(
        ["make", "up", "DOCKER=no-such-docker"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "MAKEFLAGS": "", "LC_ALL": "C"},
    )  # fmt: skip
    assert done.returncode != 0
    assert re.search(r"no-such-docker: (No such file or directory|not found)", done.stderr)
    assert "make: docker: No such file or directory" in PAGE


def test_the_gpu_is_not_to_be_had(monkeypatch, caplog):
    import onnxruntime

    from epochal.serving import sessions

    monkeypatch.setattr(sessions, "_warned", set())
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    model = next(one for name, one in make_bundle().files.items() if name.endswith(".onnx"))
    sessions.open_session(model, provider="cuda")
    expect(
        caplog.messages[0],
        "provider 'cuda' is not to be had here (is onnxruntime-gpu installed, with its "
        "libraries?): models run on CPU instead",
    )


def test_an_extra_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(click.ClickException) as failed, one_line_errors():
        import_module("shap")
    expect(failed.value.message, "this needs 'shap': pip install 'epochal[explain]'")


def test_no_bundle_fits_a_recording(folder):
    write_edf(Path("belt.edf"), {"Resp": np.sin(np.arange(60_000) / 30)})
    (folder / "bundle").rename(folder / "elsewhere")
    expect(
        says("score", "belt.edf", "--out", "out"),
        "No --bundle given, and not exactly one matches belt.edf: ",
    )


def test_a_channel_is_missing(folder):
    write_edf(Path("other.edf"), {"EOG": make_night(LABELS).channel("EEG").data})
    said = says("score", "other.edf", "--bundle", "bundle", "--out", "out")
    expect(said, "other.edf: no channel 'EEG'; it has: EOG")


def test_a_recording_is_unlike_the_training_data(folder):
    loud = make_night(LABELS, seed=100).channel("EEG").data * 40
    write_edf(Path("loud.edf"), {"EEG": loud})
    said = says("score", "loud.edf", "--bundle", "bundle", "--out", "out")
    expect(
        said,
        "of its epochs are unlike the data that the bundle was trained on "
        "(wrong unit, species, channel or rate?)",
    )


def test_a_file_of_a_bundle_was_changed(folder):
    card = folder / "bundle/MODEL_CARD.md"
    card.write_text(card.read_text() + "\nmine")
    expect(
        says("score", "night.edf", "--bundle", "bundle", "--out", "out"),
        "MODEL_CARD.md: changed since the bundle was written (its SHA-256 differs)",
    )


def test_a_file_is_no_edf(folder):
    Path("notes.edf").write_text("These are notes, no signals. " * 40)
    expect(
        says("score", "notes.edf", "--bundle", "bundle", "--out", "out"),
        "notes.edf: not an EDF or BDF file: the field 'version' holds 'These ar', not '0'",
    )


@pytest.mark.slow
def test_a_port_is_taken(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "epochal", "serve", "--bundle", "bundle", "--port", port],
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
    assert done.returncode != 0
    expect(done.stderr, "error while attempting to bind on address (", "address already in use")


def test_every_message_on_the_page_is_expected_here():
    """Each line that the page shows has, after its level, words that a test asks for."""
    tests = Path(__file__).read_text(encoding="utf-8").replace('"\n        "', "")
    asked = [one for one in re.findall(r'"([^"\n]+)"', tests) if len(one) > 15]
    lines = "".join(re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)).splitlines()
    assert len(lines) >= 17
    for line in lines:
        assert any(part in line for part in asked), line
