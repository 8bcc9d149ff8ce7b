"""Building a model of a roster from what conf says of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from epochal.errors import EpochalError, did_you_mean
from epochal.options.models import ModelOptions


def build_model(options: ModelOptions, roster: Mapping[str, Callable[..., Any]], seed: int) -> Any:
    """Return a model of a roster, not fitted; a parameter that it has not raises `EpochalError`."""
    build = roster[options.kind]
    try:
        if not _takes_any(build):
            refuse_unknown(options.params, named_parameters(build))
        return build(seed, **options.params)
    except EpochalError as error:
        raise EpochalError(f"{options.kind}: {error}") from error


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `EpochalError` for the first parameter that is not known."""
    known = sorted(known)
    for name in given:
        if name not in known:
            raise EpochalError(f"no parameter '{name}'{did_you_mean(name, known)}")


def named_parameters(build: Callable[..., Any]) -> tuple[str, ...]:
    """Return the keyword parameters that a function, or a class, names."""
    taken = inspect.signature(build).parameters.values()
    return tuple(one.name for one in taken if one.kind is one.KEYWORD_ONLY)


def _takes_any(build: Callable[..., Any]) -> bool:
    return any(one.kind is one.VAR_KEYWORD for one in inspect.signature(build).parameters.values())
