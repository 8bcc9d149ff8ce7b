"""MkDocs hooks: write the configuration reference from the code, so that it cannot fall behind.

A page asks for a part by a line of its own, `<!-- generated: options -->`; the name after the
colon is a key of `PARTS`.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from kedro.framework.project import configure_project
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from epochal.features.extraction import FEATURE_SETS
from epochal.models.classical import ROSTER as CLASSICAL
from epochal.models.deep import ROSTER as DEEP
from epochal.models.smoothing import SMOOTHERS
from epochal.parallel import ParallelOptions
from epochal.pipeline_registry import PIPELINES, register_pipelines
from epochal.readers import READERS, reader
from epochal.simulation import SIMULATORS, simulator

CONF = Path(__file__).parents[1] / "conf" / "base"
MARK = "<!-- generated: {} -->"
SECTIONS = ("study", *PIPELINES)


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
        names = inspect.signature(node.func).parameters
        for given, name in zip(node.inputs, names, strict=True):
            if given.startswith("params:"):
                models[given.removeprefix("params:")] = hints[name]
    return {name: models[name] for name in SECTIONS if name in models}


def write_options() -> str:
    """Describe every parameter of every section, with its default and what conf/base says."""
    given = {name: _base(f"parameters_{name}.yml").get(name, {}) for name in SECTIONS}
    found = section_models().items()
    return "\n\n".join(_section(path, model, given[path]) for path, model in found)


def write_globals() -> str:
    """Describe `parallel` of `globals.yml`."""
    return _section("parallel", ParallelOptions, _base("globals.yml")["parallel"])


def write_readers() -> str:
    """Describe each reader and its options."""
    return "\n\n".join(
        _component(name, READERS[name], reader(name).Options) for name in sorted(READERS)
    )


def write_simulators() -> str:
    """Describe each simulator and its options."""
    return "\n\n".join(
        _component(name, SIMULATORS[name], simulator(name).Options) for name in sorted(SIMULATORS)
    )


def write_names() -> str:
    """List what conf may name: feature sets, kinds of model, smoothers."""
    features = {name: _resolve(target) for name, target in FEATURE_SETS.items()}
    parts = {
        "Feature sets (`features`)": features,
        "Classical models and baselines (`kind`)": CLASSICAL,
        "Deep models (`kind`)": DEEP,
        "Smoothing of the stack (`smoothing`)": SMOOTHERS,
    }
    return "\n\n".join(f"### {title}\n\n{_names(named)}" for title, named in parts.items())


PARTS: dict[str, Callable[[], str]] = {
    "options": write_options,
    "globals": write_globals,
    "readers": write_readers,
    "simulators": write_simulators,
    "names": write_names,
}


def _section(path: str, model: type[BaseModel], given: Any) -> str:
    """Write a model's heading, first sentence and table, then those of the models inside it."""
    parts = [f"### `{path}`", f"`{model.__name__}`: {_first_line(model)}", _table(model, given)]
    for below, nested, value in _nested(path, model, given):
        parts.append(_section(below, nested, value))
    return "\n\n".join(parts)


def _component(name: str, module: str, model: type[BaseModel]) -> str:
    return "\n\n".join([f"### `{name}`", _first_line(import_module(module)), _table(model, None)])


def _table(model: type[BaseModel], given: Any) -> str:
    """Write one row per field; the column `conf/base` only where base says anything of it."""
    based = isinstance(given, dict)
    header = ["key", "type", "default", *(["`conf/base`"] if based else []), "meaning"]
    rows = [header, ["---"] * len(header)]
    for name, field in model.model_fields.items():
        base = [_base_value(given, name)] if based else []
        rows.append([f"`{name}`", _type(field), _default(field), *base, field.description or ""])
    return "\n".join("| " + " | ".join(_escape(cell) for cell in row) + " |" for row in rows)


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
    """Write a field's type as YAML users know it."""
    annotation = field.annotation
    name = annotation.__name__ if inspect.isclass(annotation) else str(annotation)
    for models in _models_in(annotation):
        name = name.replace(f"{models.__module__}.{models.__qualname__}", models.__name__)
    name = name.replace("typing.", "").replace("pathlib.", "").replace("NoneType", "None")
    return f"`{name}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel) or value is PydanticUndefined:
        return "see below"
    return f"`{list(value) if isinstance(value, tuple) else value!r}`"


def _base_value(given: dict[str, Any], name: str) -> str:
    if name not in given:
        return ""
    value = given[name]
    if isinstance(value, dict) and value:
        return "see below" if name != "models" else ", ".join(f"`{model}`" for model in value)
    if value == "???":
        return "each study"
    return f"`{'null' if value is None else value}`"


def _names(named: dict[str, Any]) -> str:
    rows = [f"| `{name}` | {_escape(_first_line(target))} |" for name, target in named.items()]
    return "\n".join(["| name | what it is |", "| --- | --- |", *rows])


def _resolve(target: str) -> Any:
    module, function = target.split(":")
    return getattr(import_module(module), function)


def _first_line(target: Any) -> str:
    return (inspect.getdoc(target) or "").split("\n\n")[0].replace("\n", " ")


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")


def _base(file: str) -> dict[str, Any]:
    return yaml.safe_load((CONF / file).read_text(encoding="utf-8"))
