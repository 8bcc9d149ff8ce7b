"""A client of `/stream`: it declares, sends, and takes the stream up again when the line breaks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np

from epochal.errors import EpochalError
from epochal.serving.stream.declaring import Declaration
from epochal.serving.stream.scorer import Epoch
from epochal.serving.stream.wire import encode_blocks

WAIT_S = 120.0  # for an answer
_TRIES, _PAUSE_S = 5, 0.5
_BLOCK_SAMPLES = 250_000  # of a channel in a message: 1 MB


class StreamClient:
    """One stream to a server; used as a context. What the server refuses raises `EpochalError`.

    `heed` hears of each alert of the server's rules once, as `StreamAlert` in plain JSON.
    """

    def __init__(
        self,
        url: str,
        declaration: Declaration,
        *,
        bundle: str | None = None,
        key: str | None = None,
        heed: Callable[[dict[str, Any]], None] = lambda alert: None,
    ) -> None:
        self._url, self._headers = url, {} if key is None else {"X-API-Key": key}
        content = declaration.model_dump(mode="json", exclude_none=True)
        self._start = {"type": "start", **({} if bundle is None else {"bundle": bundle}), **content}
        self._line: Any = None
        self._lines = ExitStack()  # those that broke, too
        self._names = list(declaration.channels)
        self._positions = dict.fromkeys(self._names, 0)
        self._next_epoch, self._token = 0, ""
        self._heed, self._heeded = heed, set[str]()
        self.unscored_s = 0.0
        self.started: dict[str, Any] = {}

    def __enter__(self) -> StreamClient:
        """Connect and declare the stream."""
        self._connect()
        try:
            self.started = self._ask(self._start, until="started")[1]
        except EpochalError:
            self._lines.close()
            raise
        self._token, self._names = self.started["stream"], self.started["channels"]
        return self

    def __exit__(self, *_: object) -> None:
        """Close the line."""
        self._lines.close()

    def push(self, samples: Mapping[str, np.ndarray]) -> list[Epoch]:
        """Send the next samples and return the epochs that they complete."""
        epochs: list[Epoch] = []
        n_parts = max(1, *(-(-len(one) // _BLOCK_SAMPLES) for one in samples.values()))
        parts = {name: np.array_split(one, n_parts) for name, one in samples.items()}
        for number in range(n_parts):
            some = {name: part[number] for name, part in parts.items()}
            epochs += self._exchange(encode_blocks(some, self._positions, self._names))
            for name, part in some.items():
                self._positions[name] += len(part)
        return epochs

    def skip_to(self, at_s: float) -> list[Epoch]:
        """Declare a gap."""
        epochs = self._exchange({"type": "gap", "until_s": at_s}, once=True)
        return epochs

    def finish(self) -> list[Epoch]:
        """Say that nothing more comes; return the last epochs."""
        return self._exchange({"type": "finish"}, until="finished", once=True)

    def _exchange(
        self, message: dict[str, Any] | bytes, *, until: str = "ack", once: bool = False
    ) -> list[Epoch]:
        """Send a message and return the epochs that come before its answer.

        Where the line breaks the stream is taken up again. Samples are sent once more: the server
        leaves out those that it has. What may not be said twice (`once`) is then an error.
        """
        from websockets.exceptions import ConnectionClosed

        epochs: list[Epoch] = []
        for _ in range(_TRIES):
            try:
                found, answer = self._ask(message, until=until)
            except ConnectionClosed as error:
                if once:
                    raise EpochalError(f"{self._url}: the line broke ({error})") from error
                epochs += self._take_up()
                continue
            self._positions = {**self._positions, **answer["received"]} if once else self._positions
            self.unscored_s = answer["unscored_s"]
            return epochs + found
        raise EpochalError(f"{self._url}: the line broke {_TRIES} times at the same place")

    def _take_up(self) -> list[Epoch]:
        """Connect again and return the epochs that were lost with the line."""
        self._connect()
        message = {"type": "start", "resume": self._token, "next_epoch": self._next_epoch}
        before = self._ask(message, until="started")[1]["n_epochs"]
        return list(self._epochs_until(before))

    def _epochs_until(self, n_epochs: int) -> Iterator[Epoch]:
        while self._next_epoch < n_epochs:
            answer = self._receive()
            if answer.pop("type") == "epoch":
                self._next_epoch = answer["epoch"] + 1
                yield answer

    def _ask(
        self, message: dict[str, Any] | bytes, *, until: str
    ) -> tuple[list[Epoch], dict[str, Any]]:
        """Send a message; return the epochs that come, and the answer of the kind waited for."""
        self._line.send(message if isinstance(message, bytes) else json.dumps(message))
        epochs: list[Epoch] = []
        while True:
            answer = self._receive()
            kind = answer.pop("type")
            if kind == until:
                return epochs, answer
            if kind == "epoch":
                epochs.append(answer)
                self._next_epoch = answer["epoch"] + 1

    def _receive(self) -> dict[str, Any]:
        try:
            answer = json.loads(self._line.recv(timeout=WAIT_S))
        except TimeoutError as error:
            raise EpochalError(f"{self._url}: no answer for {WAIT_S:g} s") from error
        if answer["type"] == "error":
            raise EpochalError(f"{self._url}: {answer['detail']} ({answer['status']})")
        if answer["type"] == "alert":
            self._hear_of(answer)
        return answer

    def _hear_of(self, alert: dict[str, Any]) -> None:
        """Pass an alert on, unless it came before the line broke, too."""
        if alert["id"] not in self._heeded:
            self._heeded.add(alert["id"])
            self._heed({name: value for name, value in alert.items() if name != "type"})

    def _connect(self) -> None:
        from websockets.exceptions import InvalidHandshake, InvalidURI
        from websockets.sync.client import connect

        for number in range(_TRIES):
            try:
                line = connect(
                    self._url, additional_headers=self._headers, max_size=None, open_timeout=WAIT_S
                )
                self._line = self._lines.enter_context(line)
                return
            except (InvalidURI, InvalidHandshake) as error:
                raise EpochalError(f"{self._url}: no stream there ({error})") from error
            except OSError as error:
                if not self._token or number == _TRIES - 1:
                    raise EpochalError(f"{self._url}: {error}") from error
                time.sleep(_PAUSE_S * 2**number)
