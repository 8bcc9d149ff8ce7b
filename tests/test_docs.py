"""What README and docs say exists: commands, options, parameters, links, all options of conf."""

import importlib.util
import re
import shlex
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest
import torch
import yaml

import epochal
from all_options import find_options
from epochal.cli import COMMANDS, cli
from epochal.models.deep import COLUMN_NETWORKS
from epochal.models.networks.heads import HEADS
from epochal.models.networks.roster import NETWORKS
from epochal.models.training.augmentation import AUGMENTATIONS
from epochal.models.training.losses import LOSSES, make_loss
from epochal.models.training.sampling import SAMPLERS
from epochal.models.training.schedules import SCHEDULES
from epochal.options.models import FamilyOptions
from epochal.options.networks import SamplingOptions
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


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/how-to/extend.md"])
def test_every_roster_that_a_page_sends_to_is_in_the_file_that_it_names(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    sent = re.findall(r"`([A-Z_]+)` (?:in|of) `([\w/]+\.py)`", text)
    assert len(sent) >= 3
    for roster, file in sent:
        code = (Path(epochal.__file__).parent / file).read_text(encoding="utf-8")
        assert re.search(rf"^{roster}\b.*=", code, re.MULTILINE), (roster, file)


def test_the_cluster_of_pods_runs_the_image_that_compose_builds():
    page = (ROOT / "docs/how-to/run-on-a-cluster.md").read_text(encoding="utf-8")
    compose = (ROOT / "deploy/compose.yaml").read_text(encoding="utf-8")
    image = re.search(r"image: (epochal-train):\$\{EPOCHAL_TAG:-(\w+)\}", compose)
    assert f'image="{image[1]}:{image[2]}"' in page


def named_in(title):
    """Return the rows of a part of "What a study may name", by their name."""
    part = hooks().write_names().split(f"### {title}")[1].split("### ")[0]
    lines = part.split("\n\n")[1].splitlines()[2:]
    rows = [[one.strip() for one in re.split(r"(?<!\\)\|", line[1:-1])] for line in lines]
    return {name.strip("`"): cells for name, *cells in rows}


ROSTERS = {
    "Deep models": {**COLUMN_NETWORKS, **NETWORKS},
    "Heads": HEADS,
    "Losses": LOSSES,
    "Augmentations": AUGMENTATIONS,
    "Samplers": SAMPLERS,
    "Schedules": SCHEDULES,
}


@pytest.mark.parametrize("title", ROSTERS)
def test_the_reference_says_of_each_part_of_a_training_what_it_is(title):
    rows = named_in(title)
    assert list(rows) == list(ROSTERS[title])
    assert all(len(what.split()) > 3 for what, *_ in rows.values())


def test_the_reference_shows_the_parameters_that_a_study_may_set_and_no_others():
    networks, changes = named_in("Deep models"), named_in("Augmentations")
    assert networks["lstm"][1] == '`units: 64`, `dense_units: 32`, `head: "linear"`'
    assert networks["resnet_se"][1].startswith("`n_filters: [32, 48, 64]`")
    assert networks["residual_mlp"][1].startswith("`n_epochs: 15`, `batch_size: 256`")
    assert named_in("Losses")["focal"][1] == "`gamma: 2.0`"
    assert changes["notch"][1] == "`max_width_hz: 2.0`, `centre_hz: null`"
    assert changes["left_right_flip"][1] == ""  # it is told the channels' names


@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_takes_what_the_reference_shows_of_it(kind):
    params = yaml.safe_load("\n".join(named_in("Losses")[kind][1].strip("`").split("`, `")))
    logits, targets = torch.randn(5, 3), torch.arange(5) % 3
    assert torch.equal(make_loss(kind, **params)(logits, targets), make_loss(kind)(logits, targets))


def test_a_sampler_reads_what_the_reference_shows_of_it_and_refuses_the_rest():
    read = {kind: set(re.findall(r"`(\w+):", row[1])) for kind, row in named_in("Samplers").items()}
    others = {"classes": ("REM",), "factor": 3.0, "hard_power": 2.0, "uniform_share": 0.5,
              "first_epochs": 3, "min_votes": 4.0}  # fmt: skip
    assert set().union(*read.values()) == set(others)
    for kind, own in read.items():
        required = {"classes": ("N1",)} if kind == "oversample" else {}
        SamplingOptions(kind=kind, **required | {name: others[name] for name in own})
        for name in others.keys() - own:
            with pytest.raises(ValueError, match=name):
                SamplingOptions(kind=kind, **required | {name: others[name]})


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
