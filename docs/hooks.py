"""MkDocs hooks: write the reference pages from the code, so that they cannot fall behind it.

A page asks for a part by a line of its own, `<!-- generated: options -->`; the name after the
colon is a key of `PARTS`.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pandas as pd
import yaml
from kedro.framework.project import configure_project
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from epochal.cli import cli
from epochal.features.roster import FEATURE_SETS
from epochal.models import deep
from epochal.models.classical import ROSTER as CLASSICAL
from epochal.models.networks import roster
from epochal.models.networks.heads import HEADS
from epochal.models.smoothing import SMOOTHERS
from epochal.models.training import augmenter
from epochal.models.training.augmentation import AUGMENTATIONS
from epochal.models.training.losses import LOSSES
from epochal.models.training.sampling import SAMPLERS
from epochal.models.training.schedules import SCHEDULES
from epochal.options.networks import SamplingOptions
from epochal.parallel import ParallelOptions
from epochal.pipeline_registry import PIPELINES, register_pipelines
from epochal.readers import READERS, reader
from epochal.simulation import SIMULATORS, simulator

DOCS = Path(__file__).parent
CONF = DOCS.parent / "conf" / "base"
MARK = "<!-- generated: {} -->"
SECTIONS = ("study", *PIPELINES)
LONGEST_VALUE = 90
BEHIND = {"residual_mlp": deep.NetworkClassifier}  # its builder hands all parameters on
# What a fit gives its parts itself: no study names these.
GIVEN = {*augmenter.GIVEN, *deep.GIVEN, *roster.GIVEN}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the marks in a page by what they ask for; MkDocs calls this for every page."""
    for name, write in PARTS.items():
        if MARK.format(name) in markdown:
            markdown = markdown.replace(MARK.format(name), write())
    return markdown


def section_models() -> dict[str, type[BaseModel]]:
    """Return the options model of each parameter section, as the graph's nodes declare them."""
    configure_project("epochal")
    models: dict[str, type[BaseModel]] = {}
    for node in register_pipelines()["__default__"].nodes:
        hints = typing.get_type_hints(node.func)
        for given, name in zip(node.inputs, inspect.signature(node.func).parameters, strict=True):
            if given.startswith("params:"):
                models[given.removeprefix("params:")] = hints[name]
    return {name: models[name] for name in SECTIONS}


def write_options() -> str:
    """Describe every parameter of every section, with its default and what conf/base says."""
    given = {name: _base(f"parameters_{name}.yml")[name] for name in SECTIONS}
    return "\n\n".join(
        _section(name, model, given[name]) for name, model in section_models().items()
    )


def write_globals() -> str:
    """Describe `parallel` of `globals.yml`."""
    return _section("parallel", ParallelOptions, _base("globals.yml")["parallel"])


def write_components(modules: dict[str, str], get: Callable[[str], Any]) -> str:
    """Describe each reader, or each simulator, and its options."""
    return "\n\n".join(
        _component(name, module, get(name).Options) for name, module in sorted(modules.items())
    )


def write_names() -> str:
    """List what conf may name, each with what it is and the parameters that are its own."""
    networks = deep.COLUMN_NETWORKS | roster.NETWORKS
    parts = [
        ("Feature sets (`features`)", {n: _resolve(at) for n, at in FEATURE_SETS.items()}, None),
        ("Classical models and baselines (`kind`)", CLASSICAL, None),
        ("Deep models (`kind`), with their `params`", networks, _own_params),
        ("Heads of networks over signals (`params.head`)", HEADS, None),
        ("Losses (`loss.kind`), with their `params`", LOSSES, _own_params),
        ("Augmentations (`augmentations`), with their `params`", AUGMENTATIONS, _own_params),
        ("Samplers (`sampling.kind`), with what each reads of `sampling`", SAMPLERS, _sampling),
        ("Schedules (`training.schedule`)", SCHEDULES, None),
        ("Smoothing of the stack (`smoothing`)", SMOOTHERS, None),
    ]
    return "\n\n".join(f"### {title}\n\n{_names(named, of)}" for title, named, of in parts)


def write_commands() -> str:
    """Show the help of every command and subcommand."""
    parts = [
        f"### `{context.command_path}`\n\n```text\n{context.get_help()}\n```"
        for context in _contexts(click.Context(cli, info_name="epochal"))
    ]
    return "\n\n".join(parts)


def write_figures(file: str, columns: Sequence[str]) -> str:
    """Show the out-of-fold rows of a table of published figures, which `docs/figures/` keeps."""
    table = pd.read_csv(DOCS / "figures" / file).query("role == 'oof'")[list(columns)]
    rows = [[f"{v:.3f}" if isinstance(v, float) else f"{v}" for v in row] for row in table.values]
    return _table(columns, rows)


BOARD = ("model", "causal", "data_source", "n_epochs", "accuracy", "macro_f1", "kappa",
         "kappa_low", "kappa_high")  # fmt: skip
TASKS = ("model", "task", "label", "n_epochs", "accuracy")
PARTS: dict[str, Callable[[], str]] = {
    "options": write_options,
    "globals": write_globals,
    "readers": partial(write_components, READERS, reader),
    "simulators": partial(write_components, SIMULATORS, simulator),
    "names": write_names,
    "commands": write_commands,
    "demo leaderboard": partial(write_figures, "demo/leaderboard.csv", BOARD),
    "stress leaderboard": partial(write_figures, "wearable_stress/leaderboard.csv", BOARD),
    "stress tasks": partial(write_figures, "wearable_stress/results_by_task.csv", TASKS),
}


def _section(path: str, model: type[BaseModel], given: Any) -> str:
    """Write a model's heading, first sentence and table, then those of the models inside it."""
    parts = [f"### `{path}`", f"`{model.__name__}`: {_first_line(model)}", _fields(model, given)]
    parts += [
        _section(below, nested, value) for below, nested, value in _nested(path, model, given)
    ]
    return "\n\n".join(parts)


def _component(name: str, module: str, model: type[BaseModel]) -> str:
    """Write a reader's or a simulator's heading, first sentence and options."""
    table = _fields(model, None) if model.model_fields else "No options."
    below = [_section(*nested) for nested in _nested(name, model, None)]
    return "\n\n".join([f"### `{name}`", _first_line(import_module(module)), table, *below])


def _names(named: Mapping[str, Any], params: Callable[[str, Any], str] | None) -> str:
    """Write one row per name; the column of parameters only where there may be any."""
    rows = [
        [f"`{name}`", _first_line(it), *([params(name, it)] if params else [])]
        for name, it in named.items()
    ]
    return _table(["name", "what it is", *["parameters"] * bool(params)], rows)


def _own_params(name: str, it: Any) -> str:
    """Write the keyword parameters that a study may set, as YAML, with their defaults."""
    taken = inspect.signature(BEHIND.get(name, it)).parameters.values()
    own = [p for p in taken if p.kind is p.KEYWORD_ONLY and p.name not in GIVEN]
    return ", ".join(_value(p.default, named=p.name) for p in own)


def _sampling(name: str, _: Any) -> str:
    """Write the fields of `sampling` that begin their description with this sampler's name."""
    fields = SamplingOptions.model_fields.items()
    own = [(n, f) for n, f in fields if f"`{name}`" in (f.description or "").partition(":")[0]]
    return ", ".join(_value(field.default, named=n) for n, field in own)


def _fields(model: type[BaseModel], given: Any) -> str:
    """Write one row per field; the column `conf/base` only where base says anything of it."""
    based = isinstance(given, dict)
    rows = []
    for name, field in model.model_fields.items():
        base = [_base_value(given, name)] if based else []
        rows.append([f"`{name}`", _type(field), _default(field), *base, _meaning(field)])
    return _table(["key", "type", "default", *["`conf/base`"] * based, "meaning"], rows)


def _nested(
    path: str, model: type[BaseModel], given: Any
) -> Iterator[tuple[str, type[BaseModel], Any]]:
    """Yield path, model and base value of each field that holds a model, or models by name."""
    for name, field in model.model_fields.items():
        for kind in _models_in(field.annotation):
            by_name = typing.get_origin(field.annotation) is dict
            value = None if by_name or not isinstance(given, dict) else given.get(name)
            yield f"{path}.{name}" + (".<name>" if by_name else ""), kind, value


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]


def _type(field: FieldInfo) -> str:
    """Write a field's type without the modules that its parts come from."""
    annotation = field.annotation
    name = annotation.__name__ if inspect.isclass(annotation) else str(annotation)
    for model in _models_in(annotation):
        name = name.replace(f"{model.__module__}.{model.__qualname__}", model.__name__)
    return f"`{name.replace('typing.', '').replace('pathlib.', '')}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "see below" if isinstance(value, BaseModel) else _value(value)


def _meaning(field: FieldInfo) -> str:
    """Return the field's description, or what the models in it are."""
    models = [_first_line(model) for model in _models_in(field.annotation)]
    return field.description or " ".join(models)


def _base_value(given: dict[str, Any], name: str) -> str:
    value = given.get(name, "")
    if isinstance(value, dict) and value:
        return ", ".join(f"`{key}`" for key in value) if name == "models" else "see below"
    return {"": "", "???": "each study"}.get(str(value), _value(value))


def _value(value: Any, *, named: str = "") -> str:
    """Write a value as YAML takes it, after its key if `named`, cut where it is long."""
    text = (f"{named}: " if named else "") + json.dumps(value, ensure_ascii=False, default=str)
    return f"`{text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + '…'}`"


def _contexts(context: click.Context) -> Iterator[click.Context]:
    """Yield the contexts of all commands below a group, each a line of help of its own."""
    command = context.command
    if not isinstance(command, click.Group):
        yield context
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None  # it has just been listed
        yield from _contexts(click.Context(below, info_name=name, parent=context))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_escape, line)) + " |" for line in lines)


def _resolve(target: str) -> Any:
    module, function = target.split(":")
    return getattr(import_module(module), function)


def _first_line(target: Any) -> str:
    """Return a docstring's first paragraph; formulas of others' (torch's) as code."""
    return (inspect.getdoc(target) or "").split("\n\n")[0].replace("\n", " ").replace(":math:", "")


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")


def _base(file: str) -> dict[str, Any]:
    return yaml.safe_load((CONF / file).read_text(encoding="utf-8"))
