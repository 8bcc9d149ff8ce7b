"""The model card of a bundle: intended use, populations, figures, failures; plain Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import Manifest
from epochal.serving.entries import Adaptation, ModelEntry, TrainingFacts

_SHOWN = ("kappa", "accuracy", "macro_f1", "log_loss", "ece")


def write_card(manifest: Manifest) -> str:
    """Return the model card: what it is for, whom it learnt from, how it fares and fails."""
    sections = {
        "Intended use": _intended_use(manifest),
        "Trained on": _trained_on(manifest),
        "Out-of-fold figures": _table(("figure", "value"), manifest.metrics.items()),
        "By groups of subjects, out of fold": _strata(manifest),
        "Failure modes": _failures(manifest),
        "Adapted to a lab": _adapted(manifest.adaptation),
        "Files of 8 bits": _quantised(manifest.models),
        "Caveats": _bullets(manifest.caveats) or "- none stated",
        "Not intended for": "Diagnosis, treatment or alarms. Recordings unlike the training data "
        "are refused or flagged.",
    }
    body = "\n\n".join(f"## {name}\n\n{text}" for name, text in sections.items() if text)
    return (
        f"# Model card: {manifest.study}\n\n{RESEARCH_USE} An aid to be reviewed by a person who "
        f"scores such recordings.\n\n{_facts(manifest)}\n\n{body}\n"
    )


def _facts(manifest: Manifest) -> str:
    kind = "causal" if manifest.causal else "looks ahead"
    return _bullets(
        [
            f"Classes: {', '.join(manifest.classes)}",
            f"Recordings: {manifest.recording_kind}; "
            f"epochs of {manifest.ingestion.epoch_length_s:g} s",
            f"Trained on **{manifest.data_source}** data "
            f"(SHA-256 {manifest.training_data_sha256[:16]}…)",
            f"Headline model: {manifest.headline} ({kind}), chosen by out-of-fold κ, never by the "
            "test subjects",
            f"Made by Epochal {manifest.epochal_version}",
        ]
    )


def _intended_use(manifest: Manifest) -> str:
    lines = [
        f"To propose a class for each epoch of recordings of the kind `{manifest.recording_kind}`, "
        "which somebody then reviews; to compare scorings in research.",
    ]
    for channel in manifest.channels:
        rate = ""
        if channel.sfreq_hz is not None:
            low, high = channel.sfreq_hz
            span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            rate = f", {span} Hz in training" + (f", {channel.unit}" if channel.unit else "")
        needed = "required" if channel.required else "optional"
        lines.append(f"Channel `{channel.name}`: {needed}{rate}")
    return _bullets(lines)


def _trained_on(manifest: Manifest) -> str:
    lines = [line for line in (manifest.population, *manifest.licences) if line]
    if manifest.training is not None:
        lines += _count(manifest.training)
    lines.append("Of other ages, diagnoses, devices and montages than these nothing is known.")
    return _bullets(lines)


def _count(training: TrainingFacts) -> list[str]:
    shares = ", ".join(
        f"{name} {n / max(training.n_epochs, 1):.0%}"
        for name, n in training.epochs_per_class.items()
    )
    lines = [
        f"{training.n_subjects} subjects, {training.n_recordings} recordings, "
        f"{training.n_epochs} labelled epochs ({shares})"
    ]
    if training.age_years is not None:
        low, middle, high = training.age_years
        lines.append(f"Age {low:.3g} to {high:.3g} years, median {middle:.3g}")
    for fact, groups in training.subjects_per.items():
        told = ", ".join(f"{name} {n}" for name, n in groups.items())
        lines.append(f"Subjects by {fact}: {told}")
    return lines


def _strata(manifest: Manifest) -> str:
    if not manifest.strata:
        return "Nothing is known of the subjects that would tell groups apart."
    rows = [
        (one.name, one.n_subjects, one.n_epochs, f"{one.kappa:.3f}", f"{one.accuracy:.3f}",
         f"{one.macro_f1:.3f}")
        for one in manifest.strata
    ]  # fmt: skip
    head = ("group", "subjects", "epochs", "κ", "accuracy", "macro F1")
    return _table(head, rows) + "\n\nGroups of few subjects say little."


def _failures(manifest: Manifest) -> str:
    measured = [
        f"{one.share:.0%} of {one.label} is taken for {one.taken_for}"
        for one in manifest.confusions
    ]
    known = [
        "Epochs with faults of the signal keep their label and are flagged",
        "A recording most of whose epochs lie outside the training's range is refused; one that "
        "differs in no feature by itself is not noticed",
    ]
    return _bullets([*measured, *known])


def _adapted(adaptation: Adaptation | None) -> str:
    if adaptation is None:
        return ""
    lines = [
        f"By {adaptation.kind}, on {adaptation.n_epochs} epochs of {adaptation.n_recordings} "
        f"recordings ({adaptation.data_source}); shares of classes: those of the "
        f"{adaptation.prior}",
        f"Before and after are of these epochs, each adapted without its own "
        f"{adaptation.cross_fitted_by}; the figures above are of the bundle as it was",
    ]
    rows = [
        (name, adaptation.before.get(name), adaptation.after.get(name))
        for name in _SHOWN
        if name in adaptation.before
    ]
    return _bullets(lines) + "\n\n" + _table(("figure", "before", "after"), rows)


def _quantised(models: Iterable[ModelEntry]) -> str:
    rows = [
        (one.name, f"{small.agreement:.2%} of {small.n_epochs} ({small.compared_on})",
         f"{small.size_ratio:.2f}", f"{small.latency_ratio:.2f}")
        for one in models
        if (small := one.quantised) is not None
    ]  # fmt: skip
    return _table(("model", "same label", "size ×", "time ×"), rows) if rows else ""


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
