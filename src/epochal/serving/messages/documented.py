"""How bodies and problems are written down in the OpenAPI schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from epochal.serving.messages.answers import ProblemDetails

_WHY = {
    400: "The body is not what it says it is.",
    401: "The service asks for a key or a token, and this is none of its own.",
    404: "There is nothing of that name.",
    406: "The answer cannot be had in that format.",
    409: "It is not ready, or no longer possible.",
    413: "The body is larger than the service takes.",
    415: "The body is of a kind that the service does not take.",
    422: "What was sent cannot be answered; the detail says why.",
    429: "Too much is under way; try again.",
    502: "The files' own server let us down.",
    503: "The service has no bundle, or is about to stop.",
    504: "It took too long; send it as a job.",
    507: "The disk is full.",
}
_COMMON = (429, 503, 504)
_PROBLEM = "application/problem+json"


def may_answer(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses` for problems of these statuses, and those of every route."""
    return {
        status: {
            "description": _WHY.get(status, HTTPStatus(status).phrase),
            "content": _as_problem(status),
        }
        for status in sorted({*statuses, *_COMMON})
    }


def any_other() -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses` for whatever a route does not name: it is a problem, too."""
    what = "Whatever went wrong, the detail says what and what is allowed."
    return {"default": {"description": what, "content": _as_problem(500)}}


def _as_problem(status: int) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    shown = ProblemDetails(title=title, status=status, detail=_WHY.get(status, title))
    return {_PROBLEM: {"schema": inline(ProblemDetails), "example": shown.model_dump()}}


def json_body(
    model: type[BaseModel], examples: Mapping[str, tuple[str, Any]] | None = None
) -> dict[str, Any]:
    """Return `openapi_extra` for a JSON body that the route reads itself.

    `examples`: name to summary and value.
    """
    media: dict[str, Any] = {"schema": inline(model)}
    if examples:
        media["examples"] = {
            name: {"summary": summary, "value": value}
            for name, (summary, value) in examples.items()
        }
    return {"requestBody": {"required": True, "content": {"application/json": media}}}


def file_body(what: str) -> dict[str, Any]:
    """Return `openapi_extra` for an uploaded file in the form's field `file`."""
    schema = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary", "description": what}},
    }
    media = {"schema": schema, "encoding": {"file": {"contentType": "application/octet-stream"}}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": media}}}


def inline(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's JSON schema without references, fit for any place of a document."""
    schema = _schema(model)
    without = {name: value for name, value in schema.items() if name != "$defs"}
    return _resolve(without, schema.get("$defs", {}))


@cache  # a service documents the same problem for every status of every route as it starts
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _resolve(part: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a copy in which every reference is replaced by what it names."""
    if isinstance(part, list):
        return [_resolve(one, definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _resolve(definitions[part["$ref"].rsplit("/", 1)[-1]], definitions)
    return {name: _resolve(value, definitions) for name, value in part.items()}
