"""Time in each class hour by hour: of the day that begins with the light, or of the recording."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from epochal.reports.charts import Frame, draw_bars
from epochal.serving.report.material import Material

HOUR_S, DAY_S = 3600.0, 86400.0
LIGHT, DARK = "light", "dark"


class Light(NamedTuple):
    """The cycle of 24 hours: when the light goes on, in s from the start, and how long it stays."""

    on_s: float
    length_s: float

    def is_on(self, seconds: np.ndarray | float) -> np.ndarray:
        """Tell at which moments it is light."""
        return (np.asarray(seconds, dtype=float) - self.on_s) % DAY_S < self.length_s

    def dark_spans(self, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return the dark stretches within some time."""
        first = np.floor((start_s - self.on_s) / DAY_S)
        days = self.on_s + DAY_S * np.arange(first, np.ceil((end_s - self.on_s) / DAY_S) + 1)
        spans = [
            (max(start_s, on + self.length_s), min(end_s, on + DAY_S)) for on in map(float, days)
        ]
        return [(begin, end) for begin, end in spans if end > begin]


def light_of(material: Material) -> Light | None:
    """Return the cycle of light, None where the recording does not tell both ends."""
    off_s, on_s = material.lights
    if off_s is None or on_s is None:
        return None
    return Light(on_s, (off_s - on_s) % DAY_S)


class Hour(NamedTuple):
    """An hour's scored minutes, and those of each class; `phase` is empty if not told."""

    name: str
    phase: str
    minutes: float
    by_class: tuple[float, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Return each class's share of the hour's labelled minutes."""
        return tuple(one / self.minutes if self.minutes else 0.0 for one in self.by_class)


def count_hours(material: Material, light: Light | None) -> list[Hour]:
    """Return the hours that have an epoch.

    With a cycle of light they are zeitgeber hours, 0 when it goes on, and days are summed; else
    they count from the recording's start. An epoch belongs to the hour of its middle.
    """
    middles_s = material.grid.onsets_s + material.epoch_s / 2
    since_s = middles_s if light is None else (middles_s - light.on_s) % DAY_S
    hours = np.floor(since_s / HOUR_S).astype(int)
    named = "hour {}" if light is None else "ZT {}"
    rows = []
    for hour in np.unique(hours):
        codes = material.codes[hours == hour]
        counts = np.bincount(codes[codes >= 0], minlength=len(material.classes))
        minutes = counts * material.step_s / 60
        phase = _phase(light, light.on_s + (hour + 0.5) * HOUR_S) if light else ""
        rows.append(
            Hour(named.format(hour), phase, float(minutes.sum()), tuple(map(float, minutes)))
        )
    return rows


def _phase(light: Light | None, seconds: float) -> str:
    if light is None:
        return ""
    return LIGHT if bool(light.is_on(seconds)) else DARK


def phases_at(light: Light | None, seconds: np.ndarray) -> np.ndarray:
    """Return `light`, `dark`, or `all` where it is not told."""
    if light is None:
        return np.full(len(seconds), "all")
    return np.where(light.is_on(seconds), LIGHT, DARK)


def draw_hours(material: Material, hours: list[Hour], *, x_label: str) -> Markup:
    """Draw the hours as stacked bars of shares, the dark ones on a dark ground."""
    names = [hour.name.split()[-1] for hour in hours]
    frame = Frame(
        "hours",
        "Time in each class by hour",
        "; ".join(
            f"{hour.name}: "
            + ", ".join(
                f"{name} {share:.0%}"
                for name, share in zip(material.classes, hour.shares, strict=True)
            )
            for hour in hours
        ),
        (0.0, float(len(hours))),
        (0.0, 1.0),
        x_label,
        "share of scored time",
        width=760.0,
        height=260.0,
    )
    shares = np.array([hour.shares for hour in hours])
    dark = [hour.phase == DARK for hour in hours]
    return draw_bars(frame, shares, names, order=material.order, shaded=dark)
