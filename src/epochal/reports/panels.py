"""Panels of a timeline: stages as steps, probabilities as areas, a picture, a curve, marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from epochal.reports.colours import colour_of
from epochal.reports.markup import element
from epochal.reports.timeline import LEFT, RIGHT, TimeAxis

MOST_COLUMNS = 900  # a screen shows no more
_CLOSE_S = 1e-3
# A hypnogram is drawn with REM below wake, as scorers draw it.
_TOP_DOWN = ("W", "REM", "N1", "N2", "NREM", "N3")


def order_of(classes: tuple[str, ...]) -> tuple[int, ...]:
    """Return class numbers from the top of a hypnogram down; as listed where they are no stages."""
    numbers = range(len(classes))
    if not set(classes) <= set(_TOP_DOWN):
        return tuple(numbers)
    return tuple(sorted(numbers, key=lambda code: _TOP_DOWN.index(classes[code])))


@dataclass(frozen=True)
class Grid:
    """Where epochs lie: `onsets_s` ascending, each `length_s` long."""

    onsets_s: np.ndarray
    length_s: float

    @property
    def ends_s(self) -> np.ndarray:
        """Return where each epoch ends, or where the next begins if they overlap: `(n_epochs,)`."""
        ends = np.asarray(self.onsets_s, dtype=float) + self.length_s
        ends[:-1] = np.minimum(ends[:-1], self.onsets_s[1:])
        return ends

    def bouts(self, codes: np.ndarray) -> list[tuple[float, float, int]]:
        """Return `(start_s, end_s, code)` of the runs of one code; −1 and a gap end a run."""
        ends = self.ends_s
        changes = (np.diff(codes) != 0) | (self.onsets_s[1:] - ends[:-1] > _CLOSE_S)
        firsts = np.concatenate([[0], np.flatnonzero(changes) + 1]).astype(int)
        lasts = np.concatenate([firsts[1:], [len(codes)]]).astype(int) - 1
        return [
            (float(self.onsets_s[first]), float(ends[last]), int(codes[first]))
            for first, last in zip(firsts, lasts, strict=True)
            if codes[first] >= 0
        ]

    def columns(self, values: np.ndarray, axis: TimeAxis) -> tuple[np.ndarray, np.ndarray]:
        """Return edges `(n + 1,)` in s and the mean of `values` `(n_epochs, …)` between them.

        As many columns as there are epochs, `MOST_COLUMNS` at most; NaN where no epoch lies.
        """
        n_columns = max(1, min(MOST_COLUMNS, len(values)))
        edges = np.linspace(axis.start_s, axis.end_s, n_columns + 1)
        middles = (edges[:-1] + edges[1:]) / 2
        rows = np.searchsorted(self.onsets_s, middles, side="right") - 1
        inside = (rows >= 0) & (middles < self.ends_s[np.maximum(rows, 0)] + _CLOSE_S)
        shown = np.where(_like(inside, values), values[np.maximum(rows, 0)], np.nan)
        if len(values) > n_columns:
            own = np.searchsorted(edges, (self.onsets_s + self.ends_s) / 2, side="right") - 1
            own = np.clip(own, 0, n_columns - 1)
            sums = np.zeros_like(shown)
            np.add.at(sums, own, values)
            counts = np.bincount(own, minlength=n_columns)
            many = _like(counts > 0, values)
            shown = np.where(many, sums / np.maximum(_like(counts, values), 1), shown)
        return edges, shown


def _like(flags: np.ndarray, values: np.ndarray) -> np.ndarray:
    return flags.reshape(-1, *[1] * (values.ndim - 1))


@dataclass(frozen=True)
class Steps:
    """Stages: a line of steps, each bout in the colour of its class; `order` from top to bottom."""

    title: str
    grid: Grid
    codes: np.ndarray
    classes: tuple[str, ...]
    order: tuple[int, ...]
    row: float = 21.0

    @property
    def height(self) -> float:
        """A row per class."""
        return self.row * len(self.order) + 6

    def draw(self, axis: TimeAxis) -> Iterator[Markup]:
        """Yield the names of the classes, the steps and the bouts."""
        y = {code: 3 + self.row * (place + 0.5) for place, code in enumerate(self.order)}
        for code in self.order:
            yield element(
                "text", self.classes[code], x=LEFT - 5, y=y[code] + 4, text_anchor="end",
                class_="small",
            )  # fmt: skip
        bouts = [(*axis.x([start, end]), code) for start, end, code in self.grid.bouts(self.codes)]
        yield element("path", d=_steps(bouts, y), class_="steps", fill="none")
        for code in self.order:
            bars = "".join(
                f"M{left:.1f} {y[code]:.1f}H{max(right, left + 0.4):.1f}"
                for left, right, own in bouts
                if own == code
            )
            if bars:
                yield element("path", d=bars, stroke=colour_of(code), class_="bout", fill="none")


def _steps(bouts: list[tuple[float, float, int]], y: Mapping[int, float]) -> str:
    parts, before = [], None
    for left, right, code in bouts:
        joined = before is not None and abs(left - before) < 0.05
        parts.append(f"V{y[code]:.1f}" if joined else f"M{left:.1f} {y[code]:.1f}")
        parts.append(f"H{right:.1f}")
        before = right
    return "".join(parts)


@dataclass(frozen=True)
class Areas:
    """Probabilities of the classes, stacked; `order` from top to bottom."""

    title: str
    grid: Grid
    proba: np.ndarray  # (n_epochs, n_classes)
    order: tuple[int, ...]
    height: float = 84.0

    def draw(self, axis: TimeAxis) -> Iterator[Markup]:
        """Yield an area per class, each from the bottom up, the highest first."""
        edges, shown = self.grid.columns(self.proba, axis)
        x = axis.x(edges)
        stacked = shown[:, self.order[::-1]].cumsum(axis=1)
        for place, code in reversed(list(enumerate(self.order[::-1]))):
            tops = self.height * (1 - np.clip(stacked[:, place], 0, 1))
            yield element("path", d=_area(x, tops, self.height), fill=colour_of(code))
        yield from _scale(self.height, "1", "0")


def _area(x: np.ndarray, tops: np.ndarray, bottom: float) -> str:
    """Return the outline of columns down to the bottom; a column of NaN is left out."""
    parts, open_ = [], False
    for place, top in enumerate(tops):
        if not np.isfinite(top):
            parts.append(f"V{bottom:.1f}Z" if open_ else "")
            open_ = False
            continue
        start = "" if open_ else f"M{x[place]:.1f} {bottom:.1f}"
        parts.append(f"{start}V{top:.1f}H{x[place + 1]:.1f}")
        open_ = True
    return "".join(parts) + (f"V{bottom:.1f}Z" if open_ else "")


def _scale(height: float, top: str, bottom: str) -> Iterator[Markup]:
    for y, text in ((10.0, top), (height, bottom)):
        yield element("text", text, x=LEFT - 5, y=y, text_anchor="end", class_="small")


@dataclass(frozen=True)
class Picture:
    """A picture that spans the axis, such as a spectrogram; `top` and `bottom` name its edges."""

    title: str
    href: str
    top: str
    bottom: str
    height: float = 110.0

    def draw(self, axis: TimeAxis) -> Iterator[Markup]:
        """Yield the picture, stretched to the panel."""
        yield element(
            "image", href=self.href, x=LEFT, y=0.0, width=RIGHT - LEFT, height=self.height,
            preserveAspectRatio="none",
        )  # fmt: skip
        yield from _scale(self.height, self.top, self.bottom)


@dataclass(frozen=True)
class Curve:
    """A quantity over time, filled down to `low`; what exceeds `high` is cut."""

    title: str
    grid: Grid
    values: np.ndarray
    low: float
    high: float
    height: float = 56.0
    unit: str = ""

    def draw(self, axis: TimeAxis) -> Iterator[Markup]:
        """Yield the area and the ends of its scale."""
        edges, shown = self.grid.columns(self.values, axis)
        share = np.clip((shown - self.low) / max(self.high - self.low, 1e-12), 0, 1)
        outline = _area(axis.x(edges), self.height * (1 - share), self.height)
        yield element("path", d=outline, class_="curve")
        top, bottom = (f"{value:.3g}{self.unit}" for value in (self.high, self.low))
        yield from _scale(self.height, top, bottom)


@dataclass(frozen=True)
class Marks:
    """A line per kind of mark, ticked where an epoch has it."""

    title: str
    grid: Grid
    marks: Mapping[str, np.ndarray]
    row: float = 16.0

    @property
    def height(self) -> float:
        """A row per kind."""
        return self.row * max(1, len(self.marks))

    def draw(self, axis: TimeAxis) -> Iterator[Markup]:
        """Yield the names, and a bar over each marked stretch."""
        for place, (name, flags) in enumerate(self.marks.items()):
            y = self.row * (place + 0.5)
            yield element("text", name, x=LEFT - 5, y=y + 4, text_anchor="end", class_="small")
            codes = np.where(np.asarray(flags, dtype=bool), 0, -1)
            spans = [axis.x([start, end]) for start, end, _ in self.grid.bouts(codes)]
            bars = "".join(
                f"M{left:.1f} {y:.1f}H{max(right, left + 1.2):.1f}" for left, right in spans
            )
            if bars:
                yield element("path", d=bars, class_="mark", fill="none")
