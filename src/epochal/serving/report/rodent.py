"""The report of an animal's recording: states by zeitgeber hour, bouts by light and dark."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epochal.hypnogram.bouts import find_bouts
from epochal.recording import Recording
from epochal.reports.page import render
from epochal.reports.timeline import Timeline
from epochal.serving.report.facts import common, confidence_cards, draw_timeline
from epochal.serving.report.hours import (
    HOUR_S,
    Light,
    count_hours,
    draw_hours,
    light_of,
    phases_at,
)
from epochal.serving.report.material import Material
from epochal.serving.report.sleep import on_time_grid


class BoutRow(NamedTuple):
    """The bouts of one class in one phase; lengths in seconds."""

    phase: str
    name: str
    n_bouts: int
    per_hour: float
    median_s: float
    mean_s: float
    longest_s: float


def write_rodent_report(material: Material, original: Recording) -> str:
    """Return the page of one animal's recording."""
    light = light_of(material)
    hours = count_hours(material, light)
    return render(
        "rodent.html",
        title=f"Rodent report: {material.recording.recording_id}",
        cards=_cards(material) + confidence_cards(material),
        light=describe_light(light),
        hours=hours,
        hours_figure=draw_hours(
            material, hours, x_label="zeitgeber hour" if light else "hour from the start"
        ),
        bouts=measure_bouts(material, light),
        artefact_min=f"{material.artefact.sum() * material.step_s / 60:.1f}",
        timeline=draw_timeline(material, _lay(material, light)),
        **common(material, original),
    )


def _cards(material: Material) -> list[tuple[str, str]]:
    scored = max(int((material.codes >= 0).sum()), 1)
    return [
        (f"{100 * (material.codes == code).sum() / scored:.1f} %", name)
        for code, name in enumerate(material.classes)
    ]


def describe_light(light: Light | None) -> str:
    """Say what the hours count from."""
    if light is None:
        return (
            "Lights on and off are not known: hours count from the recording's start, and light "
            "and dark are not told apart. A side file, or --lights-on and --lights-off, tell them."
        )
    on_h, length_h = light.on_s / HOUR_S, light.length_s / HOUR_S
    return (
        f"Zeitgeber hour 0 begins when the lights go on ({on_h:.2f} h from the recording's start, "
        f"and every 24 h); they stay on for {length_h:g} h. Several days are summed."
    )


def measure_bouts(material: Material, light: Light | None) -> list[BoutRow]:
    """Return the bouts of each class in light and in dark; one belongs to where it begins.

    A bout ends with an epoch of another class, without a label, or with a gap. Rates are per hour
    of scored time in that phase.
    """
    labels, _ = on_time_grid(material)
    starts_s = material.grid.onsets_s[0] + material.epoch_s * np.arange(len(labels))
    phases = phases_at(light, starts_s)
    scored = np.array([label is not None for label in labels])
    bouts = find_bouts(labels)
    rows = []
    for phase in dict.fromkeys(phases):
        hours = (scored & (phases == phase)).sum() * material.epoch_s / HOUR_S
        for name in material.classes:
            lengths = [b.n_epochs for b in bouts if b.label == name and phases[b.first] == phase]
            lengths_s = np.array(lengths) * material.epoch_s
            rows.append(_row(str(phase), name, lengths_s, hours))
    return rows


def _row(phase: str, name: str, lengths_s: np.ndarray, hours: float) -> BoutRow:
    n_bouts = len(lengths_s)
    if not n_bouts:
        return BoutRow(phase, name, 0, 0.0, np.nan, np.nan, np.nan)
    return BoutRow(
        phase,
        name,
        n_bouts,
        n_bouts / hours if hours else np.nan,
        float(np.median(lengths_s)),
        float(lengths_s.mean()),
        float(lengths_s.max()),
    )


def _lay(material: Material, light: Light | None) -> Timeline:
    axis = material.axis
    dark = light.dark_spans(axis.start_s, axis.end_s) if light else []
    counts = ", ".join(f"{name} {n}" for name, n in material.summary["epochs_per_class"].items())
    return Timeline(
        [*material.stage_panels(), *material.signal_panels()],
        axis,
        "recording",
        f"The recording {material.recording.recording_id}",
        f"States, probabilities, flags, spectrogram and muscle tone over time. Epochs: {counts}.",
        shaded=dark,
    )
