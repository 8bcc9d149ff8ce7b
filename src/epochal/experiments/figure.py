"""The comparison as a picture: macro-F1 and κ of every row, with intervals over subjects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from epochal.plots import COLOURS, sign_figure

_PANELS = {"macro_f1": "macro-F1", "kappa": "Cohen's κ"}
_ROW_INCHES = 0.26
_BASELINE, _NETWORK, _REFERENCE = COLOURS[6], COLOURS[3], COLOURS[4]


def draw_comparison(table: pd.DataFrame) -> Figure:
    """Draw each row of `compare`'s table as a dot with its interval; a line marks the reference."""
    height = 1.6 + _ROW_INCHES * len(table)
    figure = Figure(figsize=(10.5, height), layout="constrained")
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    for axes, (name, title) in zip(panels, _PANELS.items(), strict=True):
        _draw_panel(axes, table, name)
        axes.set_xlabel(f"{title}, 95 % interval over subjects")
    panels[0].set_yticks(range(len(table)), table["row"], fontsize="small")
    panels[0].invert_yaxis()
    n_subjects = int(table["n_subjects"].max())
    figure.suptitle(f"{n_subjects} held-out subjects; line: {table['reference'].iloc[0]}")
    sign_figure(figure, table["data_source"])
    return figure


def _draw_panel(axes: Axes, table: pd.DataFrame, name: str) -> None:
    values = table[name].to_numpy()
    low, high = (table[f"{name}_{end}"].fillna(table[name]).to_numpy() for end in ("low", "high"))
    networks = table["n_parameters"].notna().to_numpy()
    for chosen, colour, label in (
        (~networks, _BASELINE, "features"),
        (networks, _NETWORK, "network"),
    ):
        places = np.flatnonzero(chosen)
        if len(places):
            spread = [
                np.maximum(values - low, 0)[places], np.maximum(high - values, 0)[places]
            ]  # fmt: skip
            axes.errorbar(
                values[places], places, xerr=spread, fmt="o", color=colour, label=label, capsize=2
            )
    reference = table.loc[table["row"] == table["reference"], name]
    if len(reference):
        axes.axvline(float(reference.iloc[0]), color=_REFERENCE, linewidth=1, zorder=0)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize="small", loc="best")
