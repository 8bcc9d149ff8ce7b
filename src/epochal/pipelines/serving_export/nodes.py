"""Nodes of the serving export."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from epochal.models import bundle_trust, bundling, inventory, quantising
from epochal.models.cross_fitting import CrossFitted, join_table
from epochal.models.fitted_model import FittedModel
from epochal.models.stacking import choose_base_models, spread_models
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.options.models import StackingOptions
from epochal.options.results import EvaluationOptions, ExportOptions
from epochal.options.study import StudyOptions
from epochal.recording import Recording
from epochal.serving.bundle import Bundle
from epochal.serving.entries import ModelEntry, QuantisedEntry

Fitted = dict[str, Callable[[], CrossFitted]]


def export_models(
    classical_fitted: Fitted,
    deep_fitted: Fitted,
    stack_fitted: Fitted,
    features: pd.DataFrame,
    predictions: pd.DataFrame,
    stacking: StackingOptions,
    serving_export: ExportOptions,
) -> dict[str, tuple[ModelEntry, bytes]]:
    """Export every fitted model but the baselines, each checked on rows that it may meet."""
    fitted = _served(classical_fitted, deep_fitted, stack_fitted)
    stacked = choose_base_models(predictions[predictions["family"] != "stack"], stacking)
    tables = {
        "classical": features,
        "deep": features,
        "stack": spread_models(predictions, stacked, ("oof",)),
    }
    return bundling.export_models(fitted, tables, parity_rows=serving_export.parity_rows)


def quantise_models(
    exported_models: dict[str, tuple[ModelEntry, bytes]],
    deep_fitted: Fitted,
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    serving_export: ExportOptions,
) -> dict[str, tuple[QuantisedEntry, bytes]]:
    """Write networks with weights of 8 bits, where conf wants it and their labels agree."""
    table = join_table(features, epochs, splits)
    return quantising.quantise_models(exported_models, _served(deep_fitted), table, serving_export)


def describe_training(
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    recording_summary: pd.DataFrame,
    predictions: pd.DataFrame,
    stacking: StackingOptions,
    study: StudyOptions,
) -> dict[str, Any]:
    """Describe the training data as far as serving must know them."""
    table = join_table(features, epochs, splits)
    return bundling.describe_training(
        table, epochs, recording_summary, predictions, stacking, study
    )


def describe_trust(
    recordings: dict[str, Callable[[], Recording]],
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    predictions: pd.DataFrame,
    leaderboard: pd.DataFrame,
    serving_export: ExportOptions,
    feature_engineering: FeatureOptions,
    evaluation: EvaluationOptions,
    study: StudyOptions,
) -> dict[str, dict[str, Any]]:
    """Say when the headline's answers are to be trusted: drift, prediction sets, abstention."""
    return bundle_trust.describe_trust(
        join_table(features, epochs, splits),
        epochs,
        predictions,
        headline=bundling.name_headline(leaderboard, serving_export),
        features=feature_engineering,
        evaluation=evaluation,
        study=study,
        recordings=recordings,
    )


def assemble_bundle(
    exported_models: dict[str, tuple[ModelEntry, bytes]],
    quantised_models: dict[str, tuple[QuantisedEntry, bytes]],
    classical_fitted: Fitted,
    deep_fitted: Fitted,
    stack_fitted: Fitted,
    training_description: dict[str, Any],
    trust_description: dict[str, dict[str, Any]],
    leaderboard: pd.DataFrame,
    serving_export: ExportOptions,
    ingestion: IngestionOptions,
    feature_engineering: FeatureOptions,
    study: StudyOptions,
) -> Bundle:
    """Put models, what other programs need to know of them, manifest and model card together."""
    fitted = _served(classical_fitted, deep_fitted, stack_fitted)
    described = {name: bundling.mark_causal(model, fitted) for name, model in fitted.items()}
    return bundling.assemble_bundle(
        exported_models,
        training_description,
        leaderboard,
        options=serving_export,
        ingestion=ingestion,
        features=feature_engineering,
        study=study,
        descriptions=inventory.describe_models(described, study.classes) | trust_description,
        quantised=quantised_models,
    )


def _served(*families: Fitted) -> dict[str, FittedModel]:
    """Load the refits of all families but the baselines."""
    models = [load().model for family in families for load in family.values()]
    return {model.name: model for model in models if model.family != "baseline"}
