"""MLflow's hooks are let in where a run has something to track."""

import sys
from types import ModuleType, SimpleNamespace

import click
import pytest
from kedro.framework.hooks.manager import _create_hook_manager, _register_hooks_entry_points
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from epochal.tracking import LateTracking, is_tracking

MODULE = "kedro_mlflow.framework.hooks.mlflow_hook"


def copy(given: int) -> int:
    return given


PIPELINE = Pipeline([Node(copy, "given", "made")])


class Told:
    """Stands for kedro-mlflow's hooks and writes down what they are told."""

    def __init__(self):
        self.told = []

    def after_context_created(self, context):
        self.told.append("context")

    def before_pipeline_run(self, run_params, pipeline, catalog):
        self.told.append("run")


@pytest.fixture
def plugin(monkeypatch):
    monkeypatch.setenv("EPOCHAL_TRACKING", "on")
    monkeypatch.setattr("epochal.tracking.find_spec", lambda name: name)
    module = ModuleType(MODULE)
    module.mlflow_hook = Told()
    monkeypatch.setitem(sys.modules, MODULE, module)
    return module.mlflow_hook


def start(*, only_missing_outputs: bool, done: bool):
    """Go through a session's hooks as Kedro does, with the output there or not."""
    manager, tracking = _create_hook_manager(), LateTracking()
    manager.register(tracking)
    catalog = DataCatalog({"made": MemoryDataset(1) if done else MemoryDataset()})
    call = click.Context(click.Command("run"))
    call.params = {"only_missing_outputs": only_missing_outputs}
    with call:
        tracking.after_context_created(SimpleNamespace(_hook_manager=manager))
    tracking.before_pipeline_run({}, PIPELINE, catalog)
    return manager


def test_a_run_is_tracked_from_its_start(plugin):
    manager = start(only_missing_outputs=False, done=True)
    assert plugin.told == ["context"]  # Kedro itself tells it of the run, once it is registered
    assert manager.is_registered(plugin)


def test_a_run_of_what_is_missing_is_tracked_once_something_is(plugin):
    manager = start(only_missing_outputs=True, done=False)
    assert plugin.told == ["context", "run"]
    assert manager.is_registered(plugin)


def test_a_run_with_nothing_to_do_is_not_tracked(plugin):
    manager = start(only_missing_outputs=True, done=True)
    assert plugin.told == []
    assert not manager.is_registered(plugin)


@pytest.mark.parametrize("only_missing_outputs", [False, True])
def test_nothing_is_tracked_where_that_is_not_wanted(plugin, monkeypatch, only_missing_outputs):
    monkeypatch.setenv("EPOCHAL_TRACKING", "off")
    start(only_missing_outputs=only_missing_outputs, done=False)
    assert plugin.told == []


def test_without_the_extra_nothing_is_tracked(plugin, monkeypatch):
    monkeypatch.setattr("epochal.tracking.find_spec", lambda name: None)
    assert not is_tracking()


def test_kedro_leaves_the_plugin_whose_name_is_taken_unloaded():
    manager = _create_hook_manager()
    manager.register(LateTracking())
    _register_hooks_entry_points(manager, ())
    names = {dist.project_name for _, dist in manager.list_plugin_distinfo()}
    assert "kedro-telemetry" in {name.replace("_", "-") for name in names}
    assert "kedro-mlflow" not in {name.replace("_", "-") for name in names}
