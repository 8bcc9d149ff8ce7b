"""The streams of a service: so many at one time, and each kept a while after its line broke."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from epochal.serving.messages.alerts import StreamAlert
from epochal.serving.stream.scorer import Epoch, StreamScorer

MOST_EPOCHS_KEPT = 2880  # for a client that missed some: a day of 30 s
MOST_ALERTS_KEPT = 1000


@dataclass(eq=False)
class HeldStream:
    """A stream, what it last said, and who listens; `line` is the connection, None of a broken."""

    token: str
    stream: StreamScorer
    line: object | None = None
    bundle: str = ""
    left_at: float = 0.0
    recent: deque[Epoch] = field(default_factory=lambda: deque(maxlen=MOST_EPOCHS_KEPT))
    lock: threading.Lock = field(default_factory=threading.Lock)
    watch: Callable[[list[Epoch]], Sequence[StreamAlert]] = lambda epochs: ()  # each epoch once
    alerts: deque[StreamAlert] = field(default_factory=lambda: deque(maxlen=MOST_ALERTS_KEPT))

    def work(self, function: Callable[..., list[Epoch]], *given: Any) -> list[Epoch]:
        """Call a method of the stream, one at a time, and keep what comes of it.

        The epochs are returned; `alerts_from` has the alerts that they raised.
        """
        with self.lock:
            epochs = function(*given)
            self.recent.extend(epochs)
            self.alerts.extend(self.watch(epochs))
            return epochs

    def missed(self, next_epoch: int) -> list[Epoch]:
        """Return the epochs from a number on, as far back as they are kept."""
        with self.lock:
            return [epoch for epoch in self.recent if epoch["epoch"] >= next_epoch]

    def alerts_from(self, epoch: int) -> list[StreamAlert]:
        """Return the alerts that epochs from a number on completed."""
        with self.lock:
            return [alert for alert in self.alerts if alert.epoch >= epoch]


class HeldStreams:
    """The streams of a service by their tokens; a token is all that a client needs to go on."""

    def __init__(
        self, most: int, keep_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most, self.keep_s, self._clock = most, keep_s, clock
        self._held: dict[str, HeldStream] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def has_room(self) -> bool:
        """Say whether another stream may begin; a broken one makes room for it."""
        with self._lock:
            self._forget_old()
            return self._makes_room()

    def hold(self, stream: StreamScorer, line: object, *, bundle: str = "") -> HeldStream | None:
        """Take a new stream with its connection; None where there are too many."""
        with self._lock:
            self._forget_old()
            if not self._makes_room():
                return None
            if len(self._held) >= self.most:
                broken = [one for one in self._held.values() if one.line is None]
                del self._held[min(broken, key=lambda one: one.left_at).token]
            held = HeldStream(secrets.token_urlsafe(24), stream, line, bundle)
            self._held[held.token] = held
            return held

    def take_up(self, token: str, line: object) -> tuple[HeldStream | None, object | None]:
        """Return a stream for another connection, and the connection that it had."""
        with self._lock:
            self._forget_old()
            held = self._held.get(token)
            if held is None:
                return None, None
            before, held.line = held.line, line
            return held, before

    def leave(self, held: HeldStream, line: object) -> None:
        """Keep a stream whose connection broke, unless another one took it up."""
        with self._lock:
            if held.line is line:
                held.line, held.left_at = None, self._clock()

    def drop(self, held: HeldStream) -> None:
        """Forget a stream that is over."""
        with self._lock:
            self._held.pop(held.token, None)

    def _makes_room(self) -> bool:
        broken = any(one.line is None for one in self._held.values())
        return self.most > 0 and (len(self._held) < self.most or broken)

    def _forget_old(self) -> None:
        now = self._clock()
        for token, held in list(self._held.items()):
            if held.line is None and now - held.left_at > self.keep_s:
                del self._held[token]
