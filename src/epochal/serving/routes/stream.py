"""`WS /stream`: samples in, an epoch's label, probabilities and flags out when it is complete.

The protocol is in docs/how-to/stream-recordings.md; what scores is `epochal.serving.stream`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from epochal.errors import EpochalError, explain
from epochal.serving.service import logs
from epochal.serving.service.access import chosen_subprotocol
from epochal.serving.service.problems import Problem, reason_of
from epochal.serving.service.state import Service
from epochal.serving.service.stream_watch import StreamWatch
from epochal.serving.stream.holding import HeldStream, HeldStreams
from epochal.serving.stream.scorer import Epoch, StreamScorer
from epochal.serving.stream.wire import Placed, decode_blocks, join_blocks

logger = logging.getLogger(__name__)
CLOSED_BY_PROBLEM = 4000  # the close code is this and the problem's status, as 4422
_BUSY_S = 0.05
_LARGEST = 2**63  # of a whole number in JSON, which may have any digits


def router(service: Service) -> APIRouter:
    """Return the route `/stream`."""
    streams = HeldStreams(service.options.max_streams, service.options.keep_streams_s)
    routes = APIRouter(tags=["stream"])

    @routes.websocket("/stream")
    async def stream(websocket: WebSocket) -> None:
        with service.metrics.stream():
            await Line(websocket, service, streams).serve()

    return routes


class Line:
    """One connection: it begins a stream or takes one up, and passes messages to it."""

    def __init__(self, websocket: WebSocket, service: Service, streams: HeldStreams) -> None:
        self._socket, self._service = websocket, service
        self._streams, self._options = streams, service.options
        self._names: list[str] = []

    async def serve(self) -> None:
        """Go on until the stream is finished, the line breaks, or a problem ends it."""
        if not _is_of_this_origin(self._socket, self._service.options.cors_origins):
            await self._socket.close(1008)  # before it is accepted: the handshake is a 403
            return
        await self._socket.accept(subprotocol=chosen_subprotocol(self._socket))
        held = None
        try:
            held = await self._begin()
            await self._listen(held)
        except WebSocketDisconnect:
            pass
        except EpochalError as error:
            await self._close_with(error)
        except Exception as error:
            logger.error("unforeseen %s in a stream", type(error).__name__, exc_info=error)
            told = "an unforeseen failure; the service's log has more"
            await self._close_with(Problem(500, told))
        finally:
            if held is not None:
                self._streams.leave(held, self)

    async def close(self, problem: Problem) -> None:
        """End the line from outside."""
        await self._close_with(problem)

    async def _begin(self) -> HeldStream:
        """Answer the first message, which is `start`."""
        message = await self._receive()
        if not isinstance(message, dict) or message.pop("type", None) != "start":
            raise Problem(422, 'the first message is {"type": "start", …}')
        token = message.pop("resume", None)
        held = await (self._start(message) if token is None else self._resume(token))
        self._names = list(held.stream.declaration.channels)
        await self._send(
            "started",
            stream=held.token,
            bundle=held.bundle,
            resumed=token is not None,
            channels=self._names,
            received=held.stream.received,
            n_epochs=held.stream.n_epochs,
            keep_s=self._streams.keep_s,
            idle_s=self._options.stream_idle_s,
            message_bytes=self._options.stream_message_bytes,
            **held.stream.describe(),
        )
        if token is not None:
            await self._send_missed(held, _whole(message.get("next_epoch", 0)))
        return held

    async def _start(self, message: dict[str, Any]) -> HeldStream:
        if self._service.stopping or not self._streams.has_room():
            raise Problem(503, f"{self._streams.most} streams at one time, and all are in use")
        name = message.pop("bundle", None)
        if not (name is None or isinstance(name, str)):
            raise Problem(422, "bundle: a name")
        shelved = self._service.shelf.get(name)
        stream = await self._work(lambda: StreamScorer(shelved.scorer, message))
        held = self._streams.hold(stream, self, bundle=shelved.name)
        if held is None:
            raise Problem(503, f"{self._streams.most} streams at one time, and all are in use")
        held.watch = StreamWatch(
            self._service,
            shelved,
            source=logs.source(),  # the token is a secret: who has it can take the stream up
            data_source=stream.describe()["data_source"],
        ).see
        return held

    async def _resume(self, token: Any) -> HeldStream:
        held, before = self._streams.take_up(str(token), self)
        if held is None:
            kept = f"{self._streams.keep_s:g} s"
            raise Problem(404, f"no such stream; a broken one is kept for {kept}: begin anew")
        if isinstance(before, Line):
            await before.close(Problem(409, "another connection took this stream up"))
        return held

    async def _listen(self, held: HeldStream) -> None:
        while held.line is self:
            message = await self._receive()
            if held.line is not self:
                return
            if isinstance(message, dict) and message.get("type") == "finish":
                await self._send_epochs(held, await self._work(held.work, held.stream.finish))
                await self._acknowledge(held, "finished")
                self._streams.drop(held)
                await self._socket.close(1000)
                return
            await self._send_epochs(held, await self._work(self._apply, held, message))
            await self._acknowledge(held, "ack")

    def _apply(self, held: HeldStream, message: Any) -> list[Epoch]:
        """Do what a message says; in a worker."""
        stream = held.stream
        if isinstance(message, bytes):
            return held.work(self._push, stream, decode_blocks(message, self._names))
        kind = message.get("type")
        if kind == "samples":
            return held.work(self._push, stream, _read_samples(message, stream.received))
        if kind == "gap":
            return held.work(stream.skip_to, _number(message.get("until_s")))
        raise Problem(422, f"a message of type '{kind}'; there are samples, gap and finish")

    def _push(self, stream: StreamScorer, blocks: list[Placed]) -> list[Epoch]:
        return stream.push(join_blocks(blocks, stream.received))

    async def _work(self, function: Callable[..., Any], *given: Any) -> Any:
        """Let a worker do it; a stream waits where a request would be told 429."""
        tries = math.ceil(self._service.options.timeout_s / _BUSY_S)
        for _ in range(tries):
            try:
                return await self._service.run(function, *given)
            except Problem as problem:
                if problem.status != HTTPStatus.TOO_MANY_REQUESTS:
                    raise
            await asyncio.sleep(_BUSY_S)
        raise Problem(503, "the service is too busy; take the stream up again later")

    async def _receive(self) -> dict[str, Any] | bytes:
        """Return the next message, JSON or binary; silence and too large a one are problems."""
        try:
            given = await asyncio.wait_for(self._socket.receive(), self._options.stream_idle_s)
        except TimeoutError as error:
            raise Problem(408, f"nothing came for {self._options.stream_idle_s:g} s") from error
        if given["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(given.get("code", 1006))
        message: str | bytes = given.get("bytes") or given.get("text") or ""
        if len(message) > self._options.stream_message_bytes:
            most = self._options.stream_message_bytes
            raise Problem(413, f"a message of {len(message)} bytes; at most {most}")
        return message if isinstance(message, bytes) else _read_json(message)

    async def _send_missed(self, held: HeldStream, next_epoch: int) -> None:
        """Send what a client missed; of the last epoch that it has, the alerts may be lacking."""
        for alert in held.alerts_from(next_epoch - 1):
            if alert.epoch < next_epoch:
                await self._send("alert", **alert.model_dump())
        await self._send_epochs(held, held.missed(next_epoch))

    async def _send_epochs(self, held: HeldStream, epochs: list[Epoch]) -> None:
        """Send epochs, and after each the alerts that it completed."""
        alerts = held.alerts_from(epochs[0]["epoch"]) if epochs else []
        for epoch in epochs:
            await self._send("epoch", **epoch)
            for alert in alerts:
                if alert.epoch == epoch["epoch"]:
                    await self._send("alert", **alert.model_dump())

    async def _acknowledge(self, held: HeldStream, kind: str) -> None:
        stream = held.stream
        await self._send(
            kind,
            received=stream.received,
            n_epochs=stream.n_epochs,
            unscored_s=round(stream.unscored_s, 6),
        )

    async def _send(self, kind: str, /, **content: Any) -> None:
        text = json.dumps({"type": kind, **_plain(content)}, allow_nan=False)
        try:
            await self._socket.send_text(text)
        except RuntimeError as error:  # closed from outside meanwhile
            raise WebSocketDisconnect(1006) from error

    async def _close_with(self, error: EpochalError) -> None:
        """Say what was wrong (RFC 9457's members) and close; the stream may be taken up again."""
        problem = error if isinstance(error, Problem) else Problem(422, reason_of(error))
        members = {"title": HTTPStatus(problem.status).phrase, "status": problem.status}
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self._send("error", problem="about:blank", **members, detail=explain(problem))
            await self._socket.close(CLOSED_BY_PROBLEM + problem.status)
        except (WebSocketDisconnect, RuntimeError):
            pass  # it is gone


def _is_of_this_origin(websocket: WebSocket, allowed: tuple[str, ...]) -> bool:
    """Let no other site's page use a browser's way in; other clients send no origin."""
    origin = websocket.headers.get("origin")
    if origin is None or origin in allowed or "*" in allowed:
        return True
    return urlsplit(origin).netloc == websocket.headers.get("host")


def _read_json(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problem(422, "a message that is no JSON") from error
    if not isinstance(message, dict):
        raise Problem(422, 'a message is an object with a "type"')
    return message


def _read_samples(message: dict[str, Any], received: dict[str, int]) -> list[Placed]:
    """Return the samples of a JSON message; null is a missing one, no position: the next."""
    samples, positions = message.get("samples"), message.get("position", {})
    if not (isinstance(samples, dict) and isinstance(positions, dict)):
        raise Problem(422, '"samples" is an object of lists by channel, "position" of numbers')
    blocks = []
    for name, given in samples.items():
        if not (isinstance(given, list) and all(map(_is_sample, given))):
            raise Problem(422, f"samples.{name}: a list of numbers, null where one is missing")
        if name not in received:
            raise EpochalError(f"No channel '{name}' was declared; there are {', '.join(received)}")
        values = [math.nan if value is None else float(value) for value in given]
        position = _whole(positions.get(name, received[name]))
        blocks.append(Placed(name, position, _float32(values)))
    return blocks


def _float32(values: list[float]) -> Any:
    import numpy as np

    with np.errstate(over="ignore"):  # beyond its range: infinite, and so missing
        return np.array(values, dtype=np.float32)


def _is_sample(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < _LARGEST
    return value is None or isinstance(value, float)


def _number(value: Any) -> float:
    if value is None or not _is_sample(value):
        raise Problem(422, "until_s: a number of seconds from the stream's start")
    return float(value)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Problem(422, "a position, or the number of an epoch, is a whole number from 0")
    return value


def _plain(value: Any) -> Any:
    """Return a value with null for what is no number."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
