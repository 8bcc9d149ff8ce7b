"""Limits on what a caller may ask: how often, how much, how slowly; and headers of safety.

How many requests may wait is in `state.Workers`, how long one may take in `state.Service.run`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from epochal.serving.service.access import Access
from epochal.serving.service.metrics import Metrics
from epochal.serving.service.problems import Problem, problem_response

# what watches the service asks often, and must never be turned away
UNLIMITED = frozenset(["/health", "/ready", "/metrics", "/v2/health/live", "/v2/health/ready"])
LEAST_BYTES_PER_S = 4096.0  # a body that comes slower uses up its patience
_MAX_BUCKETS = 10_000  # callers remembered; the longest unseen is forgotten
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_SAFETY = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",  # answers speak of persons; the dashboard's files say otherwise
}


class Allowance(NamedTuple):
    """Whether a caller may ask now, and what is left."""

    allowed: bool
    left: int
    again_s: float


class Buckets:
    """A bucket of tokens for each caller: full at first, refilled evenly over a minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> Allowance:
        """Take a token of a caller's, where there is one."""
        now_s, rate = self._clock(), self.per_minute / 60
        tokens, since_s = self._buckets.pop(caller, (float(self.per_minute), now_s))
        tokens = min(self.per_minute, tokens + (now_s - since_s) * rate)
        allowed = tokens >= 1
        tokens -= allowed
        self._buckets[caller] = (tokens, now_s)
        while len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return Allowance(allowed, int(tokens), max(0.0, (1 - tokens) / rate))


class RateLimit:
    """Middleware: so many requests a minute for each key, token or address; then 429.

    The headers are those of the IETF's draft "RateLimit header fields for HTTP".
    """

    def __init__(self, app: ASGIApp, *, per_minute: int, access: Access, metrics: Metrics) -> None:
        self.app, self._access, self._metrics = app, access, metrics
        self._buckets = Buckets(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer that there were too many."""
        if scope["type"] == "lifespan" or scope["path"] in UNLIMITED:
            await self.app(scope, receive, send)
            return
        allowance = self._buckets.take(self._caller(HTTPConnection(scope)))
        headers = self._headers(allowance)
        if allowance.allowed:
            await self.app(scope, receive, _with_headers(send, headers))
            return
        self._metrics.turned_away("rate")
        headers["Retry-After"] = str(math.ceil(allowance.again_s))
        told = f"more than {self._buckets.per_minute} requests in a minute"
        await problem_response(429, told, headers=headers)(scope, receive, send)

    def _caller(self, connection: HTTPConnection) -> str:
        """Name the caller: by a key or token that is good, else by the address."""
        try:
            caller = None if self._access.is_open else self._access.admit(connection)
        except Problem:
            caller = None
        address = connection.client.host if connection.client else "unknown"
        return f"address {address}" if caller is None else f"caller {caller.name}"

    def _headers(self, allowance: Allowance) -> dict[str, str]:
        quota = self._buckets.per_minute
        full_s = math.ceil((quota - allowance.left) * 60 / quota)
        return {
            "RateLimit-Policy": f'"minute";q={quota};w=60',
            "RateLimit": f'"minute";r={allowance.left};t={full_s}',
        }


class Bodies:
    """Middleware: bodies that are too large are not read (413), slow ones not waited for (408).

    A caller may be silent for `patience_s` in all, and for longer the more has come
    (`LEAST_BYTES_PER_S`), so that a large upload over a slow line passes and a drip does not. Time
    in which the service itself does not ask for more is not counted. Bytes are counted as they
    come, whatever length was declared; a route with a `max_body_size` of its own takes that many.
    """

    def __init__(
        self, app: ASGIApp, *, patience_s: float, max_bytes: int, metrics: Metrics
    ) -> None:
        self.app, self._patience_s, self._max_bytes = app, patience_s, max_bytes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a body that is read in bounds."""
        if scope["type"] == "http":
            body = _Body(scope, receive, patience_s=self._patience_s, metrics=self._metrics)
            body.max_bytes, receive = self._max_bytes, body.receive
        await self.app(scope, receive, send)


class _Body:
    """The body of one request, within what its route takes."""

    max_bytes: int

    def __init__(
        self, scope: Scope, receive: Receive, *, patience_s: float, metrics: Metrics
    ) -> None:
        declared = Headers(scope=scope).get("content-length", "")
        self._declared = int(declared) if declared.isascii() and declared.isdigit() else 0
        self._scope, self._receive = scope, receive
        self._left_s, self._metrics = patience_s, metrics
        self._n_bytes, self._whole = 0, False

    async def receive(self) -> Message:
        """Return the next message; too much or too slow is an HTTPException.

        FastAPI passes on no other while it reads a body.
        """
        if self._whole:  # what comes now is only that the caller has gone
            return await self._receive()
        self._refuse_more_than(self._declared)
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(max(self._left_s, 0)):
                message = await self._receive()
        except TimeoutError:
            self._metrics.turned_away("slow")
            raise HTTPException(408, "the body came too slowly", {"Connection": "close"}) from None
        n_bytes = len(message.get("body", b""))
        self._n_bytes += n_bytes
        self._refuse_more_than(self._n_bytes)
        self._left_s += n_bytes / LEAST_BYTES_PER_S - (time.monotonic() - began_s)
        self._whole = not message.get("more_body", False)
        return message

    def _refuse_more_than(self, n_bytes: int) -> None:
        limit = self._scope.get(MAX_BODY_SIZE_SCOPE_KEY, self.max_bytes)  # where the route has one
        if n_bytes > limit:
            raise HTTPException(413, f"more than {limit} bytes; no more are taken here")


class SafetyHeaders:
    """Middleware: headers that keep browsers from doing more with an answer than is meant.

    What a route sets itself stands.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer with the headers."""
        await self.app(scope, receive, _with_headers(send, _SAFETY))


def _with_headers(send: Send, headers: dict[str, str]) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            held = MutableHeaders(scope=message)
            for name, value in headers.items():
                held.setdefault(name, value)
        await send(message)

    return told
