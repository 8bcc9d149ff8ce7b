"""Figures of explanations; each says whether its data are real or simulated."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from epochal.evaluation.explanation.tables import area_under_deletion
from epochal.plots import COLOURS, sign_figure

N_SHOWN = 12
_PANEL_INCHES = 2.6
_FIRST = ("role", "model", "unit")


def draw_importances(table: pd.DataFrame, deletion: pd.DataFrame) -> Figure:
    """Draw the features that count most for each class, and the deletion curve beside them.

    `table` is of one model, from `tabulate`; an empty one gives an empty figure that says so.
    """
    features = table[table["level"] == "feature"]
    classes = list(dict.fromkeys(features["class"]))
    figure = Figure(figsize=(_PANEL_INCHES * (len(classes) + 2), 5.2), layout="constrained")
    if features.empty:
        figure.text(0.5, 0.5, "Nothing was explained: see the run's log", ha="center")
        sign_figure(figure, table["data_source"])
        return figure
    widths = [1.0] * len(classes) + [1.4]
    panels = figure.subplots(1, len(classes) + 1, width_ratios=widths, squeeze=False)[0]
    order = features.groupby("name")["mean_abs"].sum().nlargest(N_SHOWN).index[::-1]
    for code, (name, axes) in enumerate(zip(classes, panels, strict=False)):
        _draw_bars(axes, features[features["class"] == name], list(order), code)
    panels[0].set_yticks(range(len(order)), order, fontsize="x-small")
    _draw_deletion(panels[-1], deletion)
    role, model, unit = (str(table[name].iloc[0]) for name in _FIRST)
    figure.suptitle(f"{model}: mean |contribution| by class, in {unit} ({role} epochs)")
    sign_figure(figure, table["data_source"])
    return figure


def draw_epoch(
    signal: np.ndarray,
    attribution: np.ndarray | None,
    *,
    sfreq: float,
    channels: tuple[str, ...],
    title: str,
    data_source: str,
    onset_s: float = 0.0,
) -> Figure:
    """Draw one epoch's channels over time, coloured by what spoke for the class and against it.

    `signal` and `attribution` are `(n_channels, n_samples)`; attributions are smoothed over a
    fortieth of the window, and share one scale of colours.
    """
    figure = Figure(figsize=(11, 1.6 * len(channels) + 1.4), layout="constrained")
    panels = figure.subplots(len(channels), 1, sharex=True, squeeze=False)[:, 0]
    smoothed = None if attribution is None else smooth_over_time(attribution)
    limit = 1.0 if smoothed is None else float(np.abs(smoothed).max()) or 1.0
    time_s = onset_s + np.arange(signal.shape[1]) / sfreq
    for place, (axes, name) in enumerate(zip(panels, channels, strict=True)):
        colours = None if smoothed is None else smoothed[place]
        _draw_coloured(axes, time_s, signal[place], colours, limit)
        axes.set_ylabel(name, fontsize="small")
    panels[-1].set_xlabel("Seconds from the recording's start")
    if smoothed is not None:
        bar = figure.colorbar(panels[0].collections[0], ax=list(panels), pad=0.01)
        bar.set_label("against ← the class → for", fontsize="small")
        bar.set_ticks([])
    figure.suptitle(title)
    sign_figure(figure, pd.Series([data_source]))
    return figure


def smooth_over_time(attribution: np.ndarray, *, n_parts: int = 40) -> np.ndarray:
    """Return the moving sum over a fortieth of the window: single samples mean nothing."""
    width = max(1, attribution.shape[-1] // n_parts)
    kernel = np.ones(width)
    return np.stack([np.convolve(row, kernel, mode="same") for row in attribution])


def _draw_bars(axes: Axes, rows: pd.DataFrame, order: list[str], code: int) -> None:
    values = rows.set_index("name")["mean_abs"].reindex(order)
    axes.barh(range(len(order)), values, color=COLOURS[code % len(COLOURS)])
    axes.set_yticks(range(len(order)), [])
    axes.set_title(str(rows["class"].iloc[0]), fontsize="small")
    axes.tick_params(axis="x", labelsize="x-small")


def _draw_deletion(axes: Axes, curve: pd.DataFrame) -> None:
    shares = curve["share_deleted"]
    for of, style, label in (("ranked", "-", "by contribution"), ("random", "--", "at random")):
        area = area_under_deletion(curve, of)
        axes.plot(shares, curve[of], style, color="black", label=f"{label} (area {area:.2f})")
    axes.fill_between(shares, curve["random_low"], curve["random_high"], color="lightgray")
    axes.set(xlabel="Share of columns taken away", ylim=(0, 1.02))
    axes.set_title("Mean probability of the chosen class", fontsize="small")
    axes.legend(fontsize="x-small")


def _draw_coloured(
    axes: Axes, time_s: np.ndarray, values: np.ndarray, colours: np.ndarray | None, limit: float
) -> None:
    if colours is None:
        axes.plot(time_s, values, color="black", linewidth=0.6)
        axes.margins(x=0)
        return
    points = np.stack([time_s, values], axis=1)
    lines = LineCollection(
        list(np.stack([points[:-1], points[1:]], axis=1)), cmap="coolwarm", linewidths=0.9
    )
    lines.set_array(colours[:-1])
    lines.set_clim(-limit, limit)
    axes.add_collection(lines)
    axes.set_facecolor("#f4f4f4")
    axes.autoscale()
    axes.margins(x=0)
