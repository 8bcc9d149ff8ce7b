"""Score a raw recording with a bundle: the same reading, epochs and features as in training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal import __version__
from epochal.errors import RecordingError
from epochal.features import extract_features
from epochal.labels import PROBA
from epochal.provenance import RESEARCH_USE
from epochal.readers import Source, reader, reader_of
from epochal.recording import Recording
from epochal.serving.bundle import Manifest, Scorer, data_source_of_result
from epochal.signals.epoching import index_epochs

# An epoch is unlike the training data when more than this share of its features lies outside
# the range that held 99.8 % of the training epochs.
OUTSIDE_SHARE = 0.2
REFUSED_SHARE = 0.9


@dataclass(frozen=True)
class Scored:
    """A scored recording: one row per epoch, and what must be said of all of them."""

    recording_id: str
    epochs: pd.DataFrame
    summary: dict[str, Any]


def read_raw(path: Path, manifest: Manifest) -> Recording:
    """Read a raw file, or an E4 folder; the bundle's own reader's options where it is the one."""
    if not path.exists():
        raise RecordingError(path, "no such file")
    name, ingestion = reader_of(path), manifest.ingestion
    options = ingestion.reader_options if name == ingestion.reader else {}
    chosen = reader(name)
    return chosen.read(Source(path.stem, str(path)), chosen.Options(**options))


def score_recording(recording: Recording, scorer: Scorer) -> Scored:
    """Return `epoch, onset_s, label, confidence, flags, proba_<class>…` for every epoch.

    A missing channel, a recording shorter than an epoch, or one that is nothing like the training
    data raise `RecordingError`. Epochs with faults keep their label and say so in `flags`; an
    epoch that lacks the model's columns (`known_rows`) has no label.
    """
    manifest = scorer.manifest
    ingestion = manifest.ingestion.model_copy(update={"trim": None})
    epochs = index_epochs(recording, ingestion)
    if epochs.empty:
        raise RecordingError(
            recording.recording_id,
            f"{recording.duration_s:g} s long; an epoch needs {ingestion.epoch_length_s:g} s",
        )
    features = extract_features(recording, epochs, manifest.feature_engineering)
    outside = outside_reference(features, manifest)
    usable = scorer.known_rows(features)
    _refuse_strangers(recording, outside, usable)
    proba = np.full((len(epochs), len(manifest.classes)), np.nan)
    for run in epochs.loc[usable, "run"].unique():  # smoothing does not cross a gap
        rows = usable & (epochs["run"] == run).to_numpy()
        proba[rows] = scorer.predict(features[rows])
    table = _table(epochs, proba, manifest.classes)
    table.insert(4, "flags", _flags(epochs, outside, usable))
    return Scored(recording.recording_id, table, _summary(recording, table, manifest))


def outside_reference(features: pd.DataFrame, manifest: Manifest) -> np.ndarray:
    """Return per epoch the share of known features outside the training range."""
    names = [name for name in manifest.reference if name in features]
    low, high = np.array([manifest.reference[name] for name in names]).reshape(-1, 2).T
    values = features[names].to_numpy()
    known = np.isfinite(values)
    outside = known & ((values < low) | (values > high))
    return outside.sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _refuse_strangers(recording: Recording, outside: np.ndarray, usable: np.ndarray) -> None:
    if not usable.any():
        raise RecordingError(recording.recording_id, "no epoch has a usable signal")
    strange = float(np.mean(outside[usable] > OUTSIDE_SHARE))
    if strange > REFUSED_SHARE:
        raise RecordingError(
            recording.recording_id,
            f"{strange:.0%} of its epochs are unlike the data that the bundle was trained on "
            "(wrong unit, species, channel or rate?)",
        )


def _table(epochs: pd.DataFrame, proba: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    known = np.isfinite(proba).all(axis=1)
    best = np.where(known, np.nan_to_num(proba).argmax(axis=1), 0)
    columns = {
        "epoch": epochs["epoch"].to_numpy(),
        "onset_s": epochs["onset_s"].to_numpy(),
        "label": np.where(known, np.array(classes, dtype=object)[best], ""),
        "confidence": proba.max(axis=1).round(6),
    }
    return pd.DataFrame(
        columns | {f"{PROBA}{name}": proba[:, code].round(6) for code, name in enumerate(classes)}
    )


def _flags(epochs: pd.DataFrame, outside: np.ndarray, usable: np.ndarray) -> list[str]:
    """Name each epoch's faults, separated by semicolons."""
    faults = {
        name.removeprefix("quality_"): epochs[name].to_numpy(dtype=bool)
        for name in map(str, epochs.columns)
        if name.startswith("quality_")
    }
    faults["outside_reference"] = outside > OUTSIDE_SHARE
    faults["not_scored"] = ~usable
    return [";".join(name for name in faults if faults[name][row]) for row in range(len(epochs))]


def _summary(recording: Recording, table: pd.DataFrame, manifest: Manifest) -> dict[str, Any]:
    counts = table["label"].value_counts()
    return {
        "recording_id": recording.recording_id,
        "study": manifest.study,
        "model": manifest.headline,
        "causal": manifest.causal,
        "data_source": data_source_of_result(manifest.data_source, recording.data_source),
        "recording_data_source": recording.data_source,
        "training_data_source": manifest.data_source,
        "epoch_length_s": manifest.ingestion.epoch_length_s,
        "n_epochs": len(table),
        "n_flagged": int((table["flags"] != "").sum()),
        "epochs_per_class": {name: int(counts.get(name, 0)) for name in manifest.classes},
        "mean_confidence": round(float(table["confidence"].mean()), 6),
        "problems": list(recording.problems),
        "caveats": list(manifest.caveats),
        "notice": RESEARCH_USE,
        "epochal_version": __version__,
    }
