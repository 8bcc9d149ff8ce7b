"""Drift of a recording against a bundle's training data, as serving meets it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from epochal.drift.channels import describe_channels
from epochal.drift.confidence import judge_confidence
from epochal.drift.judging import judge_window
from epochal.drift.reference import DriftReference
from epochal.options.ingestion import TrimOptions
from epochal.recording import Recording
from epochal.serving.bundle import Scorer


def judge_epochs(
    recording: Recording,
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    proba: np.ndarray,
    scorer: Scorer,
) -> dict[str, Any] | None:
    """Return the verdict on a recording's epochs; None of a bundle that has no reference.

    Long wake at the ends, which training trimmed away, is left out: it is no drift. `confidence`
    in it says how sure the model is compared with what it says of left-out subjects.
    """
    reference = scorer.drift_reference
    if reference is None:
        return None
    kept = like_training(epochs, proba, scorer)
    described = add_channels(features, recording, epochs, reference)
    verdict = judge_window(described[kept], reference)
    if reference.confidence is not None:
        verdict["confidence"] = judge_confidence(proba[kept], reference.confidence)
    return verdict


def add_channels(
    features: pd.DataFrame, recording: Recording, epochs: pd.DataFrame, reference: DriftReference
) -> pd.DataFrame:
    """Return the features with what the raw channels look like, where the reference asks for it."""
    if not reference.channels:
        return features
    return features.join(describe_channels(recording, epochs, reference.channels))


def like_training(epochs: pd.DataFrame, proba: np.ndarray, scorer: Scorer) -> np.ndarray:
    """Say which epochs training would have kept, judging by predicted labels: `(n_epochs,)`."""
    trim, classes = scorer.manifest.ingestion.trim, scorer.manifest.classes
    everything = np.ones(len(epochs), dtype=bool)
    if trim is None or trim.label not in classes:
        return everything
    known = np.isfinite(proba).all(axis=1)
    best = np.where(known, np.nan_to_num(proba).argmax(axis=1), -1)
    others = known & (best != classes.index(trim.label))
    return _within(epochs, others, trim) if others.any() else everything


def _within(epochs: pd.DataFrame, others: np.ndarray, trim: TrimOptions) -> np.ndarray:
    onset_s = epochs["onset_s"].to_numpy(dtype=float)
    first_s, last_s = onset_s[others][[0, -1]]
    return (onset_s >= first_s - trim.margin_s) & (onset_s <= last_s + trim.margin_s)
