"""Figures of reliability and abstention; each says whether its data are real or simulated."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from epochal.plots import COLOURS, sign_figure

_PANEL_INCHES = 2.5
_LEAST_EPOCHS = 10  # the share of fewer is noise; the table has it
# val is left out of pictures: it has too few subjects for a curve
_STYLES = {"oof": ("o-", COLOURS[3], "out of fold"), "test": ("s--", COLOURS[4], "test")}


def draw_reliability(reliability: pd.DataFrame, calibration: pd.DataFrame) -> Figure:
    """Draw the curves of `measure_reliability`: a row per model, a column per class.

    Below each curve stands the histogram of its probabilities; bars are 95 % intervals.
    """
    shown = reliability[reliability["role"].isin(list(_STYLES))]
    models = list(dict.fromkeys(shown["model"]))
    classes = list(dict.fromkeys(shown["class"]))
    n_rows, n_columns = max(len(models), 1), max(len(classes), 2)
    figure = Figure(figsize=(_PANEL_INCHES * n_columns, 3.6 * n_rows + 0.4))
    panels = figure.subplots(
        2 * n_rows, n_columns, squeeze=False, sharex=True, sharey="row",
        height_ratios=[3, 1] * n_rows,
    )  # fmt: skip
    for row, model in enumerate(models):
        of_model = shown[shown["model"] == model]
        _draw_model(panels[2 * row : 2 * row + 2], of_model, calibration, classes)
    for axes in panels[-1]:
        axes.set_xlabel("Probability")
    # margins by hand: a layout engine needs seconds for so many panels
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        0.9 / width, 0.75 / height, 1 - 0.2 / width, 1 - 0.55 / height, 0.12, 0.35
    )
    sign_figure(figure, reliability["data_source"])
    return figure


def draw_risk_coverage(curves: pd.DataFrame, targets: pd.DataFrame) -> Figure:
    """Draw the curves of `measure_abstention`, and where the wanted error was met.

    Test rows where there are some, out of fold otherwise. A dot is what the threshold of the
    other subjects gave.
    """
    role = "test" if (curves["role"] == "test").any() else "oof"
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    named = curves[curves["role"] == role].groupby("model", sort=False)
    for place, (model, curve) in enumerate(named):
        colour, dashes = COLOURS[place % len(COLOURS)], "-" if place < len(COLOURS) else "--"
        axes.plot(curve["coverage"], curve["error"], dashes, color=colour, label=model)
        met = targets[(targets["model"] == model) & (targets["role"] == role)]
        axes.plot(met["coverage"], met["error"], "o", color=colour, markeredgecolor="black")
    for wanted in targets["wanted_error"].unique():
        axes.axhline(wanted, color="black", linewidth=0.8, linestyle=":", label="wanted error")
    axes.set(xlim=(0, 1.01), xlabel="Share of epochs answered", ylabel="Error among them")
    axes.set_ylim(bottom=0)
    axes.set_title(f"Abstention ({_STYLES[role][2]})")
    if axes.lines:
        axes.legend(fontsize="small")
    sign_figure(figure, curves["data_source"])
    return figure


def _draw_model(
    panels: np.ndarray, curves: pd.DataFrame, calibration: pd.DataFrame, classes: list[str]
) -> None:
    for name, axes, histogram in zip(classes, *panels, strict=True):
        axes.plot([0, 1], [0, 1], color="gray", linewidth=0.8)
        of_class = curves[curves["class"] == name]
        for role, curve in of_class.groupby("role"):
            _draw_curve(axes, curve, str(role))
            _draw_histogram(histogram, curve, str(role))
        axes.set_title(f"{name}\n{_errors(calibration, of_class)}", fontsize="small")
    axes.set(xlim=(0, 1), ylim=(0, 1), yticks=[0, 0.5, 1])
    axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.legend(loc="lower right", fontsize="x-small")
    histogram.set(yscale="log", ylim=(1e-4, 1), yticks=[1e-4, 1e-2, 1])
    histogram.minorticks_off()
    panels[0, 0].set_ylabel(f"{curves['model'].iloc[0]}\nshare that came true")
    panels[1, 0].set_ylabel("share of\nepochs")


def _draw_curve(axes: Axes, curve: pd.DataFrame, role: str) -> None:
    line, colour, label = _STYLES[role]
    curve = curve[curve["n_epochs"] >= _LEAST_EPOCHS]
    axes.plot(curve["mean_proba"], curve["observed"], line, color=colour, label=label, markersize=3)
    axes.vlines(
        curve["mean_proba"], curve["observed_low"], curve["observed_high"], colour, linewidth=0.6
    )


def _draw_histogram(axes: Axes, curve: pd.DataFrame, role: str) -> None:
    line, colour, _ = _STYLES[role]
    axes.hlines(
        curve["share"], curve["from_proba"], curve["to_proba"], colour,
        linewidth=1.5, linestyle="--" if "--" in line else "-",
    )  # fmt: skip


def _errors(calibration: pd.DataFrame, curves: pd.DataFrame) -> str:
    """Return the calibration errors that belong to some curves, role by role."""
    wanted = curves[["model", "role", "class"]].drop_duplicates()
    found = wanted.merge(calibration, on=["model", "role", "class"])
    return "ECE " + ", ".join(f"{ece:.3f}" for ece in found["ece"])
