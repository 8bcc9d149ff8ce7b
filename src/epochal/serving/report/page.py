"""One self-contained page per scored recording: sleep, rodent, or any other kind."""

from __future__ import annotations

from epochal.hypnogram.sleep_statistics import CLASSES
from epochal.recording import Recording
from epochal.serving.bundle import Manifest
from epochal.serving.report.material import Material, gather
from epochal.serving.report.plain import write_plain_report
from epochal.serving.report.rodent import write_rodent_report
from epochal.serving.report.sleep import write_sleep_report
from epochal.serving.scoring import Scored

HUMAN_KINDS = ("polysomnogram",)
ANIMAL_KINDS = ("rodent", "mouse", "rat")


def make_report(recording: Recording, scored: Scored, manifest: Manifest) -> str:
    """Return the HTML page of a scored recording, of the kind that the bundle is for.

    `recording` is as it was read, and was scored to `scored`. A night of stages gets the sleep
    report, an animal the rodent report, and whatever else a plain one. Nothing in the page points
    elsewhere, and everything that comes from the file is escaped.
    """
    material = gather(recording, scored, manifest)
    if is_night(material):
        return write_sleep_report(material, recording)
    if manifest.recording_kind in ANIMAL_KINDS:
        return write_rodent_report(material, recording)
    return write_plain_report(material, recording)


def is_night(material: Material) -> bool:
    """Tell whether the AASM's statistics can be taken: a person's stages, epoch by epoch."""
    return (
        material.manifest.recording_kind in HUMAN_KINDS
        and set(material.classes) <= set(CLASSES)
        and material.step_s == material.epoch_s
    )
