"""The hook that registers a run's bundle: when it does, and when it keeps out of the way."""

import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.pipeline import Node, Pipeline

from epochal.registry import store
from epochal.registry.hooks import RegistryHooks

MADE = Pipeline([Node(lambda x: x, "x", "bundle", name="assemble_bundle")])
OTHER = Pipeline([Node(lambda x: x, "x", "features", name="extract")])
CATALOG = SimpleNamespace(get=lambda name: SimpleNamespace(location=f"there/{name}"))


class RefusedError(Exception):
    """Stands for MLflow's own."""


@pytest.fixture
def registered(monkeypatch):
    """Return what is registered, with a run of MLflow under way."""
    run = SimpleNamespace(info=SimpleNamespace(run_id="r7"))
    mlflow = SimpleNamespace(
        active_run=lambda: run, MlflowClient=lambda: "client", MlflowException=RefusedError
    )
    found = []

    def register(client, folder, *, run_id):
        found.append((client, folder, run_id))
        return SimpleNamespace(name="made", version=3)

    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setattr(store, "register_bundle", register)
    return found


def test_a_tracked_run_registers_the_bundle_that_it_made(registered, caplog):
    with caplog.at_level(logging.INFO):
        RegistryHooks().after_pipeline_run(MADE, CATALOG)
    assert registered == [("client", Path("there/bundle"), "r7")]
    assert "Registered: made, version 3 (staging)" in caplog.text


def test_a_run_that_made_no_bundle_registers_none(registered):
    RegistryHooks().after_pipeline_run(OTHER, CATALOG)
    assert registered == []


def test_without_a_tracked_run_nothing_is_registered(registered, monkeypatch):
    monkeypatch.setattr(sys.modules["mlflow"], "active_run", lambda: None)
    RegistryHooks().after_pipeline_run(MADE, CATALOG)
    monkeypatch.delitem(sys.modules, "mlflow")
    RegistryHooks().after_pipeline_run(MADE, CATALOG)
    assert registered == []


def test_a_store_that_keeps_no_models_does_not_fail_the_run(registered, monkeypatch, caplog):
    def refuse(*_, **__):
        raise RefusedError("no registry\nin a store of files")

    monkeypatch.setattr(store, "register_bundle", refuse)
    RegistryHooks().after_pipeline_run(MADE, CATALOG)
    assert "The bundle is not registered: no registry in a store of files" in caplog.text
