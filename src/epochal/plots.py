"""Figures of an evaluation; each says whether its data are real or simulated."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from epochal.labels import encode, proba_columns
from epochal.metrics import confusion
from epochal.provenance import RESEARCH_USE

# Okabe and Ito's colours: told apart with any colour vision.
COLOURS = ["#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#999999"]
_PANEL_INCHES = 3.4
_HOUR_S = 3600.0


def draw_confusions(
    predictions: pd.DataFrame, epochs: pd.DataFrame, classes: tuple[str, ...]
) -> Figure:
    """Draw a confusion matrix, shares of the truth in rows, for every model and role."""
    rows = predictions.merge(
        epochs[["recording_id", "epoch", "label", "data_source"]], on=["recording_id", "epoch"]
    )
    rows = rows[rows["label"].notna()]
    groups = list(rows.groupby(["model", "role"], sort=False))
    n_columns = min(4, len(groups))
    n_rows = -(-len(groups) // n_columns)
    figure = Figure(
        figsize=(_PANEL_INCHES * n_columns, _PANEL_INCHES * n_rows + 0.4), layout="constrained"
    )
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, ((model, role), part) in zip(panels, groups, strict=False):
        _draw_confusion(axes, part, classes, title=f"{model} ({role})")
    for axes in panels[len(groups) :]:
        axes.set_axis_off()
    sign_figure(figure, rows["data_source"])
    return figure


def draw_timeline(
    predictions: pd.DataFrame, epochs: pd.DataFrame, classes: tuple[str, ...], *, model: str
) -> Figure:
    """Draw one recording over time: truth, prediction, the probability of each class."""
    rows = epochs.merge(predictions, on=["recording_id", "epoch"]).sort_values("epoch")
    hours = rows["onset_s"].to_numpy() / _HOUR_S
    proba = rows[proba_columns(classes)].to_numpy()
    figure = Figure(figsize=(11, 6), layout="constrained")
    truth_axes, guess_axes, proba_axes = figure.subplots(
        3, 1, sharex=True, height_ratios=[2, 2, 1.5]
    )
    _draw_steps(truth_axes, hours, encode(rows["label"], classes), classes, "Scored")
    _draw_steps(guess_axes, hours, proba.argmax(axis=1), classes, f"{model}")
    _draw_probabilities(proba_axes, hours, proba, classes)
    figure.suptitle(f"{rows['recording_id'].iloc[0]} ({rows['role'].iloc[0]})")
    sign_figure(figure, rows["data_source"])
    return figure


def draw_scored(
    epochs: pd.DataFrame, summary: dict[str, object], classes: tuple[str, ...]
) -> Figure:
    """Draw a scored recording: labels with flagged epochs marked, and the probabilities."""
    hours = epochs["onset_s"].to_numpy() / _HOUR_S
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    label_axes, proba_axes = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1.5])
    _draw_steps(label_axes, hours, encode(epochs["label"], classes), classes, str(summary["model"]))
    flagged = hours[(epochs["flags"] != "").to_numpy()]
    label_axes.plot(
        flagged, np.full(len(flagged), -0.6), "|", color="black", label="flagged", markersize=6
    )
    label_axes.legend(loc="upper right", fontsize="small")
    _draw_probabilities(proba_axes, hours, epochs[proba_columns(classes)].to_numpy(), classes)
    figure.suptitle(str(summary["recording_id"]))
    sign_figure(figure, pd.Series([summary["data_source"]]))
    return figure


def _draw_probabilities(
    axes: Axes, hours: np.ndarray, proba: np.ndarray, classes: tuple[str, ...]
) -> None:
    axes.stackplot(hours, proba.T, colors=COLOURS[: len(classes)], labels=classes)
    axes.set(ylim=(0, 1), ylabel="Probability", xlabel="Hours from the recording's start")
    axes.legend(loc="upper right", ncols=len(classes), fontsize="small", framealpha=0.9)


def _draw_confusion(
    axes: Axes, rows: pd.DataFrame, classes: tuple[str, ...], *, title: str
) -> None:
    guess = rows[proba_columns(classes)].to_numpy().argmax(axis=1)
    counts = confusion(encode(rows["label"], classes), guess, len(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.5 else "black"
        axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=colour, fontsize=8)
    ticks = range(len(classes))
    axes.set(xticks=ticks, yticks=ticks, xticklabels=classes, yticklabels=classes)
    axes.set(xlabel="Predicted", ylabel="Scored", title=title)


def _draw_steps(
    axes: Axes, hours: np.ndarray, codes: np.ndarray, classes: tuple[str, ...], label: str
) -> None:
    known = np.where(codes < 0, np.nan, codes.astype(float))
    axes.step(hours, known, where="post", color="black", linewidth=0.8)
    for code in range(len(classes)):
        at = codes == code
        axes.scatter(hours[at], codes[at], s=3, color=COLOURS[code], zorder=3)
    axes.set(yticks=range(len(classes)), yticklabels=classes, ylabel=label)
    axes.invert_yaxis()


def sign_figure(figure: Figure, data_source: pd.Series) -> None:
    """Write below the figure what its data are and what it may be used for."""
    known = sorted({part for text in data_source for part in text.split("/")})
    sources = " and ".join(known) or "none"
    figure.supxlabel(f"Data: {sources}. {RESEARCH_USE}", fontsize="small", color="dimgray")
