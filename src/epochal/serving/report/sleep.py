"""The sleep report of a person's night: the AASM's figures, each with its definition."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from epochal.errors import EpochalError
from epochal.hypnogram.grid import place_on_grid
from epochal.hypnogram.sleep_statistics import (
    DEFINITIONS,
    NOT_AVAILABLE,
    NOT_PRODUCED,
    SleepStatistics,
    measure_sleep,
    show,
)
from epochal.recording import Recording
from epochal.reports.page import render
from epochal.reports.timeline import Timeline
from epochal.serving.report.facts import common, confidence_cards, draw_timeline
from epochal.serving.report.material import Material

CARDS = ("tst_min", "se_percent", "sol_min", "waso_min", "waso_spt_min", "rem_latency_min")


class Statistic(NamedTuple):
    """A row of the table: what it is called, its value as it is printed, its definition."""

    name: str
    value: str
    definition: str


class Night(NamedTuple):
    """The statistics of a night, the lights that they used, and what was wrong with them."""

    statistics: SleepStatistics
    lights: tuple[float | None, float | None]
    problem: str = ""


def write_sleep_report(material: Material, original: Recording) -> str:
    """Return the page of one night."""
    night = measure_night(material)
    return render(
        "sleep.html",
        title=f"Sleep report: {material.recording.recording_id}",
        cards=_cards(night.statistics) + confidence_cards(material),
        statistics=list_statistics(night.statistics),
        lights=describe_lights(night),
        not_produced=NOT_PRODUCED,
        timeline=draw_timeline(material, lay_night(material, night)),
        **common(material, original),
    )


def measure_night(material: Material) -> Night:
    """Return the statistics between the lights, or of the whole where these cannot be used."""
    off_s, on_s = material.lights
    labels, artefact = on_time_grid(material)
    start_s = float(material.grid.onsets_s[0])
    given: dict[str, Any] = {"epoch_s": material.epoch_s, "artefact": artefact}
    try:
        found = measure_sleep(
            labels,
            lights_off_s=None if off_s is None else off_s - start_s,
            lights_on_s=None if on_s is None else on_s - start_s,
            **given,
        )
    except EpochalError as error:
        return Night(measure_sleep(labels, **given), (None, None), f"{error}: lights not used.")
    return Night(found, (off_s, on_s))


def on_time_grid(material: Material) -> tuple[list[str | None], np.ndarray]:
    """Return labels and artefacts of a night without holes: a gap in the file is unscored."""
    onsets_s = material.grid.onsets_s
    places = place_on_grid(onsets_s, start_s=onsets_s[0], epoch_s=material.epoch_s)
    labels: list[str | None] = [None] * (int(places[-1]) + 1)
    artefact = np.zeros(len(labels), dtype=bool)
    for place, label, bad in zip(places, material.epochs["label"], material.artefact, strict=True):
        labels[place], artefact[place] = label or None, bad
    return labels, artefact


def list_statistics(found: SleepStatistics) -> list[Statistic]:
    """Return every statistic with its definition, and the reason where it is not available."""
    rows = []
    for key, (name, unit, text) in DEFINITIONS.items():
        reason = found.missing.get(key)
        told = NOT_AVAILABLE if reason is None else f"{NOT_AVAILABLE}: {reason}"
        value = told if found.values[key] is None else show(found.values[key], unit)
        rows.append(Statistic(name, value, text))
    return rows


def _cards(found: SleepStatistics) -> list[tuple[str, str]]:
    shown = [
        (show(found.values[key], DEFINITIONS[key].unit), DEFINITIONS[key].name) for key in CARDS
    ]
    return [(value, name) for value, name in shown if value != NOT_AVAILABLE]


def describe_lights(night: Night) -> str:
    """Say which lights the statistics rest on."""
    off_s, on_s = night.lights
    if off_s is None and on_s is None:
        return (
            f"{night.problem} Lights off and on are not known: what is counted from them is not "
            "available, and all epochs count. Give them by --lights-off and --lights-on, in "
            "seconds from the recording's start, or as annotations of the file."
        ).strip()
    told = [
        f"lights {which} at {'an unknown time' if at is None else _clock(at)}"
        for which, at in (("off", off_s), ("on", on_s))
    ]
    return f"Counted with {' and '.join(told)} from the recording's start."


def _clock(seconds: float) -> str:
    sign, whole = "−" if seconds < 0 else "", round(abs(seconds))
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def lay_night(material: Material, night: Night) -> Timeline:
    """Return the night's panels, with the lights marked."""
    moments = [
        (at, f"lights {which}")
        for which, at in zip(("off", "on"), night.lights, strict=True)
        if at is not None and material.axis.start_s <= at <= material.axis.end_s
    ]
    counts = ", ".join(f"{name} {n}" for name, n in material.summary["epochs_per_class"].items())
    return Timeline(
        [*material.stage_panels(), *material.signal_panels()],
        material.axis,
        "night",
        f"The night {material.recording.recording_id}",
        f"Hypnogram, probabilities, flags, spectrogram, muscle tone over time. Epochs: {counts}.",
        moments=moments,
    )
