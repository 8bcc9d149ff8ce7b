"""Waiting for what comes in its own time, however slow the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def until(
    ask: Callable[[], Answer],
    holds: Callable[[Answer], object] = bool,
    *,
    within_s: float = 60.0,
    pause_s: float = 0.02,
) -> Answer:
    """Ask until an answer holds, and return it; `AssertionError` tells the last that did not.

    A limit costs nothing where the answer comes: it is for what never comes.
    """
    end_s = time.monotonic() + within_s
    while not holds(answer := ask()):
        if time.monotonic() >= end_s:  # asked once more after the pause, which may have been long
            raise AssertionError(f"not within {within_s:g} s; the last answer was {answer!r}")
        time.sleep(pause_s)
    return answer
