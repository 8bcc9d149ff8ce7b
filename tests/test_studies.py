"""One contract for every study: parameters validate, every key is read, every dataset resolves."""

import shutil
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.config import OmegaConfigLoader
from kedro.framework.project import configure_project, pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from epochal.datasets.keyed import Keyed
from epochal.options.checking import check_study
from epochal.pipeline_registry import PIPELINES
from projects import ROOT, make_project

STUDIES = sorted(
    path.name for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name != "base"
)
SECTIONS = ("study", *PIPELINES)
FAST = sorted((ROOT / "conf").glob("*/fast.yml"))


@pytest.fixture(autouse=True)
def _configured(monkeypatch):
    monkeypatch.setenv("EPOCHAL_DATA", "data")
    configure_project("epochal")


def parameters(study: str, conf: Path = ROOT / "conf", **changed: Any) -> dict:
    loader = OmegaConfigLoader(
        str(conf), env=study, base_env="base", merge_strategy={"parameters": "soft"},
        custom_resolvers=_resolvers(), runtime_params=changed,
    )  # fmt: skip
    return loader["parameters"]


def parameter_files(study: str, conf: Path = ROOT / "conf") -> list[Path]:
    """Return a study's own files of parameters, `parameters.yml` first."""
    return sorted((conf / study).glob("parameters*.yml"))


def unread_keys(study: str, conf: Path = ROOT / "conf") -> set[str]:
    """Return the top-level parameters that no node of the graph reads."""
    read = {
        name.removeprefix("params:").split(".")[0]
        for name in pipelines["__default__"].inputs()
        if name.startswith("params:")
    }
    return set(parameters(study, conf)) - read


def keys_absent_from_base(study: str, conf: Path = ROOT / "conf") -> set[str]:
    """Return the top-level keys of a study's own file that base does not have."""
    base = {
        key
        for path in (conf / "base").glob("parameters*.yml")
        for key in yaml.safe_load(path.read_text())
    }
    own = {
        key: value
        for path in parameter_files(study, conf)
        for key, value in yaml.safe_load(path.read_text()).items()
    }
    return set(own) - base


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_every_key_of_a_study_is_read_by_some_node(study):
    assert unread_keys(study) == set()
    assert keys_absent_from_base(study) == set()


@pytest.mark.slow
def test_a_planted_key_that_nobody_reads_is_found(tmp_path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    with (conf / "demo/parameters.yml").open("a") as file:
        file.write("\nspliting: {n_folds: 3}\n")
    assert unread_keys("demo", conf) == {"spliting"}
    assert keys_absent_from_base("demo", conf) == {"spliting"}


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_the_parameters_of_a_study_validate(study):
    context = _context(ROOT, study)
    validated = context.params
    assert validated["study"].name == study
    for name in PIPELINES:
        assert type(validated[name]).model_config["extra"] == "forbid"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "section"),
    # every section of one study, and of every study one: the sections are checked alike
    [*(("demo", name) for name in SECTIONS), *zip(STUDIES, cycle(SECTIONS), strict=False)],
)
def test_a_planted_unknown_option_in_any_section_is_refused(study, section, tmp_path):
    project = make_project(tmp_path)
    files = parameter_files(study, tmp_path / "conf")
    path = next((file for file in files if f"\n{section}:" in file.read_text()), files[0])
    changed = yaml.safe_load(path.read_text())
    changed.setdefault(section, {})["misspelt"] = 1
    path.write_text(yaml.safe_dump(changed))
    with pytest.raises(Exception, match="misspelt"):
        _ = _context(project.path, study).params


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_every_dataset_of_the_graph_resolves_to_a_persisted_entry(study):
    catalog = _context(ROOT, study).catalog
    for name in sorted(pipelines["__default__"].datasets()):
        if not name.startswith("params:"):
            dataset = catalog.get(name)
            assert isinstance(dataset, Keyed), name
            assert f"data/{study}/" in dataset.location.as_posix()


@pytest.mark.slow
def test_a_planted_dataset_without_an_entry_is_found(tmp_path):
    project = make_project(tmp_path)
    path = tmp_path / "conf/base/catalog.yml"
    catalog = yaml.safe_load(path.read_text())
    del catalog["features"]
    path.write_text(yaml.safe_dump(catalog))
    assert "features" not in _context(project.path, "demo").catalog


@pytest.mark.slow
def test_a_study_may_say_of_its_own_how_pieces_run_without_losing_the_rest(tmp_path, monkeypatch):
    monkeypatch.setenv("EPOCHAL_BACKEND", "processes")
    project = make_project(tmp_path)
    globals_of_demo = tmp_path / "conf/demo/globals.yml"
    globals_of_demo.write_text("study: demo\nparallel: {n_jobs: 1}\n")
    loader = _context(project.path, "demo").config_loader
    expected = {"n_jobs": 1, "backend": "processes", "table_memory_mb": None, "address": None}
    assert loader["globals"]["parallel"] == expected
    assert loader["catalog"]["recordings"]["parallel"] == expected


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_says_only_what_differs(study):
    for path in parameter_files(study):
        lines = path.read_text().splitlines()
        assert len([line for line in lines if line.strip()]) <= 60, path.name


def test_the_graph_is_the_eight_pipelines():
    assert set(pipelines) == {*PIPELINES, "__default__"}
    assert len(pipelines["__default__"].nodes) == sum(len(pipelines[p].nodes) for p in PIPELINES)


def test_every_node_has_a_plain_name_and_a_docstring():
    for node in pipelines["__default__"].nodes:
        assert node.name == node.func.__name__
        assert node.func.__doc__


def _context(path: Path, study: str):
    bootstrap_project(path)
    return KedroSession.create(path, env=study).load_context()


def _resolvers():
    from omegaconf.resolvers import oc

    return {"oc.env": oc.env}


@pytest.mark.slow
@pytest.mark.parametrize("path", FAST, ids=lambda path: path.parent.name)
def test_a_fast_preset_is_its_study_with_shorter_trainings(path):
    preset = yaml.safe_load(path.read_text(encoding="utf-8"))["run"]
    assert preset["env"] == path.parent.name
    quick, usual = parameters(preset["env"], **preset["params"]), parameters(preset["env"])
    check_study(quick)
    models = usual["deep_models"]["models"].items()
    passes = {
        name: model["training"]["max_epochs"] for name, model in models if "training" in model
    }
    assert passes
    for name, n_passes in passes.items():
        model = quick["deep_models"]["models"][name]
        assert model["training"]["max_epochs"] <= n_passes / 3, name
        assert {"training", "sampling"} >= {
            key for key in model if model[key] != dict(models)[name].get(key)
        }


def test_every_study_of_minutes_or_more_has_a_fast_preset():
    assert [path.parent.name for path in FAST] == [
        "harmful_eeg", "rodent_sleep", "sleep_edfx", "wearable_stress",
    ]  # fmt: skip
    assert all(f"--config conf/{path.parent.name}/fast.yml" in path.read_text() for path in FAST)
