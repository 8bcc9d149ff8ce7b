"""The Airflow DAG that kedro-airflow generates: the eight pipelines' nodes, in order.

Airflow itself is not installed: the generated file runs against a stand-in for `airflow.sdk`, which
writes down the tasks and what must come before what.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from epochal.pipeline_registry import PIPELINES
from projects import ROOT, Project, make_project

pytest.importorskip("kedro_airflow", reason="pip install 'epochal[dev]' brings kedro-airflow")


class Task:
    """A task of the DAG: what it calls, and what must be done before."""

    def __init__(self, task_id: str, call: Callable[[], Any]) -> None:
        self.task_id, self.call, self.before = task_id, call, set()

    def __rshift__(self, other: Task) -> Task:
        other.before.add(self.task_id)
        return other


class Airflow(types.ModuleType):
    """What a generated file takes of `airflow.sdk`."""

    def __init__(self) -> None:
        super().__init__("airflow.sdk")
        self.tasks: dict[str, Task] = {}

    def dag(self, **options: Any) -> Callable[[Any], Any]:
        self.options = options
        return lambda function: function

    def task(self, task_id: str) -> Callable[[Any], Any]:
        def decorate(function: Callable[[], Any]) -> Callable[[], Task]:
            return lambda: self.tasks.setdefault(task_id, Task(task_id, function))

        return decorate


def load(path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """Run a generated file as Airflow's scheduler would, in its project's folder."""
    airflow = Airflow()
    monkeypatch.setitem(sys.modules, "airflow", types.ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", airflow)
    spec = importlib.util.spec_from_file_location("generated_dag", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return airflow


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> tuple[Project, Path]:
    project = make_project(tmp_path_factory.mktemp("airflow"))
    project.command("airflow", "create", "--env", "demo", "--target-dir", "dags")
    (path,) = (project.path / "dags").glob("*.py")
    return project, path


@pytest.fixture
def airflow(generated, monkeypatch) -> Airflow:
    project, path = generated
    monkeypatch.chdir(project.path)
    return load(path, monkeypatch)


@pytest.fixture(scope="module")
def nodes() -> dict[str, Any]:
    bootstrap_project(ROOT)
    return {node.name: node for name in PIPELINES for node in pipelines[name].nodes}


def task_of(node: str) -> str:
    return node.replace("_", "-")


@pytest.mark.slow
def test_every_node_of_the_eight_pipelines_is_a_task(airflow, nodes):
    assert set(airflow.tasks) == {task_of(name) for name in nodes}
    assert len(airflow.tasks) == len(nodes)


@pytest.mark.slow
def test_a_task_comes_after_those_that_make_what_it_reads(airflow, nodes):
    maker = {out: task_of(name) for name, node in nodes.items() for out in node.outputs}
    for name, node in nodes.items():
        needed = {maker[given] for given in node.inputs if given in maker}
        assert airflow.tasks[task_of(name)].before == needed, name


@pytest.mark.slow
def test_the_tasks_can_be_put_in_an_order_that_begins_with_ingestion(airflow):
    done: list[str] = []
    waiting = dict(airflow.tasks)
    while waiting:
        ready = sorted(name for name, task in waiting.items() if task.before <= set(done))
        assert ready, f"a circle among {sorted(waiting)}"
        done += ready
        waiting = {name: task for name, task in waiting.items() if name not in ready}
    assert done[0] == "list-sources"
    first = {name: done.index(name) for name in done}
    assert first["read-recordings"] < first["compute-features"] < first["gather-features"]
    assert first["make-splits"] < first["fit-classical"] < first["fit-stack"]
    assert first["fit-stack"] < first["make-leaderboard"] < first["assemble-bundle"]


@pytest.mark.slow
def test_nothing_is_handed_on_in_memory_so_that_tasks_may_run_on_different_machines(nodes):
    catalog = (ROOT / "conf/base/catalog.yml").read_text(encoding="utf-8")
    patterns = [
        re.sub(r"\\\{\w+\\\}", ".+", re.escape(name))
        for name in re.findall(r'^"?([\w{}]+)"?:$', catalog, re.MULTILINE)
    ]
    for name, node in nodes.items():
        for output in node.outputs:
            assert any(re.fullmatch(pattern, output) for pattern in patterns), (name, output)


@pytest.mark.slow
def test_a_task_runs_its_node_and_nothing_else(airflow, generated):
    project, _ = generated
    airflow.tasks["list-sources"].call()
    made = {path.name for path in (project.path / "data/demo").iterdir()}
    assert made == {"01_raw", "02_intermediate"}
    airflow.tasks["read-recordings"].call()
    recordings = project.path / "data/demo/02_intermediate/recordings"
    assert len(list(recordings.glob("*.h5"))) == 5


def test_the_page_shows_the_command_that_is_run_here():
    page = (ROOT / "docs/how-to/run-on-a-cluster.md").read_text(encoding="utf-8")
    assert "kedro airflow create --env" in page
    assert "--target-dir" in page


def test_the_jobs_of_the_page_name_the_eight_pipelines_in_order():
    page = (ROOT / "docs/how-to/run-on-a-cluster.md").read_text(encoding="utf-8")
    jobs = re.search(r"for pipeline in (.*?); do", page.replace("\\\n", " "), re.DOTALL)
    assert tuple(jobs[1].split()) == PIPELINES


def test_the_pythons_of_the_page_are_valid_and_name_options_that_exist():
    from epochal.parallel import ParallelOptions

    page = (ROOT / "docs/how-to/run-on-a-cluster.md").read_text(encoding="utf-8")
    scripts = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(scripts) >= 2
    for script in scripts:
        compile(script, "page", "exec")
    for name in re.findall(r"`parallel\.(\w+)`", page):
        assert name in ParallelOptions.model_fields, name
    given = (ROOT / "conf/base/globals.yml").read_text(encoding="utf-8")
    for variable in set(re.findall(r"EPOCHAL_[A-Z]+", page)) - {"EPOCHAL_DATA", "EPOCHAL_TRACKING"}:
        assert variable in given
