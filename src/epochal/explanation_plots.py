"""The picture of one explained epoch: its signals over time, and what spoke for the class."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from epochal.plots import COLOURS, sign_figure
from epochal.recording import Channel

_N_SHOWN = 14
_FOR, _AGAINST = COLOURS[2], COLOURS[4]


def draw_explained_epoch(
    channels: list[Channel],
    span_s: tuple[float, float],
    contributions: pd.DataFrame,
    *,
    title: str,
    data_source: str,
) -> Figure:
    """Draw the channels over the epoch's own time, and the largest contributions beside them.

    `contributions` has `column, value, typical, contribution`, the largest first. Without channels
    (a table of features) the bars stand alone.
    """
    n_rows = max(len(channels), 1)
    figure = Figure(figsize=(13, max(4.6, 1.3 * n_rows + 1.6)), layout="constrained")
    grid = figure.add_gridspec(n_rows, 2, width_ratios=[1.5 if channels else 0.01, 1])
    axes = None
    for place, channel in enumerate(channels):
        axes = figure.add_subplot(grid[place, 0], sharex=axes)
        _draw_channel(axes, channel, span_s)
        axes.tick_params(labelbottom=place == len(channels) - 1)
    if axes is not None:
        axes.set(xlabel="Seconds from the recording's start", xlim=span_s)
    _draw_contributions(figure.add_subplot(grid[:, 1]), contributions.head(_N_SHOWN))
    figure.suptitle(title)
    sign_figure(figure, pd.Series([data_source]))
    return figure


def _draw_channel(axes: Axes, channel: Channel, span_s: tuple[float, float]) -> None:
    first, last = (round((at_s - channel.start_s) * channel.sfreq) for at_s in span_s)
    data = np.asarray(channel.data[max(first, 0) : max(last, 0)])
    time_s = channel.start_s + (max(first, 0) + np.arange(len(data))) / channel.sfreq
    axes.plot(time_s, data, color="black", linewidth=0.6)
    axes.set_ylabel(f"{channel.name}\n{channel.unit}", fontsize="x-small")
    axes.tick_params(labelsize="x-small")


def _draw_contributions(axes: Axes, rows: pd.DataFrame) -> None:
    rows = rows.iloc[::-1]
    values = rows["contribution"].to_numpy()
    colours = [_FOR if value > 0 else _AGAINST for value in values]
    axes.barh(range(len(rows)), values, color=colours)
    labels = [
        f"{row.column}\n{row.value:.3g} (typically {row.typical:.3g})"
        for row in rows.itertuples(index=False)
    ]
    axes.set_yticks(range(len(rows)), labels, fontsize="x-small")
    axes.yaxis.tick_right()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("added to the probability of the class")
