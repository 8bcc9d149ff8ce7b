"""The page of a recording that is no sleep: classes over time, burden by the hour."""

from __future__ import annotations

from epochal.recording import Recording
from epochal.reports.page import render
from epochal.reports.panels import Curve
from epochal.reports.signals import trend_panels
from epochal.reports.timeline import Panel, Timeline
from epochal.serving.report.facts import (
    ClassRow,
    class_rows,
    common,
    confidence_cards,
    draw_timeline,
)
from epochal.serving.report.hours import HOUR_S, count_hours, draw_hours
from epochal.serving.report.material import Material

BURDEN_KINDS = ("icu_eeg",)
_N_CARDS = 4


def write_plain_report(material: Material, original: Recording) -> str:
    """Return the page of one recording."""
    hours = count_hours(material, None)
    is_burden = material.manifest.recording_kind in BURDEN_KINDS
    return render(
        "plain.html",
        title=f"Scored recording: {material.recording.recording_id}",
        cards=_cards(class_rows(material)) + confidence_cards(material),
        is_burden=is_burden,
        hours=hours if is_burden or len(hours) > 1 else [],
        hours_figure=draw_hours(material, hours, x_label="hour from the start"),
        timeline=draw_timeline(material, _lay(material)),
        **common(material, original),
    )


def _cards(rows: list[ClassRow]) -> list[tuple[str, str]]:
    most = sorted(rows, key=lambda row: -row.n_epochs)[:_N_CARDS]
    return [(f"{100 * row.share:.1f} %", row.name) for row in most if row.n_epochs]


def _lay(material: Material) -> Timeline:
    confidence = material.epochs["confidence"].to_numpy(dtype=float)
    panels: list[Panel] = material.stage_panels()
    panels.insert(2, Curve("Confidence", material.grid, confidence, 0.0, 1.0, height=44.0))
    hours = (material.axis.end_s - material.axis.start_s) / HOUR_S
    return Timeline(
        [*panels, *(material.signal_panels() or trend_panels(material.recording))],
        material.axis,
        "recording",
        f"The recording {material.recording.recording_id}",
        f"Classes, probabilities, confidence and flags over {hours:.2f} hours.",
    )
