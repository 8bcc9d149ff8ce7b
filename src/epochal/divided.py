"""A piece of work in parts, so that one model or one search can be many workers' work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """Some of a piece of work: a partial, called with what the parts it `needs` returned."""

    work: Callable[..., Any]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Divided:
    """A piece of work whose parts may be done side by side, and anywhere.

    A part stands after those that it needs; the last one puts all together and returns the piece.
    The parts are known beforehand: none makes others, so that no worker waits for another.
    """

    parts: Mapping[str, Part]

    def __call__(self) -> Any:
        """Do the parts one after the other."""
        done: dict[str, Any] = {}
        for name, part in self.parts.items():
            done[name] = part.work(*(done[needed] for needed in part.needs))
        return done[self.last]

    @property
    def last(self) -> str:
        """The part that puts the others together."""
        return list(self.parts)[-1]

    def rounds(self) -> list[list[str]]:
        """Return the parts by round: those of one need only those of the rounds before.

        The last part is alone in the last round.
        """
        round_of: dict[str, int] = {}
        for name, part in self.parts.items():
            round_of[name] = 1 + max((round_of[needed] for needed in part.needs), default=-1)
        others = [number for name, number in round_of.items() if name != self.last]
        round_of[self.last] = 1 + max(others, default=-1)
        return [
            [name for name in self.parts if round_of[name] == number]
            for number in range(1 + round_of[self.last])
        ]
