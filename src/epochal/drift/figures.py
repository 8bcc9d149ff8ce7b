"""The picture of a verdict: what was measured against its limit, and what drives it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from epochal.drift.distances import N_EDGES
from epochal.drift.reference import DriftReference
from epochal.plots import COLOURS, sign_figure

_N_SHOWN = 6
_HOUR_S = 3600.0
_BEYOND, _WITHIN = COLOURS[4], COLOURS[3]
_SHORTEST, _LONGEST = 0.0, 1.6  # of the limit, that bars are drawn to


def draw_drift(
    verdict: dict[str, Any],
    windows: pd.DataFrame,
    features: pd.DataFrame,
    reference: DriftReference,
) -> Figure:
    """Draw each statistic against the limit, the strangest features' distributions, and windows.

    `verdict`, `windows` and `features` are what `serving.drift_check.judge_recording` returns; the
    windows' panel is left out where there are none.
    """
    drivers = [one["feature"] for one in verdict.get("drivers", [])][:_N_SHOWN]
    figure = Figure(figsize=(12, 6.4 if windows.empty else 8.4), layout="constrained")
    rows = [2.0, 2.0] if windows.empty else [2.0, 2.0, 1.2]
    grid = figure.add_gridspec(len(rows), 4, height_ratios=rows)
    _draw_statistics(figure.add_subplot(grid[0:2, 0]), verdict)
    for place, name in enumerate(drivers):
        axes = figure.add_subplot(grid[place // 3, 1 + place % 3])
        _draw_distribution(axes, name, features, reference)
    if not windows.empty:
        _draw_windows(figure.add_subplot(grid[2, :]), windows)
    figure.suptitle(f"{verdict['recording_id']}: {describe_verdict(verdict)}")
    sign_figure(figure, pd.Series([verdict["data_source"]]))
    return figure


def describe_verdict(verdict: dict[str, Any]) -> str:
    """Return a verdict in one sentence."""
    if verdict["drift"] is None:
        return f"not judged: {verdict['reason']}"
    against = f"score {verdict['score']:.2f}, limit {verdict['limit']:.2f}"
    if not verdict["drift"]:
        return f"no drift ({against}; {verdict['compared_with']})"
    if verdict["lost_features"]:
        against += f"; without {', '.join(verdict['lost_features'][:3])}"
    fault = verdict["likely_fault"]
    return f"DRIFT ({against})" + (f", as if {fault}" if fault else "")


def _draw_statistics(axes: Axes, verdict: dict[str, Any]) -> None:
    statistics = verdict.get("statistics", {})
    names = sorted(statistics, key=lambda name: statistics[name])
    limit = verdict.get("limit", 1.0)
    shares = np.clip([statistics[name] / limit for name in names], _SHORTEST, _LONGEST)
    colours = [_BEYOND if share > 1 else _WITHIN for share in shares]
    axes.barh(range(len(names)), shares, color=colours)
    axes.axvline(1.0, color="black", linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(names)), names, fontsize="x-small")
    axes.set(xlim=(_SHORTEST, _LONGEST), xlabel="of the limit that 95 % of\nleft-out subjects keep")
    axes.set_title("Statistics", fontsize="small")


def _draw_distribution(
    axes: Axes, name: str, features: pd.DataFrame, reference: DriftReference
) -> None:
    percentiles = np.array(reference.features[name].percentiles)
    shares = np.linspace(0, 1, N_EDGES)
    axes.plot(percentiles, shares, color="gray", linewidth=2, label="training")
    given = features[name].dropna() if name in features else pd.Series(dtype=float)
    values = np.sort(given.to_numpy(dtype=float))
    axes.plot(values, np.linspace(0, 1, len(values)), color=_BEYOND, label="this recording")
    low, high = percentiles[[1, -2]]
    if len(values):
        inner = np.quantile(values, [0.01, 0.99])
        low, high = min(low, inner[0]), max(high, inner[1])
    axes.set_xlim(low, high if high > low else low + 1)
    axes.set_title(name, fontsize="small")
    axes.tick_params(labelsize="x-small")
    axes.set_ylabel("share below", fontsize="x-small")
    axes.legend(fontsize="x-small")


def _draw_windows(axes: Axes, windows: pd.DataFrame) -> None:
    hours = windows["onset_s"].to_numpy(dtype=float) / _HOUR_S
    shares = (windows["score"] / windows["limit"]).to_numpy(dtype=float)
    axes.plot(hours, shares, "o-", color="black", markersize=3, linewidth=0.8)
    beyond = shares > 1
    axes.plot(hours[beyond], shares[beyond], "o", color=_BEYOND)
    axes.axhline(1.0, color="black", linewidth=0.8, linestyle=":")
    axes.set(xlabel="Hours from the recording's start", ylabel="score / limit", ylim=(0, None))
    axes.set_title("Windows", fontsize="small")
