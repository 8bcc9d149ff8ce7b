"""What README and docs say exists: commands, options, parameters, links, all options of conf."""

import importlib.util
import re
import shlex
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest

import epochal
from all_options import find_options
from epochal.cli import COMMANDS, cli
from epochal.options.models import FamilyOptions
from epochal.pipeline_registry import PIPELINES
from epochal.readers import READERS
from epochal.simulation import SIMULATORS
from projects import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
STUDIES = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()} - {"base"}
RUNNERS = {"SequentialRunner", "ThreadRunner", "ParallelRunner"}
BLOCK = re.compile(r"^ *```(?:bash|sh)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
ENVIRONMENT = re.compile(r"EPOCHAL_[A-Z]+")


@cache
def hooks():
    """Load docs/hooks.py, which is no package."""
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "docs/hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.section_models = cache(module.section_models)  # asked for each command of each page
    return module


@cache
def reference_of_options():
    return hooks().write_options()


def commands(page):
    """Return the words of every command in a page's shell blocks, without what is set before it."""
    lines = [
        line
        for block in BLOCK.findall(page.read_text(encoding="utf-8"))
        for line in block.replace("\\\n", " ").splitlines()
    ]
    calls = [part for line in lines for part in re.split(r"&&|\|", line)]
    return [words for call in calls if (words := _words(call))]


def _words(line):
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    return [words[0].removeprefix(".venv/bin/"), *words[1:]] if words else []


ALL = [(page, words) for page in PAGES for words in commands(page)]


def called(*first):
    """Return the page and the rest of each call that begins with these words."""
    found = [(p.name, w[len(first) :]) for p, w in ALL if tuple(w[: len(first)]) == first]
    return [pytest.param(rest, id=f"{page}: {' '.join(rest)}") for page, rest in found]


def fault_of(words):
    """Return what is wrong with a call of `epochal`, None where its command and options exist."""
    command, context = cli, click.Context(cli)
    while isinstance(command, click.Group):
        if not words:
            return None
        name, *words = words
        command = command.get_command(context, name)
        if command is None:
            return f"no command {name}"
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    unknown = [word for word in words if word.startswith("-") and word.split("=")[0] not in known]
    return f"no option {unknown[0]}" if unknown else None


def values(words, option):
    """Return the values given to an option, `--name value` or `--name=value`."""
    pairs = pairwise([*words, ""])
    spaced = [value for word, value in pairs if word == option]
    return spaced + [w.split("=", 1)[1] for w in words if w.startswith(f"{option}=")]


def fault_of_parameter(path):
    """Follow a dotted parameter through the options' models; None where every step exists."""
    section, *keys = path.split(".")
    annotation = hooks().section_models().get(section)
    if annotation is None:
        return f"no section {section}"
    for key in keys:
        models = hooks()._models_in(annotation)
        if not models or key == "params":
            return None  # a dict of a component's own options
        if getattr(annotation, "__origin__", None) is dict:
            annotation = models[0]
            continue
        if key not in models[0].model_fields:
            return f"{models[0].__name__} has no {key}"
        annotation = models[0].model_fields[key].annotation
    return None


def option_models():
    sections = [model for model in find_options() if model is not FamilyOptions]  # its children are
    return [model for model in sections if model.model_fields]


@pytest.mark.parametrize("words", called("epochal"))
def test_every_epochal_call_in_the_docs_has_an_existing_command_and_options(words):
    assert fault_of(words) is None


@pytest.mark.parametrize("words", called("kedro", "run") + called("epochal", "run"))
def test_every_run_in_the_docs_names_what_exists(words):
    assert fault_of(["run", *words]) is None
    assert set(values(words, "--env")) <= STUDIES
    assert {name for v in values(words, "--pipelines") for name in v.split(",")} <= set(PIPELINES)
    assert set(values(words, "--pipeline")) <= set(PIPELINES)
    assert set(values(words, "--runner")) <= RUNNERS
    for pair in ",".join(values(words, "--params")).split(","):
        assert not pair or fault_of_parameter(pair.split("=")[0]) is None


@pytest.mark.parametrize("words", called("make"))
def test_every_make_target_in_the_docs_exists(words):
    files = (ROOT / "Makefile", ROOT / "deploy/targets.mk")
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    targets = re.findall(r"^([a-z-]+):", text, re.MULTILINE)
    assert {word for word in words if "=" not in word} <= set(targets)


def test_a_planted_command_option_or_parameter_is_found():
    assert fault_of(["scor", "x.edf"]) == "no command scor"
    assert fault_of(["score", "x.edf", "--plott"]) == "no option --plott"
    assert fault_of(["download", "sleep-edfx", "--subset=cassette"]) is None
    assert fault_of(["download", "sleepedf"]) == "no command sleepedf"
    assert fault_of_parameter("splitting.folds") == "SplitOptions has no folds"
    assert fault_of_parameter("splits.n_folds") == "no section splits"
    assert fault_of_parameter("ingestion.quality.names") == "QualityOptions has no names"
    assert fault_of_parameter("classical_models.models.lightgbm.params.n_estimators") is None
    assert (
        fault_of_parameter("classical_models.models.lightgbm.depth") == "ModelOptions has no depth"
    )


def test_the_pages_call_every_command():
    documented = {words[1] for _, words in ALL if words[0] == "epochal" and len(words) > 1}
    runs = {"run"} if called("kedro", "run") else set()
    assert documented | runs >= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_resolves(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    local = [t.split("#")[0] for t in targets if not re.match(r"[a-z]+:|#", t)]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("model", option_models(), ids=lambda model: model.__name__)
def test_the_configuration_reference_lists_every_field_of_every_options_model(model):
    page = reference_of_options()
    sections = [part for part in page.split("\n### ") if f"`{model.__name__}`:" in part]
    assert sections
    for field in model.model_fields:
        assert f"\n| `{field}` |" in sections[0]


@pytest.mark.parametrize("part", ["readers", "simulators"])
def test_the_configuration_reference_lists_every_reader_and_simulator(part):
    text = hooks().PARTS[part]()
    for name in {"readers": READERS, "simulators": SIMULATORS}[part]:
        assert f"### `{name}`" in text


def test_every_mark_of_a_page_is_replaced_when_the_site_is_built():
    marks = {
        m for page in PAGES for m in re.findall(r"<!-- generated: (.*?) -->", page.read_text())
    }
    assert marks == set(hooks().PARTS)
    page = (ROOT / "docs/reference/configuration.md").read_text()
    written = hooks().on_page_markdown(page)
    assert "<!-- generated" not in written
    assert "| `fixed_task_order` |" in written


def test_the_reference_explains_every_environment_variable_of_the_code():
    code = [
        *Path(epochal.__file__).parent.rglob("*.py"),
        *ROOT.glob("conf/**/*.yml"),
        ROOT / "Makefile",
    ]
    used = {name for path in code for name in ENVIRONMENT.findall(path.read_text(encoding="utf-8"))}
    page = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    assert used == set(ENVIRONMENT.findall(page))


def test_the_published_stress_figures_are_of_real_recordings_and_in_the_readme():
    board = hooks().write_figures("wearable_stress/leaderboard.csv", ["model", "data_source"])
    assert "simulated" not in board
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = hooks().write_figures(
        "wearable_stress/leaderboard.csv", ["model", "accuracy", "macro_f1"]
    )
    rows = {cells[0]: cells[1:] for cells in _cells(shown)[2:]}
    for model in ("stack", "lightgbm_calibration", "lightgbm_raw", "majority", "schedule_only"):
        assert [f.removeprefix("0") for f in rows[model]] in _figures(readme), model


def _cells(table):
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()]


def _figures(text):
    """Return the last two cells of every table row, without emphasis."""
    lines = [line.replace("*", "") for line in text.splitlines() if line.startswith("|")]
    return [_cells(line)[0][-2:] for line in lines]
