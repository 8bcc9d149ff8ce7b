"""Flags of options models as click's own: one place says their names, defaults and limits."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

PAIRED = ("save", "refit_final", "with_hgb", "with_lstm", "with_cnn")
"""Flags that have a `--no-` of their own."""
_SPELT = {"meta_c": "meta-C"}


class SpacedCommand(click.Command):
    """A command whose lists are written with spaces: `--opt-targets meta hgb`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat a list's flag before each of its values."""
        lists = {name for p in self.params if getattr(p, "multiple", False) for name in p.opts}
        return super().parse_args(ctx, list(_repeat(args, lists)))


def _repeat(args: list[str], lists: set[str]) -> Iterator[str]:
    flag = None
    for place, word in enumerate(args):
        if word.startswith("-"):
            flag = word if word in lists else None
        elif flag is not None and place and args[place - 1] != flag:
            yield flag
        yield word


def list_options(
    model: type[BaseModel], *, without: tuple[str, ...] = (), required: tuple[str, ...] = ()
) -> list[click.Parameter]:
    """Return an option per field of an options model."""
    return [
        _make_option(name, field, required=name in required)
        for name, field in model.model_fields.items()
        if name not in without
    ]


@contextmanager
def show_progress() -> Iterator[None]:
    """Print what is going on to standard error meanwhile."""
    logger = logging.getLogger("epochal")
    handler, level = logging.StreamHandler(sys.stderr), logger.level
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _make_option(name: str, field: FieldInfo, *, required: bool) -> click.Option:
    flag = f"--{_SPELT.get(name, name.replace('_', '-'))}"
    kind, many = _type_of(field.annotation)
    text = field.description or ""
    if kind is bool:
        spelt = f"{flag}/--no-{flag[2:]}" if name in PAIRED else flag
        return click.Option(
            [spelt, name], is_flag=True, default=field.default, help=text,
            show_default=name in PAIRED,
        )  # fmt: skip
    default = None if required or field.default is None else field.default
    return click.Option(
        [flag, name],
        type=_click_type(kind, field),
        default=default,
        multiple=many,
        required=required,
        help=text,
        show_default=default is not None,
    )


def _type_of(annotation: Any) -> tuple[Any, bool]:
    """Return the type of a value, and whether there may be several."""
    if get_origin(annotation) in (UnionType, Union):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0], True
    return annotation, False


def _click_type(kind: Any, field: FieldInfo) -> click.ParamType:
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    if kind is Path:
        return click.Path(path_type=Path)
    if kind is str:
        return click.STRING
    limits = {key: getattr(one, key) for one in field.metadata for key in ("ge", "gt", "le")
              if getattr(one, key, None) is not None}  # fmt: skip
    low = limits.get("ge", limits.get("gt"))
    make: Any = click.IntRange if kind is int else click.FloatRange
    return make(min=low, max=limits.get("le"), min_open="gt" in limits)
