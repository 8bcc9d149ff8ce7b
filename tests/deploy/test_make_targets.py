import os
import re
import subprocess

import pytest

from projects import ROOT

ASKED = {"up", "down", "logs", "train", "test", "shell", "health", "status", "all", "quick"} | {
    "download", "clean", "format", "lint", "setup", "preprocess", "train-baseline", "train-deep"
} | {"run-api", "help", "serve"}  # fmt: skip
KEPT = {"install", "demo", "test", "test-fast", "check", "bench", "viz", "notebook", "package"}
COMPOSE = "compose --file deploy/compose.yaml --project-directory ."


@pytest.fixture
def make(tmp_path):
    """Return a call of make in which docker only writes down what it is asked."""
    docker, told = tmp_path / "docker", tmp_path / "told"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    docker.chmod(0o755)

    def make(*words):
        found = subprocess.run(
            ["make", f"DOCKER={docker}", *words],
            cwd=ROOT,
            env={**os.environ, "MAKEFLAGS": ""},
            capture_output=True,
            text=True,
            timeout=300,
        )
        asked = told.read_text().splitlines() if told.exists() else []
        return found, [" ".join(line.split()) for line in asked]

    return make


def test_every_word_of_the_original_and_of_the_project_is_a_target(make):
    for target in sorted(ASKED | KEPT):
        found, _ = make("--dry-run", target)
        assert found.returncode == 0, f"{target}: {found.stderr}"


def test_help_tells_of_every_target(make):
    told = set(re.findall(r"^([a-z-]+) ", make("help")[0].stdout, re.MULTILINE))
    assert told >= ASKED | KEPT


def test_up_builds_starts_and_waits_until_all_are_well(make):
    found, asked = make("up")
    assert found.returncode == 0, found.stderr
    assert asked == [f"{COMPOSE} up --detach --build --wait"]
    for port in ("8000", "8050", "5000", "3001", "9090"):
        assert port in found.stdout


def test_a_gpu_and_postgres_are_chosen_by_a_word(make, monkeypatch):
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "postgresql+pg8000://mlflow@postgres/mlflow")
    _, (asked,) = make("up", "CUDA=1", "POSTGRES=1")
    assert "--file deploy/compose.cuda.yaml" in asked
    assert "--profile postgres up" in asked


def test_postgres_beside_an_mlflow_that_would_stay_on_sqlite_is_refused(make, monkeypatch):
    monkeypatch.delenv("MLFLOW_BACKEND_STORE_URI", raising=False)
    found, asked = make("up", "POSTGRES=1")
    assert found.returncode == 2
    assert "no MLFLOW_BACKEND_STORE_URI=postgresql" in found.stderr
    assert asked == []


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (("down",), "--profile postgres --profile train --profile dev down"),
        (("logs", "ONLY=api"), "logs --follow --tail 100 api"),
        (("status",), "ps --all"),
        (("shell",), "--profile train run --rm train bash"),
        (("train", "STUDY=sleep_edfx"), "run --rm train kedro run --env sleep_edfx"),
        (("download",), "run --rm train epochal download hms"),
        (("dev",), "--profile dev up --detach --build --wait"),
    ],
)
def test_a_word_asks_compose_for_what_it_says(make, words, end):
    found, (asked,) = make(*words)
    assert found.returncode == 0, found.stderr
    assert asked.startswith(COMPOSE)
    assert asked.endswith(end)


def test_all_downloads_trains_and_starts_in_this_order(make):
    _, asked = make("all")
    assert ["download" in asked[0], "--env" in asked[1], " up " in asked[2]] == [True] * 3


def test_quick_starts_without_data_or_long_training(make):
    _, asked = make("quick", "BUNDLE=no/such/bundle")
    assert asked[-1].endswith("up --detach --build --wait")
    assert not any("download" in one for one in asked)


def test_the_work_of_a_study_is_cut_into_its_pipelines(make):
    for target, pipelines in {
        "preprocess": "ingestion,feature_engineering,splitting",
        "train-baseline": "classical_models",
        "train-deep": "deep_models",
    }.items():
        found, _ = make("--dry-run", target, "STUDY=rodent_sleep")
        assert f"kedro run --env rodent_sleep --pipelines {pipelines}" in found.stdout


@pytest.mark.slow
def test_health_fails_where_nobody_answers(make, monkeypatch):
    monkeypatch.setenv("EPOCHAL_PORT", "9")
    found, _ = make("health")
    assert found.returncode != 0
    assert "/ready no answer" in found.stdout
