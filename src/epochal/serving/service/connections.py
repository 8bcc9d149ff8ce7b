"""Connections that are not held open by who says nothing: a request's head comes in time, or goes.

uvicorn waits for a request's first line and headers without end, and with httptools takes as many
headers as come. Slow bodies are `limits.Bodies`' matter.
"""

from __future__ import annotations

import asyncio
from typing import Any

MAX_HEAD_BYTES = 64 * 1024
_REFUSAL = (
    "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\n"
    "connection: close\r\n\r\n{body}"
)


def patient_protocol(patience_s: float) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol of HTTP, with so many seconds for the head of a request."""
    base = _fastest()

    class Patient(_Patience, base):  # type: ignore[misc, valid-type]
        pass

    Patient.patience_s = patience_s
    return Patient


class _Patience:
    """Closes a connection on which nothing is asked for too long, or too much is.

    To be mixed into a protocol of uvicorn's: its `cycle` is the latest request.
    """

    patience_s: float
    cycle: Any
    transport: asyncio.Transport
    _timer: asyncio.TimerHandle | None = None
    _n_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)  # type: ignore[misc]
        self._await_head()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)  # type: ignore[misc]
        if self._is_busy() or self.transport.is_closing():
            self._stop()
            return
        self._n_bytes = 0 if self.cycle is not before else self._n_bytes + len(data)
        self._await_head()
        if self._n_bytes > MAX_HEAD_BYTES and self.cycle is None:
            self._refuse("431 Request Header Fields Too Large")

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)  # type: ignore[misc]

    def _is_busy(self) -> bool:
        """Say whether a request is being answered, or the connection is a WebSocket's by now."""
        if self.transport.get_protocol() is not self:
            return True
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.patience_s, self._give_up)

    def _stop(self) -> None:
        self._n_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self._is_busy():
            self._refuse("408 Request Timeout")

    def _refuse(self, status: str) -> None:
        """Say why, where nothing was said yet on this connection, and close it."""
        if self.cycle is None and not self.transport.is_closing():
            number, title = status.split(" ", 1)
            body = f'{{"type":"about:blank","title":"{title}","status":{number}}}'
            said = _REFUSAL.format(status=status, length=len(body), body=body)
            self.transport.write(said.encode())
        self.transport.close()


def _fastest() -> Any:
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        return H11Protocol
    return HttpToolsProtocol
