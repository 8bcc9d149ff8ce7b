"""Score a raw recording with a bundle: the same reading, epochs and features as in training."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from epochal import __version__
from epochal.epoch_inputs import EpochInputs
from epochal.errors import RecordingError
from epochal.features import extract_features, prepare_inputs
from epochal.labels import PROBA
from epochal.provenance import RESEARCH_USE
from epochal.readers.substitution import substitute_channels, substitutions_of
from epochal.recording import Recording
from epochal.serving.bundle import Manifest, Scorer, data_source_of_result
from epochal.serving.burden import measure_burden
from epochal.serving.doubts import doubts_of
from epochal.serving.drifting import judge_epochs
from epochal.serving.pieces import cut_into_pieces
from epochal.serving.rows import Table
from epochal.signals.epoching import index_epochs

logger = logging.getLogger(__name__)
# An epoch is unlike the training data when more than this share of its features lies outside
# the range that held 99.8 % of the training epochs.
OUTSIDE_SHARE = 0.2
REFUSED_SHARE = 0.9
LENGTH_TOLERANCE_S = 0.01
# The flags of all epochs of a recording that, as a whole, is unlike the training; or is too short
# for anybody to tell.
DRIFT, DRIFT_UNKNOWN = "drift", "drift_unknown"


@dataclass(frozen=True)
class Scored:
    """A scored recording: one row per epoch, and what must be said of all of them."""

    recording_id: str
    epochs: pd.DataFrame
    summary: dict[str, Any]
    features: pd.DataFrame | None = None  # what drift over many recordings is told by
    doubts: tuple[str, ...] = ()  # of the summary's problems, those of the whole recording


def score_recording(
    recording: Recording, scorer: Scorer, *, allow_substitution: bool = False
) -> Scored:
    """Return `epoch, onset_s, label, confidence, flags, proba_<class>…` for every epoch.

    Another derivation stands in for a missing channel only where the bundle declares it and it
    or the caller allows it; then every epoch is flagged `substituted`, and the summary says
    what stands in for what. A missing channel, a recording shorter than an epoch, or one that
    is nothing like the training data raise `RecordingError`. Epochs with faults keep their
    label and say so in `flags`, and all do where the whole is in doubt (`doubts`); an epoch that
    lacks the model's columns (`known_rows`) has no label. Where the bundle has the rules for it,
    `prediction_set` and `abstain` follow, and the summary has `answers`; where it has the
    reference, the summary has the verdict on `drift`, and drift is flagged on every epoch, since
    single features may lie in range and not together; that of an ICU's EEG has its `burden`.
    """
    manifest = scorer.manifest
    ingestion = manifest.ingestion.model_copy(update={"trim": None})
    recording = allow_substitutes(recording, manifest, allow=allow_substitution)
    epochs = index_epochs(recording, ingestion)
    _refuse_other_lengths(recording, epochs, ingestion.epoch_length_s)
    if epochs.empty:
        raise RecordingError(
            recording.recording_id,
            f"{recording.duration_s:g} s long; an epoch needs {ingestion.epoch_length_s:g} s",
        )
    features, usable, proba = _predict_pieces(recording, epochs, scorer)
    outside = outside_reference(features, manifest)
    _refuse_strangers(recording, outside, usable)
    substituted = bool(substitutions_of(recording))
    flags = name_flags(epochs, outside, usable, substituted=substituted)
    doubts = doubts_of(recording, len(epochs), scorer)
    verdict = judge_epochs(recording, features, epochs, proba, scorer)
    for named in [*doubts, *_flag_drift(verdict)]:
        flags = [f"{flag};{named}" if flag else named for flag in flags]
    table = tabulate(epochs, proba, flags, scorer)
    summary = _summary(recording, table, manifest)
    summary["problems"] += doubts.values()
    if scorer.answer_rules is not None:
        summary["answers"] = scorer.answer_rules.summarise(table)
    burden = measure_burden(table, manifest)
    if burden is not None:
        summary["burden"] = burden
    if verdict is not None:
        summary["drift"] = verdict
    return Scored(recording.recording_id, table, summary, features, tuple(doubts.values()))


def _flag_drift(verdict: dict[str, Any] | None) -> list[str]:
    """Return the flag of a verdict on drift, if it has one."""
    if verdict is None or verdict["drift"] is False:
        return []
    return [DRIFT if verdict["drift"] else DRIFT_UNKNOWN]


def _predict_pieces(
    recording: Recording, epochs: pd.DataFrame, scorer: Scorer
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return features, which epochs the model may speak of, and its probabilities."""
    parts = []
    for piece, own in cut_into_pieces(recording, epochs, scorer.manifest):
        features = compute_features(piece, own, scorer.manifest)
        refuse_lacking_columns(recording, features, scorer)
        inputs = window_inputs(piece, own, scorer)
        usable = scorer.known_rows(features, inputs=inputs)
        parts.append((features, usable, predict_runs(features, own, usable, scorer, inputs=inputs)))
    if len(parts) == 1:
        return parts[0]
    tables, known, probabilities = zip(*parts, strict=True)
    return pd.concat(tables), np.concatenate(known), np.concatenate(probabilities)


def compute_features(
    recording: Recording, epochs: pd.DataFrame, manifest: Manifest
) -> pd.DataFrame:
    """Return a recording's features; rates at which they cannot be computed are refused."""
    try:
        with np.errstate(all="ignore"):  # what overflows is unknown, or outside the reference
            return extract_features(recording, epochs, manifest.feature_engineering)
    except (ValueError, IndexError, ZeroDivisionError) as error:
        logger.exception("features that cannot be computed")
        raise RecordingError(
            recording.recording_id,
            f"the bundle's features cannot be computed; it has: {_name_rates(recording)} "
            "(is a rate too low?)",
        ) from error


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


def outside_reference(features: Table, manifest: Manifest) -> np.ndarray:
    """Return per epoch the share of known features outside the training range."""
    names = [name for name in manifest.reference if name in features]
    low, high = np.array([manifest.reference[name] for name in names]).reshape(-1, 2).T
    values = features[names].to_numpy()
    known = np.isfinite(values)
    outside = known & ((values < low) | (values > high))
    return outside.sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _refuse_other_lengths(recording: Recording, epochs: pd.DataFrame, length_s: float) -> None:
    """Refuse signals whose own epochs are of another length: features would mean something else."""
    if not recording.channels:
        return
    others = epochs.loc[(epochs["length_s"] - length_s).abs() > LENGTH_TOLERANCE_S, "length_s"]
    if len(others):
        raise RecordingError(
            recording.recording_id,
            f"it holds epochs of {others.iloc[0]:g} s; the bundle was trained on {length_s:g} s",
        )


def refuse_lacking_columns(recording: Recording, features: pd.DataFrame, scorer: Scorer) -> None:
    """Refuse what cannot give the headline's columns: at a low rate some bands are not there."""
    lacking = scorer.lacking_columns(features)
    if lacking:
        shown = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if lacking[3:] else "")
        raise RecordingError(
            recording.recording_id,
            f"it cannot give the model's features {shown}; it has: {_name_rates(recording)}",
        )


def _name_rates(recording: Recording) -> str:
    rates = ", ".join(f"{one.name} at {one.sfreq:g} Hz" for one in recording.channels)
    return rates or "no channel"


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


def tabulate(
    epochs: pd.DataFrame, proba: np.ndarray, flags: list[str], scorer: Scorer
) -> pd.DataFrame:
    """Return the table of results, a row per epoch, as `score_recording` describes it."""
    table = _table(epochs, proba, scorer.manifest.classes)
    table.insert(4, "flags", flags)
    if scorer.answer_rules is not None:
        table = table.join(scorer.answer_rules.apply(proba))
    return table


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


def name_flags(
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
    counts, ingestion = table["label"].value_counts(), manifest.ingestion
    return {
        "recording_id": recording.recording_id,
        "study": manifest.study,
        "model": manifest.headline,
        "causal": manifest.causal,
        "data_source": data_source_of_result(manifest.data_source, recording.data_source),
        "recording_data_source": recording.data_source,
        "training_data_source": manifest.data_source,
        "in_sample": manifest.saw(recording),
        "epoch_length_s": ingestion.epoch_length_s,
        "epoch_step_s": ingestion.epoch_step_s or ingestion.epoch_length_s,
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
