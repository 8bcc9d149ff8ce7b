"""What becomes of every answer beside its way to the caller: measured, and watched for drift."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from epochal.drift.channels import describe_channels
from epochal.labels import proba_columns
from epochal.recording import Recording
from epochal.serving.answering import Answers
from epochal.serving.drift_watch import DriftWatch, is_whole
from epochal.serving.drifting import like_training
from epochal.serving.messages.alerts import Alert
from epochal.serving.rows import Table
from epochal.serving.scoring import Scored
from epochal.serving.service import logs
from epochal.serving.service.shelf import Shelved
from epochal.serving.service.state import Service

_WATCHES: WeakKeyDictionary[Service, DriftWatch] = WeakKeyDictionary()


def watch_of(service: Service) -> DriftWatch:
    """Return the watch of a service, which all its routes share."""
    return _WATCHES.setdefault(service, DriftWatch())


def watch_rows(
    service: Service, shelved: Shelved, features: Table, answers: Answers, *, real: bool
) -> None:
    """Take down epochs that were answered one by one.

    Rows that hold a model's columns alone, and not the reference's, tell nothing of drift.
    """
    reference = shelved.scorer.drift_reference
    if reference is not None and is_whole(features, reference):
        watch_of(service).see(shelved.name, features, reference, real=real)
    logs.note(bundle=shelved.name, n_epochs=len(answers))
    labels = answers.labels(shelved.scorer.manifest.classes)
    for row, label in enumerate(labels):
        service.metrics.scored_epoch(
            shelved.name,
            label,
            confidence=float(answers.proba[row].max()),
            flags=answers.flags[row],
            abstain=bool(answers.abstain and answers.abstain[row]),
        )


def watch_scored(
    service: Service, shelved: Shelved, recording: Recording, scored: Scored
) -> list[Alert]:
    """Take down a recording that was scored, and return the alerts that it raised."""
    alerts = service.take_down(shelved, scored, source=logs.source())
    _watch_drift(service, shelved, recording, scored)
    return alerts


def _watch_drift(service: Service, shelved: Shelved, recording: Recording, scored: Scored) -> None:
    """Watch a recording for drift, as far as training would have kept it."""
    reference = shelved.scorer.drift_reference
    if reference is None or scored.features is None:
        return
    manifest = shelved.scorer.manifest
    epochs = scored.epochs[["epoch", "onset_s"]].assign(length_s=manifest.ingestion.epoch_length_s)
    proba = scored.epochs[proba_columns(manifest.classes)].to_numpy()
    kept = np.flatnonzero(like_training(epochs, proba, shelved.scorer))
    described = scored.features.reset_index(drop=True).iloc[kept]
    if reference.channels and len(kept):
        raw = describe_channels(recording, epochs.iloc[kept], reference.channels)
        described = described.join(raw)
    real = recording.data_source == "real"
    watch_of(service).see(shelved.name, described, reference, real=real)
