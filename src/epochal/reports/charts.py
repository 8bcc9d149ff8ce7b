"""Small charts as SVG: curves, stacked bars, intervals, dots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from epochal.reports.colours import colour_of
from epochal.reports.markup import drawing, element

_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 12.0, 8.0, 36.0
_DASHES = (None, "6 4", "2 3")
_MOST_NAMES = 24


@dataclass(frozen=True)
class Frame:
    """The axes of a chart: its size, its ranges, and what they are called."""

    name: str
    title: str
    description: str
    x: tuple[float, float]
    y: tuple[float, float]
    x_label: str
    y_label: str
    width: float = 420.0
    height: float = 260.0

    def at_x(self, value: ArrayLike) -> np.ndarray:
        """Return where values lie across."""
        return _place(value, self.x, _LEFT, self.width - _RIGHT)

    def at_y(self, value: ArrayLike) -> np.ndarray:
        """Return where values lie, from the top down."""
        return _place(value, self.y, self.height - _BOTTOM, _TOP)

    def draw(
        self, content: Sequence[Markup], *, x_ticks: Mapping[float, str] | None = None
    ) -> Markup:
        """Return the chart with its axes around the content."""
        return drawing(
            [*self._grid(x_ticks), *content],
            name=self.name,
            title=self.title,
            description=self.description,
            size=(self.width, self.height),
            class_="chart",
            style=f"max-width:{self.width * 1.4:.0f}px",
        )

    def _grid(self, x_ticks: Mapping[float, str] | None) -> Iterator[Markup]:
        bottom, right = self.height - _BOTTOM, self.width - _RIGHT
        named = (
            {value: f"{value:g}" for value in round_ticks(*self.x)} if x_ticks is None else x_ticks
        )
        for value, text in named.items():
            x = float(self.at_x(value))
            yield element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="tick")
            yield _text(text, x, bottom + 15, "middle")
        for value in round_ticks(*self.y):
            y = float(self.at_y(value))
            yield element("line", x1=_LEFT, x2=right, y1=y, y2=y, class_="grid")
            yield _text(f"{value:g}", _LEFT - 5, y + 4, "end")
        yield _text(self.x_label, (_LEFT + right) / 2, self.height - 5, "middle")
        middle = (_TOP + bottom) / 2
        yield element(
            "text", self.y_label, transform=f"translate(11 {middle:.0f}) rotate(-90)",
            text_anchor="middle", class_="small",
        )  # fmt: skip


def _place(value: ArrayLike, limits: tuple[float, float], first: float, last: float) -> np.ndarray:
    share = (np.asarray(value, dtype=float) - limits[0]) / max(limits[1] - limits[0], 1e-12)
    return first + (last - first) * np.clip(share, 0, 1)


def _text(text: str, x: float, y: float, anchor: str, *, style: str = "small") -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor, class_=style)


def round_ticks(low: float, high: float, *, most: int = 6) -> np.ndarray:
    """Return round values within limits, `most` of them at most."""
    span = max(high - low, 1e-12)
    raw = span / max(most - 1, 1)
    unit = 10.0 ** np.floor(np.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw - 1e-12)
    counts = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1)
    return np.round(counts * step, 9) + 0.0  # no minus zero


class Line(NamedTuple):
    """A curve, in the colour of a class; `dash` 0 is drawn through."""

    x: np.ndarray
    y: np.ndarray
    colour: int
    dash: int = 0
    dots: bool = False


def draw_curves(frame: Frame, lines: Sequence[Line], *, diagonal: bool = False) -> Markup:
    """Return curves; `diagonal` adds the line from corner to corner."""
    content = []
    if diagonal:
        ends = (*frame.at_x(frame.x), *frame.at_y(frame.y))
        content.append(
            element("line", x1=ends[0], x2=ends[1], y1=ends[2], y2=ends[3], class_="tick")
        )
    for line in lines:
        x, y = frame.at_x(line.x), frame.at_y(line.y)
        path = "".join(
            f"{'L' if place else 'M'}{px:.1f} {py:.1f}"
            for place, (px, py) in enumerate(zip(x, y, strict=True))
        )
        content.append(
            element(
                "path", d=path, stroke=colour_of(line.colour), fill="none", class_="line",
                stroke_dasharray=_DASHES[line.dash],
            )
        )  # fmt: skip
        if line.dots:
            content += [
                element("circle", cx=px, cy=py, r=2.5, fill=colour_of(line.colour))
                for px, py in zip(map(float, x), map(float, y), strict=True)
            ]
    return frame.draw(content)


def draw_bars(
    frame: Frame,
    shares: np.ndarray,
    names: Sequence[str],
    *,
    order: Sequence[int],
    shaded: Sequence[bool] = (),
) -> Markup:
    """Return stacked bars `(n_bars, n_classes)`, the first class of `order` on top.

    Bar k stands at k to k + 1 of the frame's x, `shaded` ones before a dark ground.
    """
    content: list[Markup] = []
    for place, bar in enumerate(np.nan_to_num(shares)):
        left, right = map(float, frame.at_x([place, place + 1]))
        if shaded and shaded[place]:
            top, bottom = float(frame.at_y(frame.y[1])), float(frame.at_y(frame.y[0]))
            content.append(_box(left, right, top, bottom, class_="shade"))
        inset = 0.12 * (right - left)
        content += _stack(frame, bar, order, left + inset, right - inset)
    every = max(1, -(-len(names) // _MOST_NAMES))
    ticks = {place + 0.5: name for place, name in enumerate(names) if place % every == 0}
    return frame.draw(content, x_ticks=ticks)


def _stack(
    frame: Frame, shares: np.ndarray, order: Sequence[int], left: float, right: float
) -> Iterator[Markup]:
    """Yield a box per class that has a share, from the bottom up."""
    below = 0.0
    for code in reversed(order):
        top, bottom = float(frame.at_y(below + shares[code])), float(frame.at_y(below))
        below += float(shares[code])
        if shares[code] > 0:
            yield _box(left, right, top, bottom, fill=colour_of(code))


def _box(left: float, right: float, top: float, bottom: float, **style: str) -> Markup:
    return element("rect", x=left, y=top, width=right - left, height=bottom - top, **style)


class Interval(NamedTuple):
    """A value with its interval, NaN where there is none; `note` stands right of it."""

    name: str
    value: float
    low: float
    high: float
    note: str = ""
    colour: int = 3


def draw_intervals(
    name: str, title: str, description: str, rows: Sequence[Interval], *, x_label: str,
    zero: bool = False,
) -> Markup:  # fmt: skip
    """Return a row per value with its interval; `zero` draws the line of no difference."""
    left, right, width, step = 210.0, 560.0, 720.0, 22.0
    values = np.array([[row.value, row.low, row.high] for row in rows], dtype=float)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.05 * max(high - low, 1e-3)
    limits, bottom = (low - margin, high + margin), _TOP + step * len(rows)
    content = [*_interval_axis(limits, left, right, bottom, x_label)]
    if zero:
        x = float(_place(0.0, limits, left, right))
        content.append(element("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="moment"))
    for place, row in enumerate(rows):
        content += _draw_interval(row, limits, left, right, _TOP + step * (place + 0.5))
    return drawing(
        content, name=name, title=title, description=description, size=(width, bottom + 36),
        class_="chart wide",
    )  # fmt: skip


def _interval_axis(
    limits: tuple[float, float], left: float, right: float, bottom: float, label: str
) -> Iterator[Markup]:
    for value in round_ticks(*limits):
        x = float(_place(value, limits, left, right))
        yield element("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="grid")
        yield _text(f"{value:g}", x, bottom + 14, "middle")
    yield _text(label, (left + right) / 2, bottom + 30, "middle")


def _draw_interval(
    row: Interval, limits: tuple[float, float], left: float, right: float, y: float
) -> Iterator[Markup]:
    yield _text(row.name, left - 8, y + 4, "end")
    if np.isfinite([row.low, row.high]).all():
        x1, x2 = (float(_place(value, limits, left, right)) for value in (row.low, row.high))
        yield element("line", x1=x1, x2=x2, y1=y, y2=y, stroke=colour_of(row.colour), class_="line")
    if np.isfinite(row.value):
        x = float(_place(row.value, limits, left, right))
        yield element("circle", cx=x, cy=y, r=4.0, fill=colour_of(row.colour))
    yield _text(row.note, right + 10, y + 4, "start")


def draw_dots(frame: Frame, groups: Mapping[str, np.ndarray]) -> Markup:
    """Return a column of dots per group, spread a little, with a bar at each median."""
    content = []
    for place, values in enumerate(groups.values()):
        known = np.sort(values[np.isfinite(values)])
        shifts = 0.5 + 0.25 * np.sin(2.4 * np.arange(len(known)))  # spread, the same every time
        x, y = frame.at_x(place + shifts), frame.at_y(known)
        content += [
            element("circle", cx=float(px), cy=float(py), r=2.6, class_="dot")
            for px, py in zip(x, y, strict=True)
        ]
        if len(known):
            ends, middle = (
                frame.at_x([place + 0.15, place + 0.85]),
                float(frame.at_y(np.median(known))),
            )
            content.append(
                element("line", x1=ends[0], x2=ends[1], y1=middle, y2=middle, class_="median")
            )
    return frame.draw(content, x_ticks={place + 0.5: name for place, name in enumerate(groups)})
