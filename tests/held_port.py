"""A port of 127.0.0.1 for a server that is yet to start, which nobody else is given meanwhile."""

from __future__ import annotations

import socket


class HeldPort:
    """A bound socket that does not listen; `contextlib.closing` lets it go at the end of a block.

    A port that was merely free a moment ago may be another test's by the time the server starts.
    One that is held the system gives to nobody; a server that names it gets in, for servers bind
    with SO_REUSEADDR, as this socket does.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Let others have it."""
        self._socket.close()
