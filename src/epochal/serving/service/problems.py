"""Errors as problem details (RFC 9457): what was wrong, what is allowed, never a traceback."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from epochal.errors import EpochalError, RecordingError, explain

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_LONGEST = 1000  # of a detail: it may quote what was sent


class Problem(EpochalError):  # noqa: N818 - the standard's own word
    """A request that cannot be answered; `members` are added to the problem's own."""

    def __init__(
        self, status: int, detail: str, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.members = status, members
        again = {"Retry-After": "1"} if status in {429, 503} else {}
        self.headers = {**again, **(headers or {})}


def problem_response(
    status: int, detail: str, *, headers: dict[str, str] | None = None, **members: Any
) -> JSONResponse:
    """Return a problem as a response."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    return JSONResponse(
        {**body, "detail": shorten(detail), **members},
        status_code=status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def shorten(text: str, longest: int = _LONGEST) -> str:
    """Return a text, or its beginning where it is longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def reason_of(error: EpochalError) -> str:
    """Return an error's reason in one line, without the path of an upload in it."""
    return error.reason if isinstance(error, RecordingError) else explain(error)


def install(app: FastAPI) -> None:
    """Answer every failure of an application with a problem."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(EpochalError, _answer_fault)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_unforeseen)


async def _answer_problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # as installed
    return problem_response(error.status, explain(error), headers=error.headers, **error.members)


async def _answer_fault(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EpochalError)  # as installed
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, reason_of(error))


async def _answer_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # as installed
    faults = [
        {"where": shorten(".".join(map(str, fault["loc"])), 200), "what": fault["msg"]}
        for fault in error.errors()
    ]
    first = f"{faults[0]['where']}: {faults[0]['what']}" if faults else "not valid"
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, first, errors=faults)


async def _answer_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # as installed
    headers = dict(error.headers) if error.headers else None
    return problem_response(error.status_code, str(error.detail), headers=headers)


async def _answer_unforeseen(_: Request, error: Exception) -> JSONResponse:
    logger.error("unforeseen %s", type(error).__name__, exc_info=error)
    return problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR, "an unforeseen failure; the service's log has more"
    )


class Unforeseen:
    """Middleware: an unforeseen failure is answered inside the other middleware.

    FastAPI's own handler stands outside of them, so that its answer would have neither an id nor
    the headers of CORS.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; what it raises before an answer began becomes a 500."""
        began = False

        async def told(message: Message) -> None:
            nonlocal began
            began = began or message["type"].endswith(("response.start", "accept"))
            await send(message)

        try:
            await self.app(scope, receive, told)
        except Exception as error:
            if began or scope["type"] != "http":
                raise
            response = await _answer_unforeseen(Request(scope), error)
            await response(scope, receive, send)
