"""JSON bodies: read as they come, within the limit, and checked in a worker, not in the loop."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from epochal.serving.service.problems import Problem, shorten

# A route that reads its body itself bounds it, and says so in a problem; FastAPI's own limit, which
# every route has, would say it in plain text.
BOUNDED_BY_ITSELF = 1 << 62
_N_FAULTS, _LONGEST_NUMBER = 20, 18
Model = TypeVar("Model", bound=BaseModel)


async def read_json(request: Request, *, max_bytes: int) -> bytes:
    """Return a JSON body's bytes; another kind is a 415 `Problem`, too many bytes a 413."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Problem(415, f"content type '{kind or 'none'}'; this address takes application/json")
    refuse_long(request, max_bytes)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise too_large(max_bytes)
    except ClientDisconnect as error:
        raise Problem(400, "the body broke off") from error
    return bytes(body)


def refuse_long(request: Request, max_bytes: int) -> None:
    """Refuse a body that says itself that it is too long, before it is read."""
    declared = request.headers.get("content-length", "")
    is_number = declared.isascii() and declared.isdigit()
    if is_number and (len(declared) > _LONGEST_NUMBER or int(declared) > max_bytes):
        raise too_large(max_bytes)


def too_large(max_bytes: int) -> Problem:
    """Return the problem of a body that is too large."""
    return Problem(413, f"more than {max_bytes} bytes; no more are taken", max_bytes=max_bytes)


def parse(model: type[Model], body: bytes) -> Model:
    """Return a body as its model; what is wrong with it is a 422 `Problem` that says where."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> Problem:
    faults = [
        {"where": shorten(".".join(map(str, fault["loc"])), 200), "what": _plain(fault["msg"])}
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ][:_N_FAULTS]
    first = faults[0]
    where = f"{first['where']}: " if first["where"] else ""
    return Problem(422, f"{where}{first['what']}", errors=faults)


def _plain(message: str) -> str:
    """Say what a reader needs: null is how a missing number is written."""
    if message == "Input should be a finite number":
        return "NaN and Infinity are no JSON numbers; write null for a missing value"
    return message.removeprefix("Value error, ")
