"""Refuse a query that no option of its address takes: a misspelt one would be passed over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from epochal.errors import did_you_mean
from epochal.serving.service.problems import Problem


async def refuse_unknown_query(connection: HTTPConnection) -> None:
    """Raise a 422 `Problem` that names what was given, and what the address takes."""
    route = connection.scope.get("route")
    if not connection.query_params or not isinstance(route, APIRoute):
        return
    known = set(_names_of(route.dependant))
    for name in connection.query_params:
        if name not in known:
            raise Problem(422, f"no option '{name}' in this address{did_you_mean(name, known)}")


def _names_of(dependant: Any) -> Iterator[str]:
    for one in dependant.query_params:
        yield from _names_in(one.field_info.annotation) or [one.alias]
    for part in dependant.dependencies:
        yield from _names_of(part)


def _names_in(annotation: Any) -> list[str]:
    """Return the options of a query that is declared as a model; none of any other."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return []
    return [one.alias or name for name, one in annotation.model_fields.items()]
