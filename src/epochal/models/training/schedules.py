"""How the learning rate goes over a training: its share of the highest, by progress from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable

_LEAST_RATE = 0.01  # of the highest learning rate
_RISE = 0.3  # of a cycle


def one_cycle(progress: float) -> float:
    """Rise, then fall by a cosine: one cycle of Smith and Topin 2018, arXiv:1708.07120."""
    if progress < _RISE:
        return _LEAST_RATE + (1 - _LEAST_RATE) * progress / _RISE
    return cosine((progress - _RISE) / (1 - _RISE))


def cosine(progress: float) -> float:
    """Fall from the highest rate to a hundredth of it."""
    return _LEAST_RATE + (1 - _LEAST_RATE) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def constant(progress: float) -> float:
    """Stay at the highest rate."""
    del progress
    return 1.0


SCHEDULES: dict[str, Callable[[float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "constant": constant,
}
