"""One picture of each recording: a minute of its signals as they were read, its labels and faults.

What a person looks at before believing anything else: are these the channels, units and labels
that were meant? Signals are drawn at their own rates, unfiltered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from epochal.plots import COLOURS
from epochal.provenance import RESEARCH_USE
from epochal.recording import Channel, Recording

_WIDTH_INCHES, _EDGES_INCHES = 12.0, 1.3
_ROW_INCHES, _MANY_INCHES, _MANY = 0.62, 0.36, 10  # more rows than this are lower
_FLAG = "quality_"
_POINTS = 750  # across the picture: more samples than this are drawn by their extremes
_N_WINDOWS = 6
_N_COLUMNS = 8
_FAULT_COLOUR, _PLAIN = "#D55E00", "#333333"
_HEIGHT = 0.9  # of a row's band that its signal fills


class _Row(NamedTuple):
    """A line of the picture: `values` over `time_s`, its name left, its range right."""

    name: str
    time_s: np.ndarray
    values: np.ndarray
    unit: str = ""


def draw_stored(load: Callable[[], Recording], epochs: pd.DataFrame, *, length_s: float) -> Figure:
    """Load a recording and draw it."""
    return draw_snapshot(load(), epochs, length_s=length_s)


def draw_snapshot(recording: Recording, epochs: pd.DataFrame, *, length_s: float) -> Figure:
    """Draw `length_s` of a recording: a row per channel, its labels and flagged epochs below.

    The stretch lies around the middle one of the labelled epochs, or else in the middle of the
    longest run. Without channels, some of the windows that the recording brings are drawn, or
    columns of its table. `epochs` are the recording's own.
    """
    if recording.channels:
        start_s, end_s = choose_stretch(recording, epochs, length_s)
        rows = [_of_channel(channel, start_s, end_s) for channel in recording.channels]
        axes = _draw_rows(rows, start_s, end_s, below=True)
        _draw_epochs(axes, epochs, start_s, end_s)
        axes.set_xlabel(f"Seconds from the recording's start (here from {_clock(start_s)} on)")
    elif "windows" in recording.arrays:
        axes = _draw_windows(recording, epochs)
    else:
        axes = _draw_table(recording)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)  # `_draw_rows` made it
    _sign(figure, recording)
    return figure


def choose_stretch(
    recording: Recording, epochs: pd.DataFrame, length_s: float
) -> tuple[float, float]:
    """Return start and end in seconds of the stretch that is drawn; it lies within one run.

    It begins with an epoch where it can.
    """
    labelled = epochs[epochs["label"].notna()] if len(epochs) else epochs
    if len(labelled):
        epoch = labelled.sort_values("onset_s").iloc[len(labelled) // 2]
        centre_s = float(epoch["onset_s"] + epoch["length_s"] / 2)
    else:
        longest = max(recording.runs, key=lambda run: run[1] - run[0])
        centre_s = sum(longest) / 2
    runs = [run for run in recording.runs if run[0] <= centre_s < run[1]] or [recording.runs[0]]
    first_s, last_s = runs[0]
    start_s = centre_s - length_s / 2
    onsets_s = epochs["onset_s"].to_numpy() if len(epochs) else np.array([start_s])
    nearest_s = float(onsets_s[np.abs(onsets_s - start_s).argmin()])
    start_s = nearest_s if abs(nearest_s - start_s) <= length_s / 2 else start_s
    start_s = max(first_s, min(start_s, last_s - length_s))
    return start_s, min(last_s, start_s + length_s)


def _of_channel(channel: Channel, start_s: float, end_s: float) -> _Row:
    first = max(0, round((start_s - channel.start_s) * channel.sfreq))
    last = max(first, round((end_s - channel.start_s) * channel.sfreq))
    values = np.asarray(channel.data[first:last], dtype=float)
    time_s = channel.start_s + (first + np.arange(len(values))) / channel.sfreq
    return _Row(f"{channel.name}\n{channel.sfreq:g} Hz", *_thin(time_s, values), channel.unit)


def _thin(time_s: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the lowest and highest sample of each bit of the picture: it looks the same."""
    per_bit = len(values) // _POINTS
    if per_bit < 3:
        return time_s, values
    whole = values[: len(values) // per_bit * per_bit].reshape(-1, per_bit)
    extremes = np.stack([whole.min(axis=1), whole.max(axis=1)], axis=1).ravel()
    times_s = np.repeat(time_s[: whole.size : per_bit], 2)
    times_s[1::2] += (time_s[1] - time_s[0]) * per_bit / 2
    return times_s, extremes


def _draw_rows(rows: list[_Row], start: float, end: float, *, below: bool) -> Axes:
    """Draw rows from top to bottom into one pair of axes, each scaled to its own range."""
    n_lanes = len(rows) + (1 if below else 0)
    row_inches, gap = (_MANY_INCHES, " ") if len(rows) > _MANY else (_ROW_INCHES, "\n")
    height = row_inches * max(n_lanes, 3) + _EDGES_INCHES
    figure = Figure(figsize=(_WIDTH_INCHES, height))
    axes = figure.add_axes((0.12, 0.8 / height, 0.76, 1 - 1.25 / height))
    axes.set(xlim=(start, end), ylim=(n_lanes - 0.5, -0.5))
    names = [row.name.replace("\n", gap) for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize="small")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    for spine in ("top", "right", "left"):
        axes.spines[spine].set_visible(False)
    for lane, row in enumerate(rows):
        _draw_row(axes, row, lane, gap)
    return axes


def _draw_row(axes: Axes, row: _Row, lane: int, gap: str) -> None:
    known = row.values[np.isfinite(row.values)]
    text = "no value"
    if len(known):
        low, high = float(known.min()), float(known.max())
        span = high - low or 1.0
        scaled = lane - (row.values - (low + high) / 2) / span * _HEIGHT
        axes.plot(row.time_s, scaled, color=_PLAIN, linewidth=0.6)
        text = f"{low:.3g} to {high:.3g}\n{row.unit}".rstrip()
    axes.text(
        1.005, lane, text, transform=axes.get_yaxis_transform(), va="center", fontsize="small"
    )


def _draw_epochs(axes: Axes, epochs: pd.DataFrame, start_s: float, end_s: float) -> None:
    """Draw a lane of labels below the signals, and shade the epochs that have a fault."""
    lane = axes.get_ylim()[0] - 0.5
    shown = epochs[(epochs["onset_s"] < end_s) & (epochs["onset_s"] + epochs["length_s"] > start_s)]
    onsets_s = shown["onset_s"].to_numpy()
    ends_s = np.minimum(
        onsets_s + shown["length_s"].to_numpy(), [*onsets_s[1:], np.inf][: len(shown)]
    )
    labels = shown["label"].astype(object).where(shown["label"].notna(), "unscored")
    colours = _colour_classes(epochs["label"])
    faults = _name_faults(shown)
    for onset_s, stop_s, label, fault in zip(onsets_s, ends_s, labels, faults, strict=True):
        left, right = max(onset_s, start_s), min(stop_s, end_s)
        if right <= left:  # only a later, overlapping epoch is seen here
            continue
        colour = colours.get(label, "#DDDDDD")
        axes.barh(lane, right - left, left=left, height=0.7, color=colour, edgecolor="white",
                  alpha=0.6)  # fmt: skip
        if fault:
            axes.axvspan(left, right, color=_FAULT_COLOUR, alpha=0.12, linewidth=0)
        text = f"{label}\n{fault}" if fault else str(label)
        axes.text((left + right) / 2, lane, text, ha="center", va="center", fontsize="small",
                  clip_on=True)  # fmt: skip
    axes.set_yticks([*axes.get_yticks(), lane], [*_tick_texts(axes), "label"], fontsize="small")


def _colour_classes(labels: pd.Series) -> dict[str, str]:
    classes = sorted(map(str, labels.dropna().unique()))
    return {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(classes)}


def _tick_texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_yticklabels()]


def _name_faults(epochs: pd.DataFrame) -> list[str]:
    """Name each epoch's flags: the columns `quality_<fault>` that are true."""
    flags = [str(name) for name in epochs.select_dtypes(bool) if str(name).startswith(_FLAG)]
    return [
        ", ".join(name.removeprefix(_FLAG) for name in flags if epoch[name])
        for _, epoch in epochs.iterrows()
    ]


def _draw_windows(recording: Recording, epochs: pd.DataFrame) -> Axes:
    """Draw some of the given windows, spread evenly over the recording; their first channel."""
    windows = recording.arrays["windows"]
    sfreq = recording.metadata.get("sfreq")
    step = 1.0 / float(sfreq) if sfreq else 1.0
    chosen = np.unique(np.linspace(0, len(windows) - 1, _N_WINDOWS).round().astype(int))
    labels = epochs.set_index("epoch")["label"].reindex(chosen)
    time = np.arange(windows.shape[2]) * step
    rows = [
        _Row(
            f"epoch {number}\n{'unscored' if pd.isna(label) else f'label {label}'}",
            *_thin(time, windows[number, 0].astype(float)),
        )
        for number, label in zip(chosen, labels, strict=True)
    ]
    axes = _draw_rows(rows, 0.0, float(time[-1]), below=False)
    rate = f" ({float(sfreq):g} Hz)" if sfreq else ""
    axes.set_xlabel(f"{'Seconds' if sfreq else 'Samples'} from each window's start{rate}")
    return axes


def _draw_table(recording: Recording) -> Axes:
    """Draw the first columns of a table, in the order of its rows."""
    table = pd.DataFrame() if recording.table is None else recording.table
    index = {"onset_s", "length_s", "run", "epoch"}
    names = [name for name in table.select_dtypes("number") if name not in index]
    order = np.arange(len(table), dtype=float)
    rows = [
        _Row(str(name), *_thin(order, table[name].to_numpy(dtype=float)))
        for name in names[:_N_COLUMNS]
    ]
    axes = _draw_rows(rows, 0, max(1, len(table) - 1), below=False)
    axes.set_xlabel(
        f"Row; the first {len(rows)} of {len(names)} columns of a table without signals"
    )
    return axes


def _clock(seconds: float) -> str:
    minutes = round(seconds) // 60
    return f"{minutes // 60}:{minutes % 60:02d}:{round(seconds) % 60:02d}"


def _sign(figure: Figure, recording: Recording) -> None:
    """Write above what is seen, and below what it may be used for; simulated data stand out."""
    height = figure.get_size_inches()[1]
    title_y, foot_y = 1 - 0.12 / height, 0.08 / height
    figure.text(0.12, title_y, recording.recording_id, va="top", weight="bold")
    if recording.data_source == "simulated":
        figure.text(0.88, title_y, "SIMULATED", ha="right", va="top", color="white", weight="bold",
                    bbox={"facecolor": _FAULT_COLOUR, "edgecolor": "none", "pad": 3})  # fmt: skip
    figure.text(0.5, foot_y, f"Data: {recording.data_source}. {RESEARCH_USE}", ha="center",
                fontsize="small", color="dimgray")  # fmt: skip
