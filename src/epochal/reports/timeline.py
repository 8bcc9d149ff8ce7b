"""One recording over time: panels one below the other on one time axis, as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from epochal.reports.markup import drawing, element, join

WIDTH, LEFT, RIGHT = 1040.0, 156.0, 1030.0
_GAP, _TOP, _AXIS, _NAMES = 12.0, 8.0, 38.0, 14.0
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600,
            43200, 86400)  # fmt: skip
_MOST_TICKS = 13


@dataclass(frozen=True)
class TimeAxis:
    """Seconds from the recording's start, across the figure."""

    start_s: float
    end_s: float
    began: datetime | None = None

    def x(self, seconds: ArrayLike) -> np.ndarray:
        """Return where moments lie, in the figure's own units."""
        share = (np.asarray(seconds, dtype=float) - self.start_s) / (self.end_s - self.start_s)
        return LEFT + (RIGHT - LEFT) * np.clip(share, 0, 1)

    def ticks_s(self) -> np.ndarray:
        """Return moments to name: whole steps of a round length, at most a dozen."""
        length_s = self.end_s - self.start_s
        step = next((s for s in _STEPS_S if length_s / s <= _MOST_TICKS), _STEPS_S[-1])
        return np.arange(np.ceil(self.start_s / step) * step, self.end_s + 1e-6, step)


class Panel(Protocol):
    """What stands in one row of the figure."""

    @property
    def title(self) -> str:
        """What stands left of it."""
        ...  # pragma: no cover

    @property
    def height(self) -> float:
        """How much of the figure it takes."""
        ...  # pragma: no cover

    def draw(self, axis: TimeAxis) -> Iterable[Markup]:
        """Yield the elements, y from 0 at the panel's top."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class Timeline:
    """The panels of a figure, what is shaded behind them, and moments marked through them."""

    panels: Sequence[Panel]
    axis: TimeAxis
    name: str
    title: str
    description: str
    shaded: Sequence[tuple[float, float]] = ()
    moments: Sequence[tuple[float, str]] = field(default=())

    def draw(self) -> Markup:
        """Return the figure; `name` tells its title and description from those of others."""
        bottom = self._top + sum(panel.height + _GAP for panel in self.panels)
        height = bottom + _AXIS
        return drawing(
            [
                *self._shades(bottom),
                *self._panels(),
                *self._moments(bottom),
                *_axis(self.axis, bottom),
            ],
            name=self.name,
            title=self.title,
            description=self.description,
            size=(WIDTH, height),
            class_="timeline",
        )

    @property
    def _top(self) -> float:
        """Leave room above the panels for the names of moments."""
        return _TOP + (_NAMES if self.moments else 0.0)

    def _shades(self, bottom: float) -> Iterator[Markup]:
        for start_s, end_s in self.shaded:
            left, right = map(float, self.axis.x([start_s, end_s]))
            yield element(
                "rect",
                x=left,
                y=self._top,
                width=right - left,
                height=bottom - self._top,
                class_="shade",
            )

    def _panels(self) -> Iterator[Markup]:
        top = self._top
        for panel in self.panels:
            content = join([_name(panel), *panel.draw(self.axis), _frame(panel.height)])
            yield element("g", content, transform=f"translate(0 {top:.1f})")
            top += panel.height + _GAP

    def _moments(self, bottom: float) -> Iterator[Markup]:
        for seconds, text in self.moments:
            x = float(self.axis.x(seconds))
            yield element("line", x1=x, x2=x, y1=self._top, y2=bottom, class_="moment")
            side = "end" if x > RIGHT - 40 else "middle"
            yield element("text", text, x=x, y=self._top - 5, text_anchor=side, class_="small")


def _name(panel: Panel) -> Markup:
    """Write a panel's title at its left, a line of it per line."""
    lines = panel.title.split("\n")
    first = panel.height / 2 + 4 - 7 * (len(lines) - 1)
    return join(
        element("text", line, x=0.0, y=first + 14 * place, class_="small" if place else "name")
        for place, line in enumerate(lines)
    )


def _frame(height: float) -> Markup:
    return element(
        "rect", x=LEFT, y=0.0, width=RIGHT - LEFT, height=height, class_="frame", fill="none"
    )


def _axis(axis: TimeAxis, y: float) -> Iterator[Markup]:
    """Name moments by the hours since the start, and by the clock where it is known."""
    for seconds in axis.ticks_s():
        x = float(axis.x(seconds))
        yield element("line", x1=x, x2=x, y1=y - _GAP, y2=y - _GAP + 5, class_="tick")
        yield _label(x, y + 6, _elapsed(seconds))
        if axis.began is not None:
            clock = axis.began + timedelta(seconds=float(seconds))
            yield _label(x, y + 21, f"{clock:%H:%M}", muted=True)
    yield element("text", "from start", x=0.0, y=y + 6, class_="small muted")
    if axis.began is not None:
        yield element("text", "clock", x=0.0, y=y + 21, class_="small muted")


def _label(x: float, y: float, text: str, *, muted: bool = False) -> Markup:
    side = "end" if x > RIGHT - 16 else "middle"
    return element(
        "text", text, x=x, y=y, text_anchor=side, class_="small muted" if muted else "small"
    )


def _elapsed(seconds: float) -> str:
    whole = round(float(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if rest else f"{hours}:{minutes:02d}"
