"""What the service logs: a line per request, as JSON, with nothing of a person in it.

No path, query, header, body or file name of a client is written: of a request its method, the
template of its route, its status and its time, and what the route notes of its work.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from epochal.serving.service.metrics import Metrics

REQUEST_ID = "X-Request-ID"
UNROUTED = "unrouted"
access_log = logging.getLogger("epochal.serving.access")
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_FACTS: ContextVar[dict[str, Any] | None] = ContextVar("facts of the request", default=None)
_CLOSED = 499  # nobody was there any more to be answered, as reverse proxies write it


def note(**facts: Any) -> None:
    """Add facts to the line of the request under way; outside of one nothing happens."""
    held = _FACTS.get()
    if held is not None:
        held.update(facts)


def request_id() -> str | None:
    """Return the id of the request under way."""
    return (_FACTS.get() or {}).get("request_id")


def source() -> str:
    """Return the id by which the work under way is known: its job's, else its request's."""
    facts = _FACTS.get() or {}
    return str(facts.get("job") or facts.get("request_id") or "unknown")


@contextmanager
def working_on(job_id: str) -> Iterator[None]:
    """Let every line within name a job, as that of a request names its id; then tell its time."""
    facts: dict[str, Any] = {"job": job_id}
    token, began_s = _FACTS.set(facts), time.perf_counter()
    try:
        yield
    finally:
        _FACTS.reset(token)
        known = {**facts, "ms": round(1e3 * (time.perf_counter() - began_s), 1)}
        access_log.info("job", extra={"facts": known})


def configure(style: Literal["json", "plain"]) -> None:
    """Write every log of this process to standard error in one style, uvicorn's own too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else PlainLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        own = logging.getLogger(name)
        own.handlers.clear()
        own.setLevel(logging.NOTSET)
        own.propagate = name != "uvicorn.access"  # it writes queries, where tokens may be


class JsonLines(logging.Formatter):
    """A JSON object a line: `time`, `level`, `logger`, `message`, and the record's own facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of an exception its kind and its place, not its words."""
        return json.dumps(_describe(record), default=str, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """The same for people: time, level, message, then the facts as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = _describe(record)
        first = f"{told.pop('time')} {told.pop('level'):7} {told.pop('message')}"
        told.pop("logger")
        return " ".join([first, *(f"{name}={value}" for name, value in told.items())])


class RequestLog:
    """Middleware: an id for each request, in and out, a line in the log, and its metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and tell of it when it is over."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        facts = {"request_id": _id_of(HTTPConnection(scope))}
        token, told = _FACTS.set(facts), _Told(send, facts["request_id"])
        began_s = time.perf_counter()
        try:
            with self._metrics.in_flight(scope["type"]):
                await self.app(scope, receive, told)
        except Exception:
            told.status = told.status or 500
            raise
        finally:
            self._tell(scope, told, seconds=time.perf_counter() - began_s, facts=facts)
            _FACTS.reset(token)

    def _tell(self, scope: Scope, told: _Told, *, seconds: float, facts: dict[str, Any]) -> None:
        method = scope["method"] if scope["type"] == "http" else "WEBSOCKET"
        route, status = route_of(scope), told.status or _CLOSED
        self._metrics.answered(method, route, status=status, seconds=seconds)
        known = {"method": method, "route": route, "status": status, "ms": round(1e3 * seconds, 1)}
        level = logging.ERROR if status >= 500 and status != 503 else logging.INFO
        access_log.log(level, "request", extra={"facts": known | facts})


class _Told:
    """Sends on, puts the id on the answer, and remembers the status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._id = send, request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start"}:
            self.status = message["status"]
        elif kind == "websocket.accept":
            self.status = 101
        elif kind == "websocket.close" and not self.status:
            self.status = 403  # what closing before accepting is answered with
        if kind.endswith(("response.start", "accept")):
            message.setdefault("headers", [])
            MutableHeaders(scope=message)[REQUEST_ID] = self._id
        await self._send(message)


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered, never the path that was asked for."""
    template = getattr(scope.get("route"), "path", None)
    return template if isinstance(template, str) and template else UNROUTED


def _id_of(connection: HTTPConnection) -> str:
    given = connection.headers.get(REQUEST_ID, "")
    return given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex


def _describe(record: logging.LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": " ".join(record.getMessage().split()),
    }
    told |= getattr(record, "facts", None) or _ids()
    if record.exc_info and record.exc_info[1] is not None:
        told |= _describe_exception(record.exc_info[1])
    return told


def _ids() -> dict[str, Any]:
    facts = _FACTS.get() or {}
    return {name: facts[name] for name in ("request_id", "job") if name in facts}


def _describe_exception(error: BaseException) -> dict[str, Any]:
    """Say of what kind an exception is and where; its words may hold what a client sent."""
    told: dict[str, Any] = {"exception": type(error).__name__, "at": _places(error.__traceback__)}
    if os.environ.get("EPOCHAL_DEBUG"):
        told["reason"] = str(error)
    return told


def _places(trace: TracebackType | None) -> list[str]:
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{'/'.join(code.co_filename.split('/')[-2:])}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-12:]
