"""Put a study's fitted models into a bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from epochal import __version__
from epochal.checksums import SIGNAL_SHA256
from epochal.errors import EpochalError, did_you_mean
from epochal.evaluation.choice import choose_headline
from epochal.labels import VOTE
from epochal.models.cross_fitting import FittedModel
from epochal.models.export import export_model
from epochal.models.inventory import METRICS, describe_metrics, plain, write_json
from epochal.models.stack_smoothing import fit_final
from epochal.options import (
    ExportOptions,
    FeatureOptions,
    IngestionOptions,
    StackingOptions,
    StudyOptions,
)
from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import CARD, Bundle, Manifest, ModelEntry, SequenceEntry
from epochal.splits import SPLIT_COLUMNS

_REFERENCE_QUANTILES = (0.001, 0.999)


def export_models(
    fitted: Mapping[str, FittedModel], tables: Mapping[str, pd.DataFrame], *, parity_rows: int
) -> dict[str, tuple[ModelEntry, bytes]]:
    """Return each model's entry and ONNX form, checked on rows of its family's table.

    `tables` names the table of columns by family; the stack's are log probabilities. A stack looks
    ahead where one of its base models does.
    """
    return {
        name: (
            _entry(mark_causal(model, fitted)),
            export_model(model, tables[model.family].head(parity_rows)),
        )
        for name, model in fitted.items()
    }


def mark_causal(model: FittedModel, fitted: Mapping[str, FittedModel]) -> FittedModel:
    """Return a stack with what is true of its base models; its columns' names do not tell."""
    bases = [fitted[base].causal for base in _base_models(model) if base in fitted]
    return replace(model, causal=model.causal and all(bases))


def describe_training(
    table: pd.DataFrame,
    epochs: pd.DataFrame,
    summary: pd.DataFrame,
    predictions: pd.DataFrame,
    stacking: StackingOptions,
    study: StudyOptions,
) -> dict[str, Any]:
    """Return what serving must know of the training data: their hashes, ranges and transitions.

    `table` holds the features of the scored subjects' epochs, `summary` a row per recording.
    `training_recordings` are those that any choice was made on: all but the test subjects'.
    """
    training = table[table["role"] == "train"]
    checksums = "".join(sorted(summary["sha256"]))
    return {
        "training_data_sha256": hashlib.sha256(checksums.encode()).hexdigest(),
        "training_recordings": _seen_recordings(table, summary),
        "reference": _reference(training),
        "smoothing": _smoothing(table, epochs, predictions, stacking, study),
    }


def assemble_bundle(
    exported: Mapping[str, tuple[ModelEntry, bytes]],
    training: Mapping[str, Any],
    leaderboard: pd.DataFrame,
    *,
    options: ExportOptions,
    ingestion: IngestionOptions,
    features: FeatureOptions,
    study: StudyOptions,
    descriptions: Mapping[str, Any] | None = None,
) -> Bundle:
    """Return the bundle, its headline model chosen by out-of-fold κ unless conf names one.

    `descriptions` are JSON files by name, as `inventory.describe_models` returns them. A headline
    that was not exported (a baseline, a misspelt name) raises `EpochalError`.
    """
    headline = name_headline(leaderboard, options)
    servable = {*exported, *training["smoothing"]}
    if headline not in servable:
        near = did_you_mean(headline, servable)
        raise EpochalError(f"No exported model '{headline}' (serving_export.model){near}")
    row = leaderboard[(leaderboard["model"] == headline) & (leaderboard["role"] == "oof")].iloc[0]
    manifest = Manifest(
        epochal_version=__version__,
        study=study.name,
        classes=study.classes,
        recording_kind=study.recording_kind,
        data_source=str(row["data_source"]),
        ingestion=_without_paths(ingestion),
        feature_engineering=features,
        models=[entry for entry, _ in exported.values()],
        headline=headline,
        causal=bool(row["causal"]) and not features.looks_ahead,
        metrics={str(name): _rounded(value) for name, value in row.items()},
        caveats=study.caveats,
        **training,
    )
    files = {entry.file: content for entry, content in exported.values()}
    tables = {**(descriptions or {}), METRICS: describe_metrics(leaderboard)}
    files |= {name: write_json(content) for name, content in tables.items()}
    return Bundle(manifest, files | {CARD: write_card(manifest).encode()})


def name_headline(leaderboard: pd.DataFrame, options: ExportOptions) -> str:
    """Return the model that the bundle answers with: conf's, or the best out of fold."""
    return options.model or choose_headline(leaderboard, causal_only=options.causal_only)


def write_card(manifest: Manifest) -> str:
    """Return the model card: what the bundle is for, what it was trained on, how it fared."""
    figures = "\n".join(f"| {name} | {value} |" for name, value in manifest.metrics.items())
    caveats = "\n".join(f"- {sentence}" for sentence in manifest.caveats) or "- none stated"
    return f"""# Model card: {manifest.study}

{RESEARCH_USE} An aid to be reviewed by a person who scores such recordings.

- Classes: {", ".join(manifest.classes)}
- Recordings: {manifest.recording_kind}; epochs of {manifest.ingestion.epoch_length_s:g} s
- Trained on **{manifest.data_source}** data (SHA-256 {manifest.training_data_sha256[:16]}…)
- Headline model: {manifest.headline} ({"causal" if manifest.causal else "looks ahead"}),
  chosen by out-of-fold κ, never by the test subjects

## Out-of-fold figures

| figure | value |
|---|---|
{figures}

## Caveats

{caveats}

## Not intended for

Diagnosis, treatment or alarms. Recordings unlike the training data are refused or flagged.
"""


def _base_models(model: FittedModel) -> list[str]:
    """Return a stack's base models in their frozen order: those of its columns."""
    if model.family != "stack":
        return []
    return list(dict.fromkeys(column.rsplit("__", 1)[0] for column in model.columns))


def _entry(model: FittedModel) -> ModelEntry:
    return ModelEntry(
        name=model.name,
        family=model.family,
        file=f"models/{model.name}.onnx",
        columns=model.columns,
        classes=[int(code) for code in model.estimator.classes_],
        causal=model.causal,
        base_models=_base_models(model),
        calibration=model.calibration,
        sequence=_sequence(model),
    )


def _sequence(model: FittedModel) -> SequenceEntry | None:
    if model.store is None:
        return None
    from epochal.models.export_network import describe_sequence  # only networks need torch

    return describe_sequence(model)


def _seen_recordings(table: pd.DataFrame, summary: pd.DataFrame) -> list[str]:
    held_out = table.groupby("recording_id")["role"].agg(lambda roles: (roles == "test").all())
    seen = summary["recording_id"].isin(held_out.index[~held_out.to_numpy(bool)])
    column = SIGNAL_SHA256 if SIGNAL_SHA256 in summary else "sha256"
    return sorted(set(summary.loc[seen, column].astype(str)))


def _smoothing(
    table: pd.DataFrame,
    epochs: pd.DataFrame,
    predictions: pd.DataFrame,
    stacking: StackingOptions,
    study: StudyOptions,
) -> dict[str, dict[str, Any]]:
    splits = table[["recording_id", "epoch", *(name for name in SPLIT_COLUMNS if name in table)]]
    fitted = fit_final(predictions, epochs, splits, stacking, study)
    return {name: smoothing.model_dump() for name, smoothing in fitted.items()}


def _reference(training: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return each own feature's range in training; normalised and averaged ones say no more."""
    names = [
        name
        for name in training.select_dtypes("floating")
        if "__" not in name and not name.startswith((VOTE, "demographics_", "clock_", "light_"))
    ]
    quantiles = training[names].quantile(list(_REFERENCE_QUANTILES)).dropna(axis=1)
    return {name: (float(low), float(high)) for name, (low, high) in quantiles.items()}


def _without_paths(ingestion: IngestionOptions) -> IngestionOptions:
    """Leave this machine's folders out of what is handed on."""
    return ingestion.model_copy(update={"source": "files", "path": ".", "simulated_path": ""})


def _rounded(value: object) -> float | int | str | bool | None:
    found = plain(value)
    return round(found, 6) if isinstance(found, float) else found
