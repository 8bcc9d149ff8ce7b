"""Alerts sent to the operator's address: signed, tried again, and never in an answer's way."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from epochal.serving.service.metrics import Metrics, Outcome

logger = logging.getLogger(__name__)
SIGNATURE = "Epochal-Signature"
_N_WAITING = 256
_FLUSH_S = 5.0  # what a stopping service waits for deliveries
_AGAIN = frozenset([408, 425, 429])  # and every 5xx


class Webhook:
    """A thread that delivers what is given to it, in order."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        metrics: Metrics,
        timeout_s: float = 5.0,
        pauses_s: Sequence[float] = (1.0, 5.0, 25.0),
    ) -> None:
        self._url, self._secret, self._metrics = url, secret, metrics
        self._timeout_s, self._pauses_s = timeout_s, tuple(pauses_s)
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(_N_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True, name="webhook")
        # A redirect is not followed: the address is the operator's, and no other's.
        self._opener = urllib.request.build_opener(_NoRedirect)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def send(self, message: Mapping[str, Any]) -> None:
        """Take a message for delivery and return at once; with too many waiting it is dropped."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._tell("dropped")

    def stop(self) -> None:
        """Deliver what waits, for a few seconds, without further tries."""
        self._stopping.set()
        if self._thread.is_alive():
            try:
                self._waiting.put(None, timeout=_FLUSH_S)
            except queue.Full:
                return
            self._thread.join(_FLUSH_S)

    def _work(self) -> None:
        while (message := self._waiting.get()) is not None:
            try:
                self._tell(self._deliver(message))
            except Exception as error:  # the thread must outlive whatever a server answers
                logger.error("unforeseen %s in a delivery", type(error).__name__, exc_info=error)
                self._tell("failed")

    def _deliver(self, message: Mapping[str, Any]) -> Outcome:
        body = json.dumps(message, ensure_ascii=False).encode()
        for pause_s in (*self._pauses_s, None):
            status = self._post(body)
            if 200 <= status < 300:
                return "sent"
            is_last = pause_s is None or not (status == 0 or status >= 500 or status in _AGAIN)
            if is_last or self._stopping.wait(pause_s):
                break
        return "failed"

    def _post(self, body: bytes) -> int:
        """Return the answer's status, 0 where there was none."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "epochal",
            SIGNATURE: sign(body, self._secret, at=int(time.time())),
        }
        request = urllib.request.Request(self._url, body, headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (OSError, ValueError):  # no connection, time-out, nonsense for an answer
            return 0

    def _tell(self, outcome: Outcome) -> None:
        self._metrics.delivered(outcome)
        if outcome != "sent":
            logger.warning("an alert could not be delivered: %s", outcome)


def sign(body: bytes, secret: str, *, at: int) -> str:
    """Return `t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body" in hex>`.

    A receiver computes the same, compares in constant time, and refuses what is too old.
    """
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none: the redirect itself is the answer."""
