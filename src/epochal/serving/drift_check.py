"""A recording's verdict of drift, and those of its windows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from epochal.drift.judging import judge_window
from epochal.drift.reference import DriftReference
from epochal.errors import EpochalError, RecordingError
from epochal.readers.substitution import substitutions_of
from epochal.recording import Recording
from epochal.serving.bundle import Scorer, data_source_of_result
from epochal.serving.drifting import add_channels, judge_epochs, like_training
from epochal.serving.scoring import (
    allow_substitutes,
    compute_features,
    predict_runs,
    window_inputs,
)
from epochal.signals.epoching import index_epochs


class Judged(NamedTuple):
    """A recording's verdict, those of its windows, and the features that they stand on."""

    verdict: dict[str, Any]
    windows: pd.DataFrame
    features: pd.DataFrame


def judge_recording(
    recording: Recording,
    scorer: Scorer,
    *,
    allow_substitution: bool = False,
    window_epochs: int | None = None,
) -> Judged:
    """Judge a recording, and each of its windows of so many epochs where a number is given.

    A bundle without a drift reference raises `EpochalError`; a missing channel, or a recording
    shorter than an epoch, `RecordingError`.
    """
    manifest = scorer.manifest
    reference = scorer.drift_reference
    if reference is None:
        raise EpochalError(
            f"The bundle of '{manifest.study}' has no drift reference: it was written by an "
            "earlier version, or from fewer than five subjects; export it again"
        )
    recording = allow_substitutes(recording, manifest, allow=allow_substitution)
    epochs = index_epochs(recording, manifest.ingestion.model_copy(update={"trim": None}))
    if epochs.empty:
        raise RecordingError(recording.recording_id, "shorter than one epoch")
    features = compute_features(recording, epochs, manifest)
    proba = _predict(recording, features, epochs, scorer)
    verdict = judge_epochs(recording, features, epochs, proba, scorer)
    assert verdict is not None  # the reference is there
    named = {
        "recording_id": recording.recording_id,
        "study": manifest.study,
        "data_source": data_source_of_result(manifest.data_source, recording.data_source),
        "substitutions": substitutions_of(recording),
    }
    kept = like_training(epochs, proba, scorer)
    features = add_channels(features, recording, epochs, reference)
    windows = _judge_windows(features[kept], epochs[kept], reference, window_epochs)
    return Judged(named | verdict, windows, features[kept])


def _predict(
    recording: Recording, features: pd.DataFrame, epochs: pd.DataFrame, scorer: Scorer
) -> np.ndarray:
    """Return probabilities; NaN throughout where the recording cannot give the model's columns.

    At another rate some bands are not there: that is drift, and no reason to fail.
    """
    if scorer.lacking_columns(features):
        return np.full((len(epochs), len(scorer.manifest.classes)), np.nan)
    inputs = window_inputs(recording, epochs, scorer)
    usable = scorer.known_rows(features, inputs=inputs)
    return predict_runs(features, epochs, usable, scorer, inputs=inputs)


def _judge_windows(
    features: pd.DataFrame, epochs: pd.DataFrame, reference: DriftReference, length: int | None
) -> pd.DataFrame:
    """Return a row per window of so many epochs: its onset, score, limit and verdict."""
    rows = []
    n_windows = len(features) // length if length else 0
    for first in (number * (length or 0) for number in range(n_windows)):
        verdict = judge_window(features.iloc[first : first + (length or 0)], reference)
        kept = {name: verdict.get(name) for name in ("drift", "score", "limit", "likely_fault")}
        rows.append({"onset_s": float(epochs["onset_s"].iloc[first]), "n_epochs": length} | kept)
    names = ["onset_s", "n_epochs", "drift", "score", "limit", "likely_fault"]
    return pd.DataFrame(rows, columns=names)
