"""dvc.yaml against the graph: every stage has what its pipeline reads and writes.

DVC itself is no dependency: what it would make of its templates is made here.
"""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from epochal.datasets.keyed import Keyed
from epochal.datasets.partitions import Partitions
from epochal.pipeline_registry import PIPELINES
from projects import ROOT

FILE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
VARS = {name: value for one in FILE["vars"] for name, value in one.items()}
STAGES = FILE["stages"]
STUDIES = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()} - {"base"}
# What DVC 3 knows of a stage, and of what stands beneath an output.
KEYS = {"cmd", "deps", "outs", "params", "metrics", "plots", "frozen", "wdir", "desc", "meta"}
OF_OUTPUTS = {"persist", "cache", "remote", "desc", "push"}
RAW = ("raw", "simulation")


def fill(text: str, key: str, item: Any) -> str:
    """Replace `${key}`, `${item}` and `${item.name}` as DVC does."""
    given = {"key": key, "item": item}
    if isinstance(item, dict):
        given |= {f"item.{name}": value for name, value in item.items()}
    return re.sub(r"\$\{([\w.]+)\}", lambda found: given[found[1]], text)


def iterations(stage: str) -> dict[str, Any]:
    """Return what a stage is made for: names, and what belongs to them."""
    found = VARS[STAGES[stage]["foreach"].strip("${}")]
    return found if isinstance(found, dict) else {name: name for name in found}


def paths(stage: str, kind: str, key: str) -> list[str]:
    """Return a stage's `deps` or `outs` for one iteration."""
    item = iterations(stage)[key]
    listed = STAGES[stage]["do"].get(kind, [])
    return [fill(next(iter(o)) if isinstance(o, dict) else o, key, item) for o in listed]


def covered(path: str, by: list[str]) -> bool:
    """Say whether a path is one of these, or in one of these folders."""
    return any(PurePosixPath(path).is_relative_to(one) for one in by)


@cache
def catalog(study: str) -> Any:
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env=study) as session:
        return session.load_context().catalog


@cache
def locate(name: str, study: str = "demo") -> tuple[str, str]:
    """Return where a dataset and its key lie, relative to the project."""
    dataset = catalog(study).get(name)
    assert isinstance(dataset, Keyed)
    return tuple(
        (path if path.is_absolute() else ROOT / path).relative_to(ROOT).as_posix()
        for path in (dataset.location, dataset.key_path)
    )


def test_the_file_is_as_dvc_reads_it():
    assert set(FILE) == {"vars", "stages"}
    for stage in STAGES.values():
        assert set(stage) == {"foreach", "do"}
        assert set(stage["do"]) <= KEYS
        assert isinstance(stage["do"]["cmd"], str)
        for out in stage["do"]["outs"]:
            assert isinstance(out, str) or set(*out.values()) <= OF_OUTPUTS
        text = yaml.safe_dump(stage)
        assert set(re.findall(r"\$\{(\w+)", text)) <= {"key", "item", *VARS}


def test_every_pipeline_and_every_study_has_its_stages():
    assert list(STAGES) == [*RAW, *PIPELINES]
    for name in PIPELINES:
        assert set(iterations(name)) == STUDIES


@pytest.mark.parametrize("name", PIPELINES)
def test_a_stage_runs_its_pipeline_of_its_study(name):
    words = shlex.split(fill(STAGES[name]["do"]["cmd"], "demo", {}))
    assert words == ["kedro", "run", "--env", "demo", "--pipelines", name, "--only-missing-outputs"]


@pytest.mark.slow
@pytest.mark.parametrize("name", PIPELINES)
def test_what_a_pipeline_writes_and_its_key_are_outputs_of_the_stage(name):
    outs = paths(name, "outs", "demo")
    for dataset in pipelines_of()[name].all_outputs():
        for path in locate(dataset):
            assert covered(path, outs), path


@pytest.mark.parametrize("name", PIPELINES)
def test_what_a_pipeline_reads_is_depended_on(name):
    deps = paths(name, "deps", "demo")
    for given in pipelines_of()[name].inputs():
        if given.startswith("params:"):
            assert f"conf/base/parameters_{given.removeprefix('params:')}.yml" in deps
        else:
            assert covered(locate(given)[0], deps), given
    assert {"conf/demo", "conf/base/catalog.yml", "src/epochal/__init__.py"} <= set(deps)


@pytest.mark.parametrize("name", PIPELINES)
def test_folders_of_pieces_persist_so_that_only_stale_ones_are_made(name):
    kept = [next(iter(o)) for o in STAGES[name]["do"]["outs"] if isinstance(o, dict)]
    kept = [fill(path, "demo", {}) for path in kept]
    for dataset in pipelines_of()[name].all_outputs():
        if isinstance(catalog("demo").get(dataset), Partitions):
            assert covered(locate(dataset)[0], kept), dataset


def test_every_file_that_is_depended_on_is_there_or_made_by_another_stage():
    for study in STUDIES:
        made = [o for s in PIPELINES for o in paths(s, "outs", study)]
        made += [o for s in RAW for k in iterations(s) for o in paths(s, "outs", k)]
        for stage in PIPELINES:
            for path in paths(stage, "deps", study):
                assert (ROOT / path).exists() or covered(path, made), path


@pytest.mark.slow
def test_no_two_stages_write_the_same_and_none_within_another():
    for study in STUDIES:
        outs = [o for s in PIPELINES for o in paths(s, "outs", study)]
        outs += [o for s in RAW for k in iterations(s) for o in paths(s, "outs", k)]
        for number, path in enumerate(outs):
            assert not covered(path, outs[:number] + outs[number + 1 :]), path


@pytest.mark.slow
@pytest.mark.parametrize("study", sorted(STUDIES))
def test_raw_data_are_where_the_study_reads_them(study, monkeypatch):
    monkeypatch.delenv("EPOCHAL_DATA", raising=False)
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env=study) as session:
        ingestion = session.load_context().params["ingestion"]
    assert str(ingestion.folder) == VARS["studies"][study]["raw"]
    assert (study in VARS["simulated"]) == (ingestion.source == "simulated")
    raw = [o for s in RAW for k in iterations(s) for o in paths(s, "outs", k)]
    assert str(ingestion.folder) in raw


@cache
def pipelines_of() -> dict[str, Any]:
    bootstrap_project(ROOT)
    return dict(pipelines)


def test_every_stage_that_the_page_names_exists():
    page = (ROOT / "docs/how-to/version-data.md").read_text(encoding="utf-8")
    named = re.findall(r"\bdvc (?:repro|status|checkout)(?: --?\w[\w-]*)* (\w+)@(\w+)", page)
    assert len(named) >= 3
    for stage, key in named:
        assert key in iterations(stage)
