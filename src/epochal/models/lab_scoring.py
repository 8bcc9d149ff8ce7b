"""A lab's own scoring beside what a bundle's models say of the same epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from epochal.errors import RecordingError
from epochal.features import extract_features, prepare_inputs
from epochal.labels import encode, proba_columns
from epochal.models.adapting import Labelled
from epochal.readers.label_attachment import attach_file
from epochal.readers.stage_maps import RODENT_NAMES
from epochal.readers.stages import SLEEP_STAGES, StageMap
from epochal.recording import Recording
from epochal.serving.bundle import Scorer
from epochal.serving.reading import read_all
from epochal.serving.scoring import allow_substitutes, score_recording
from epochal.signals.epoching import index_epochs

_HUMAN = {"W", "N1", "N2", "N3", "REM"}
_RODENT = {"W", "NREM", "REM"}


class LabScored(NamedTuple):
    """One recording's labelled epochs, what had to be repaired, and whether it is real."""

    labelled: Labelled
    problems: tuple[str, ...]
    data_source: str


def label_recording(path: Path, labels: Path, scorer: Scorer, models: Sequence[str]) -> LabScored:
    """Score a file as `epochal score` does, and put its labels beside.

    `models` are the names whose probabilities are wanted, the headline first. What cannot be
    scored, labels that do not fit, and a file of several recordings raise `RecordingError`.
    """
    recording = _read_one(path, scorer)
    if not labels.is_file():
        raise RecordingError(labels, "no such file of labels")
    manifest = scorer.manifest
    attached = attach_file(
        recording, labels, stages=stage_map(manifest.classes),
        epoch_s=manifest.ingestion.epoch_length_s, tolerance=1.0,
    )  # fmt: skip
    scored = score_recording(recording, scorer).epochs
    epochs = index_epochs(attached, manifest.ingestion.model_copy(update={"trim": None}))
    codes = encode(epochs["label"], manifest.classes)
    headline = scored[proba_columns(manifest.classes)].to_numpy()
    proba = {models[0]: headline} | _answer(recording, epochs, scorer, models[1:])
    known = np.logical_and.reduce([np.isfinite(one).all(axis=1) for one in proba.values()])
    rows = known & (codes >= 0)
    return LabScored(
        Labelled(
            {name: one[rows] for name, one in proba.items()},
            codes[rows],
            np.zeros(int(rows.sum()), dtype=int),
            int(known.sum()),
        ),
        tuple(attached.problems),
        recording.data_source,
    )


def stage_map(classes: Sequence[str]) -> StageMap:
    """Return what labels may be called: the names of sleep scoring, or the classes' own."""
    if set(classes) <= _HUMAN:
        known = SLEEP_STAGES
    elif set(classes) <= _RODENT:
        known = RODENT_NAMES
    else:
        nothing: StageMap = dict.fromkeys(("", "n/a", "nan", "?", "unscored", "unknown"))
        return {**nothing, **{name: name for name in classes}}
    return {label: stage if stage in classes else None for label, stage in known.items()}


def _read_one(path: Path, scorer: Scorer) -> Recording:
    found = list(read_all(path, scorer.manifest))
    if len(found) != 1:
        raise RecordingError(path, f"it holds {len(found)} recordings; labels are of one")
    return found[0]


def _answer(
    recording: Recording, epochs: pd.DataFrame, scorer: Scorer, models: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return other models' probabilities of the epochs, NaN where they may not speak."""
    if not models:
        return {}
    options = scorer.manifest.feature_engineering
    recording = allow_substitutes(recording, scorer.manifest)
    features = extract_features(recording, epochs, options)
    windows = any(scorer.sees_windows(name) for name in models)
    inputs = prepare_inputs(recording, epochs, options) if windows else None
    found = {}
    for name in models:
        usable = scorer.known_rows(features, name, inputs=inputs)
        proba = np.full((len(epochs), len(scorer.manifest.classes)), np.nan)
        for run in epochs.loc[usable, "run"].unique():
            rows = (epochs["run"] == run).to_numpy()
            of_run = None if inputs is None else inputs.take(rows)
            proba[rows] = scorer.predict(features[rows], name, inputs=of_run)
        proba[~usable] = np.nan
        found[name] = proba
    return found
