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
from epochal.models.card import write_card
from epochal.models.export import export_model
from epochal.models.fitted_model import FittedModel, select_columns
from epochal.models.inventory import METRICS, describe_metrics, plain, write_json
from epochal.models.raw_serving import Served, describe_served
from epochal.models.stack_smoothing import fit_final
from epochal.models.training_facts import (
    count_training,
    list_channels,
    list_confusions,
    list_libraries,
    list_rates,
    list_strata,
    name_figures,
)
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.options.models import StackingOptions
from epochal.options.results import ExportOptions, RawOptions
from epochal.options.study import StudyOptions
from epochal.serving.bundle import CARD, Bundle, Manifest
from epochal.serving.entries import ModelEntry, QuantisedEntry, SequenceEntry
from epochal.serving.heading import sees_back_only
from epochal.splits import SPLIT_COLUMNS

_REFERENCE_QUANTILES = (0.001, 0.999)
_BY_MODEL = ("strata", "confusions")  # in the description of training


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
        "training_subjects": sorted(set(table.loc[table["role"] != "test", "subject_id"])),
        "reference": _reference(training),
        "smoothing": _smoothing(table, epochs, predictions, stacking, study),
        "training": count_training(table, epochs, summary, study.classes).model_dump(),
        "feature_names": _feature_names(table),
        "rates": list_rates(summary),
        "strata": _dumped(list_strata(predictions, epochs, table, summary, study.classes)),
        "confusions": _dumped(list_confusions(predictions, epochs, table, study.classes)),
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
    quantised: Mapping[str, tuple[QuantisedEntry, bytes]] | None = None,
) -> Bundle:
    """Return the bundle, its headline model chosen by out-of-fold κ unless conf names one.

    `descriptions` are JSON files by name, as `inventory.describe_models` returns them; `quantised`
    the models' files of 8 bits that were found worth having. A headline
    that was not exported (a baseline, a misspelt name) raises `EpochalError`.
    """
    headline = name_headline(leaderboard, options)
    servable = {*exported, *training["smoothing"]}
    if headline not in servable:
        near = did_you_mean(headline, servable)
        raise EpochalError(f"No exported model '{headline}' (serving_export.model){near}")
    row = leaderboard[(leaderboard["model"] == headline) & (leaderboard["role"] == "oof")].iloc[0]
    kind, ingestion, features = describe_served(
        Served(study.recording_kind, _without_paths(ingestion), features),
        options.raw,
        columns=_own_columns(exported),
    )
    manifest = Manifest(
        epochal_version=__version__,
        study=study.name,
        classes=study.classes,
        recording_kind=kind,
        data_source=str(row["data_source"]),
        population=options.population,
        licences=options.licences,
        ingestion=ingestion,
        feature_engineering=features,
        models=[
            _complete(entry, leaderboard, (quantised or {}).get(name))
            for name, (entry, _) in exported.items()
        ],
        headline=headline,
        causal=bool(row["causal"]) and sees_back_only(ingestion, features),
        metrics={str(name): _rounded(value) for name, value in row.items()},
        caveats=study.caveats,
        channels=list_channels(ingestion, features, training.get("rates", {})),
        precision=options.precision,
        libraries=list_libraries(),
        **_describe_headline(training, headline),
        **{**_of_every_model(training), **_name_seen(training, options.raw)},
    )
    files = {entry.file: content for entry, content in exported.values()}
    files |= {entry.file: content for entry, content in (quantised or {}).values()}
    tables = {**(descriptions or {}), METRICS: describe_metrics(leaderboard)}
    files |= {name: write_json(content) for name, content in tables.items()}
    return Bundle(manifest, files | {CARD: write_card(manifest).encode()})


def name_headline(leaderboard: pd.DataFrame, options: ExportOptions) -> str:
    """Return the model that the bundle answers with: conf's, or the best out of fold."""
    return options.model or choose_headline(leaderboard, causal_only=options.causal_only)


def _complete(
    entry: ModelEntry, leaderboard: pd.DataFrame, quantised: tuple[QuantisedEntry, bytes] | None
) -> ModelEntry:
    """Return a model's entry with its figures, and with its file of 8 bits if it has one."""
    figures = name_figures(leaderboard[leaderboard["model"] == entry.name])
    small = None if quantised is None else quantised[0]
    return entry.model_copy(update={"metrics": figures, "quantised": small})


def _describe_headline(training: Mapping[str, Any], headline: str) -> dict[str, Any]:
    return {name: training.get(name, {}).get(headline, []) for name in _BY_MODEL}


def _of_every_model(training: Mapping[str, Any]) -> dict[str, Any]:
    aside = (*_BY_MODEL, "rates")
    return {name: value for name, value in training.items() if name not in aside}


def _dumped(found: Mapping[str, list[Any]]) -> dict[str, list[dict[str, Any]]]:
    return {name: [one.model_dump() for one in several] for name, several in found.items()}


def _feature_names(table: pd.DataFrame) -> list[str]:
    """Return the table's feature columns: what stands in it beside keys, splits, labels, votes."""
    return select_columns(table, ("*",), "all")


def _own_columns(exported: Mapping[str, tuple[ModelEntry, bytes]]) -> set[str]:
    """Return the columns that the models take, but those that a stack makes of its bases."""
    entries = [entry for entry, _ in exported.values() if not entry.base_models]
    return {name for entry in entries for name in entry.columns}


def _base_models(model: FittedModel) -> list[str]:
    """Return a stack's base models in their frozen order: those of its columns."""
    if model.family != "stack":
        return []
    return list(dict.fromkeys(column.rsplit("__", 1)[0] for column in model.columns))


def _entry(model: FittedModel) -> ModelEntry:
    return ModelEntry(
        name=model.name,
        family=model.family,
        kind="" if model.options is None else model.options.kind,
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


def _name_seen(training: Mapping[str, Any], raw: RawOptions | None) -> dict[str, Any]:
    """Return what a recording is known by: its signals' hash, or of a table its subject's name."""
    if raw is None:
        return {"training_subjects": []}
    named = training["training_subjects"] if raw.name_subjects else []
    return {"training_recordings": [], "training_subjects": named}


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
