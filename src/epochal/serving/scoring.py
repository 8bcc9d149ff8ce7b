"""Score a raw recording with a bundle: the same reading, epochs and features as in training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal import __version__
from epochal.checksums import SIGNAL_SHA256, checksum
from epochal.epoch_inputs import EpochInputs
from epochal.errors import RecordingError
from epochal.features import extract_features, prepare_inputs
from epochal.labels import PROBA
from epochal.options import IngestionOptions
from epochal.provenance import RESEARCH_USE
from epochal.readers import Source, reader, reader_of
from epochal.readers.detection import TABLES, detect_reader
from epochal.readers.substitution import substitute_channels, substitutions_of
from epochal.recording import Recording
from epochal.serving.bundle import Manifest, Scorer, data_source_of_result
from epochal.serving.drifting import judge_epochs
from epochal.signals.epoching import index_epochs

# An epoch is unlike the training data when more than this share of its features lies outside
# the range that held 99.8 % of the training epochs.
OUTSIDE_SHARE = 0.2
REFUSED_SHARE = 0.9
# the readers of rows, and what their files end in
_TABLE_READERS = {
    "feature_table": (".csv", ".parquet"),
    "slow_oscillation": (".csv", ".h5"),
}
# a rodent's signals, and what lies beside them that is no label
_RODENT_SUFFIXES = (".edf", ".bdf", ".mat")
_BESIDE = ("EMG.mat", "participants.tsv")


@dataclass(frozen=True)
class Scored:
    """A scored recording: one row per epoch, and what must be said of all of them."""

    recording_id: str
    epochs: pd.DataFrame
    summary: dict[str, Any]


def read_all(path: Path, manifest: Manifest) -> Iterator[Recording]:
    """Read the recordings of a file one by one, each with the checksum that it is known by."""
    for recording in _read_each(path, manifest):
        metadata = {**recording.metadata, SIGNAL_SHA256: checksum([path])}
        yield replace(recording, metadata=metadata)


def _read_each(path: Path, manifest: Manifest) -> Iterator[Recording]:
    """Read the recordings of a file one by one: several where it is a table or rows of HDF5.

    A table is read with the bundle's own options, labels aside, so that its columns are those of
    the training table; for other files see `read_raw`.
    """
    if not path.exists():
        raise RecordingError(path, "no such file")
    name, suffix = manifest.ingestion.reader, path.suffix.lower()
    endings = _TABLE_READERS.get(name, ())
    if suffix not in endings or path.is_dir():
        if suffix in TABLES:
            raise RecordingError(path, _refuse_table(name, endings))
        if name == "rodent" and suffix in _RODENT_SUFFIXES and path.is_file():
            yield from _read_animals(path, manifest.ingestion)
        else:
            yield read_raw(path, manifest)
        return
    chosen = reader(name)
    options = chosen.Options(**_unlabelled(path, manifest.ingestion))
    place = path if name == "slow_oscillation" else path.parent
    for source in chosen.find(place, options):
        yield chosen.read(source, options)


def _read_animals(path: Path, ingestion: IngestionOptions) -> Iterator[Recording]:
    """Read the animals of a file as training did, light and facts beside it, but no labels."""
    chosen = reader("rodent")
    options = chosen.Options(**ingestion.reader_options)
    sources = chosen.find(path, options)
    for source in sources:
        beside = [
            one for one in source.companions if Path(one).name in _BESIDE or one[-5:] == ".json"
        ]
        name = path.stem if len(sources) == 1 else source.recording_id
        yield chosen.read(Source(name, source.path, tuple(beside)), options)


def _refuse_table(name: str, endings: tuple[str, ...]) -> str:
    if not endings:
        return "it is a table; the bundle was trained on signals"
    return f"the bundle's reader '{name}' takes {' and '.join(endings)} files"


def _unlabelled(path: Path, ingestion: IngestionOptions) -> dict[str, Any]:
    """Return a table reader's options for a file of its own name, without labels."""
    given = ingestion.reader_options
    if ingestion.reader == "slow_oscillation":
        return {**given, "labels": None}
    facts = given.get("facts")
    found = facts if facts and (path.parent / facts).is_file() else None
    return {**given, "table": path.name, "label": None, "stages": None, "facts": found}


def read_raw(path: Path, manifest: Manifest) -> Recording:
    """Read a raw file, or an E4 folder; the bundle's own reader's options where it is the one."""
    if not path.exists():
        raise RecordingError(path, "no such file")
    is_mat = path.suffix.lower() == ".mat"
    name, ingestion = detect_reader(path) if is_mat else reader_of(path), manifest.ingestion
    options = {"label_pattern": None} if name == "irr" else {}
    options |= ingestion.reader_options if name == ingestion.reader else {}
    chosen = reader(name)
    return chosen.read(Source(path.stem, str(path)), chosen.Options(**options))


def score_recording(
    recording: Recording, scorer: Scorer, *, allow_substitution: bool = False
) -> Scored:
    """Return `epoch, onset_s, label, confidence, flags, proba_<class>…` for every epoch.

    Another derivation stands in for a missing channel only where the bundle declares it and it
    or the caller allows it; then every epoch is flagged `substituted`, and the summary says
    what stands in for what. A missing channel, a recording shorter than an epoch, or one that
    is nothing like the training data raise `RecordingError`. Epochs with faults keep their
    label and say so in `flags`; an epoch that lacks the model's columns (`known_rows`) has no
    label. Where the bundle has the rules for it, `prediction_set` and `abstain` follow, and the
    summary has `answers`; where it has the reference, the summary has the verdict on `drift`.
    """
    manifest = scorer.manifest
    ingestion = manifest.ingestion.model_copy(update={"trim": None})
    recording = allow_substitutes(recording, manifest, allow=allow_substitution)
    epochs = index_epochs(recording, ingestion)
    if epochs.empty:
        raise RecordingError(
            recording.recording_id,
            f"{recording.duration_s:g} s long; an epoch needs {ingestion.epoch_length_s:g} s",
        )
    features = extract_features(recording, epochs, manifest.feature_engineering)
    outside = outside_reference(features, manifest)
    _refuse_lacking_columns(recording, features, scorer)
    inputs = window_inputs(recording, epochs, scorer)
    usable = scorer.known_rows(features, inputs=inputs)
    _refuse_strangers(recording, outside, usable)
    proba = predict_runs(features, epochs, usable, scorer, inputs=inputs)
    table = _table(epochs, proba, manifest.classes)
    substituted = bool(substitutions_of(recording))
    table.insert(4, "flags", _flags(epochs, outside, usable, substituted=substituted))
    summary = _summary(recording, table, manifest)
    if scorer.answer_rules is not None:
        table = table.join(scorer.answer_rules.apply(proba))
        summary["answers"] = scorer.answer_rules.summarise(table)
    if scorer.drift_reference is not None:
        summary["drift"] = judge_epochs(recording, features, epochs, proba, scorer)
    return Scored(recording.recording_id, table, summary)


def window_inputs(recording: Recording, epochs: pd.DataFrame, scorer: Scorer) -> EpochInputs | None:
    """Return what the headline's networks see of a recording; None where it has none of them."""
    if not scorer.sees_windows():
        return None
    return prepare_inputs(recording, epochs, scorer.manifest.feature_engineering)


def predict_runs(
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    usable: np.ndarray,
    scorer: Scorer,
    *,
    inputs: EpochInputs | None = None,
) -> np.ndarray:
    """Return probabilities run by run, NaN where the model may not speak (`usable`)."""
    proba = np.full((len(epochs), len(scorer.manifest.classes)), np.nan)
    for run in epochs.loc[usable, "run"].unique():  # smoothing does not cross a gap
        rows = (epochs["run"] == run).to_numpy()
        of_run = None if inputs is None else inputs.take(rows)
        proba[rows] = scorer.predict(features[rows], inputs=of_run)
    proba[~usable] = np.nan
    return proba


def allow_substitutes(
    recording: Recording, manifest: Manifest, *, allow: bool = False
) -> Recording:
    """Let stand in what may; refuse a required channel that only a substitute could be."""
    ingestion = manifest.ingestion
    allow = allow or ingestion.allow_substitution
    wanted = list(ingestion.substitutes) if allow else manifest.required_channels
    return substitute_channels(recording, ingestion.substitutes, allow=allow, wanted=wanted)


def outside_reference(features: pd.DataFrame, manifest: Manifest) -> np.ndarray:
    """Return per epoch the share of known features outside the training range."""
    names = [name for name in manifest.reference if name in features]
    low, high = np.array([manifest.reference[name] for name in names]).reshape(-1, 2).T
    values = features[names].to_numpy()
    known = np.isfinite(values)
    outside = known & ((values < low) | (values > high))
    return outside.sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _refuse_lacking_columns(recording: Recording, features: pd.DataFrame, scorer: Scorer) -> None:
    """Refuse what cannot give the headline's columns: at a low rate some bands are not there."""
    lacking = scorer.lacking_columns(features)
    if lacking:
        rates = ", ".join(f"{one.name} at {one.sfreq:g} Hz" for one in recording.channels)
        shown = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if lacking[3:] else "")
        raise RecordingError(
            recording.recording_id,
            f"it cannot give the model's features {shown}; it has: {rates or 'no channel'}",
        )


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


def _flags(
    epochs: pd.DataFrame, outside: np.ndarray, usable: np.ndarray, *, substituted: bool
) -> list[str]:
    """Name each epoch's faults, separated by semicolons."""
    faults = {
        name.removeprefix("quality_"): epochs[name].to_numpy(dtype=bool)
        for name in map(str, epochs.columns)
        if name.startswith("quality_")
    }
    faults["outside_reference"] = outside > OUTSIDE_SHARE
    faults["substituted"] = np.full(len(epochs), substituted)
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
        "in_sample": manifest.saw(recording),
        "epoch_length_s": manifest.ingestion.epoch_length_s,
        "n_epochs": len(table),
        "n_flagged": int((table["flags"] != "").sum()),
        "epochs_per_class": {name: int(counts.get(name, 0)) for name in manifest.classes},
        "mean_confidence": round(float(table["confidence"].mean()), 6),
        "substitutions": substitutions_of(recording),
        "problems": list(recording.problems),
        "caveats": list(manifest.caveats),
        "notice": RESEARCH_USE,
        "epochal_version": __version__,
    }
