"""What every report says of a scored recording: confidence, flags, model, channels, origin."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from epochal.readers.substitution import substitutions_of
from epochal.recording import Recording
from epochal.reports.charts import Frame, Line, draw_curves
from epochal.reports.markup import Markup
from epochal.reports.page import show_figure, show_percent
from epochal.reports.signals import shown_unit
from epochal.reports.timeline import Timeline
from epochal.serving.report.material import Material, names_in_file
from epochal.serving.report.trust import tell_trust

FLAGS = {
    "missing": "A sample of a watched channel is missing.",
    "flat": "A watched channel does not move.",
    "saturated": "Too many samples sit on the window's extremes.",
    "motion_burst": "A swing far beyond the rest of the window: movement.",
    "line_noise": "The mains hold too much of the power.",
    "pop": "A jump that stays: an electrode moved.",
    "outside_reference": "More than 20 % of the features lie outside the training range.",
    "substituted": "Another derivation stands in for a missing channel.",
    "not_scored": "The model's features could not be computed; no label.",
}
UNSURE = 0.5
_SHOWN_FIGURES = {"kappa": "κ", "accuracy": "accuracy", "macro_f1": "macro-F1", "ece": "ECE"}


class ClassRow(NamedTuple):
    """What was scored as one class."""

    name: str
    n_epochs: int
    minutes: float
    share: float
    confidence: float


def class_rows(material: Material) -> list[ClassRow]:
    """Return a row per class: epochs, minutes, share of the scored, mean confidence."""
    confidence = material.epochs["confidence"].to_numpy(dtype=float)
    n_scored = max(int((material.codes >= 0).sum()), 1)
    rows = []
    for code, name in enumerate(material.classes):
        own = material.codes == code
        n, mean = int(own.sum()), float(confidence[own].mean()) if own.any() else np.nan
        rows.append(ClassRow(name, n, n * material.step_s / 60, n / n_scored, mean))
    return rows


def flag_rows(material: Material) -> list[tuple[str, str, str, str]]:
    """Return a row per kind of flag that occurs: name, epochs, minutes, what it means."""
    return [
        (kind, str(int(own.sum())), f"{own.sum() * material.step_s / 60:.1f}", FLAGS.get(kind, ""))
        for kind, own in material.flags.items()
    ]


def confidence_cards(material: Material) -> list[tuple[str, str]]:
    """Return what stands on top of every report: value and name."""
    summary = material.summary
    return [
        (show_figure(summary["mean_confidence"], 2), "mean confidence"),
        (f"{summary['n_flagged']} of {summary['n_epochs']}", "epochs flagged"),
    ]


def common(material: Material, original: Recording) -> dict[str, Any]:
    """Return what the frame of every report shows."""
    summary, manifest = material.summary, material.manifest
    unsure = float(np.nanmean(material.epochs["confidence"].to_numpy(dtype=float) < UNSURE))
    return {
        "data_source": _told_source(summary),
        "summary": summary,
        "classes": material.classes,
        "order": material.order,
        "class_rows": class_rows(material),
        "flag_rows": flag_rows(material),
        "unsure": show_percent(unsure),
        "model_facts": _model_facts(material),
        "channels": names_in_file(material, original) if original.channels else [],
        "substitutions": substitutions_of(material.recording),
        "problems": summary["problems"],
        "caveats": manifest.caveats,
        "spectra": draw_spectra(material),
        **tell_trust(summary),
    }


def _told_source(summary: dict[str, Any]) -> str:
    return (
        f"{summary['data_source']} (recording {summary['recording_data_source']}, the model's "
        f"training data {summary['training_data_source']})"
    )


def _model_facts(material: Material) -> list[tuple[str, str]]:
    manifest, summary = material.manifest, material.summary
    ahead = "no" if summary["causal"] else "yes, so it cannot run live"
    return [
        ("Model", f"{manifest.headline} of the study {manifest.study}"),
        ("Its figures", _figures(manifest.metrics)),
        ("Looks ahead", ahead),
        ("Epochs", _epochs_told(material)),
        ("Training data", f"{manifest.data_source}, SHA-256 {manifest.training_data_sha256[:16]}…"),
        (
            "Written by",
            f"Epochal {manifest.epochal_version}; scored by {summary['epochal_version']}",
        ),
    ]


def _figures(metrics: dict[str, Any]) -> str:
    known = [
        f"{told} {metrics[name]:.3f}"
        for name, told in _SHOWN_FIGURES.items()
        if isinstance(metrics.get(name), (int, float))
    ]
    origin = {"oof": "out of fold", "test": "test subjects"}.get(str(metrics.get("role")), "")
    subjects = f"{metrics['n_subjects']} subjects" if "n_subjects" in metrics else ""
    where = ", ".join(
        part for part in (origin, subjects, str(metrics.get("data_source", ""))) if part
    )
    return f"{', '.join(known) or 'none'}{f' ({where})' if where else ''}"


def _epochs_told(material: Material) -> str:
    step = "" if material.step_s == material.epoch_s else f", one every {material.step_s:g} s"
    return f"{len(material.epochs)} of {material.epoch_s:g} s{step}"


def draw_timeline(material: Material, timeline: Timeline) -> Markup:
    """Draw a timeline, or nothing where there is no time to draw."""
    return timeline.draw() if len(material.epochs) else Markup("")


def draw_spectra(material: Material) -> dict[str, Any] | None:
    """Return the chart of the main EEG's spectra, the channel and the epochs behind each."""
    found, eeg = material.spectra(), material.channel_of("EEG")
    if found is None or eeg is None:
        return None
    values = np.concatenate(list(found.by_class.values()))
    low, high = np.floor(values.min() / 5) * 5, np.ceil(values.max() / 5) * 5
    frame = Frame(
        "spectra",
        f"Spectrum of {eeg.name} in each class",
        "Mean power density by frequency, a curve per class; "
        + "; ".join(f"{name}: {n} epochs" for name, n in found.n_epochs.items()),
        (0.0, float(found.frequencies[-1])),
        (float(low), float(max(high, low + 5))),
        "Hz",
        f"dB re 1 {shown_unit(eeg)}²/Hz",
        width=620.0,
        height=300.0,
    )
    lines = [
        Line(found.frequencies, power, material.classes.index(name))
        for name, power in found.by_class.items()
    ]
    told = ", ".join(f"{name} {n}" for name, n in found.n_epochs.items())
    return {"drawing": draw_curves(frame, lines), "channel": eeg.name, "epochs": told}
