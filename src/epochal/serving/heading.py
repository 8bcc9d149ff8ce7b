"""A bundle's models with another one as their headline."""

from __future__ import annotations

from copy import copy
from typing import Any

from epochal.errors import EpochalError, did_you_mean
from epochal.options.features import FeatureOptions
from epochal.options.ingestion import IngestionOptions
from epochal.serving.bundle import STACK, Manifest, Scorer
from epochal.serving.entries import Adaptation

_ROLES = ("test", "oof", "val")  # whose figures are told first


def refuse_unknown_model(manifest: Manifest, model: str) -> None:
    """Refuse a model that the bundle does not have, `EpochalError` with those that it has."""
    known = [*(entry.name for entry in manifest.models), *manifest.smoothing]
    if model not in known:
        raise EpochalError(f"No model '{model}' in the bundle{did_you_mean(model, known)}")


def looks_back_only(manifest: Manifest, model: str) -> bool:
    """Say whether a model's answer to an epoch looks back only, filters and flags and all."""
    if not sees_back_only(manifest.ingestion, manifest.feature_engineering):
        return False
    causal = {entry.name: entry.causal for entry in manifest.models}
    smoothing = manifest.smoothing.get(model)
    if smoothing is None:
        return causal[model]
    return causal[STACK] and smoothing.kind == "forward"


def sees_back_only(ingestion: IngestionOptions, features: FeatureOptions) -> bool:
    """Say whether what any model is given of an epoch, and its flags, depend on none after it."""
    return not features.looks_ahead and ingestion.quality.reference == "window"


def with_headline(scorer: Scorer, model: str | None) -> Scorer:
    """Return a scorer that answers by another of its models, which it shares with the one given.

    What was said of the headline alone is left out: its figures, prediction sets and abstention,
    how sure it usually is, and what a lab's adaptation made of its answers. None, or the headline
    itself, changes nothing; an unknown model raises `EpochalError`.
    """
    manifest = scorer.manifest
    if model is None or model == manifest.headline:
        return scorer
    refuse_unknown_model(manifest, model)
    scorer.__dict__.setdefault("_sessions", {})  # one of each for both
    other, rules, reference = copy(scorer), scorer.answer_rules, scorer.drift_reference
    other.__dict__.pop("fingerprint", None)
    other.manifest = manifest.model_copy(update=_said_of(manifest, model))
    other.answer_rules = rules if rules is not None and rules.model == model else None
    if reference is not None:
        other.drift_reference = reference.model_copy(update={"confidence": None})
    return other


def _said_of(manifest: Manifest, model: str) -> dict[str, Any]:
    caveat = f"Scored by the model '{model}', not by the bundle's headline '{manifest.headline}'."
    return {
        "headline": model,
        "causal": looks_back_only(manifest, model),
        "metrics": _figures_of(manifest, model),
        "strata": [],
        "confusions": [],
        "adaptation": _forget_fit(manifest.adaptation),
        "caveats": (caveat, *manifest.caveats),
    }


def _figures_of(manifest: Manifest, model: str) -> dict[str, Any]:
    """Return a model's own figures; none of a smoothing, which has no entry."""
    by_role = next((entry.metrics for entry in manifest.models if entry.name == model), {})
    for role in _ROLES:
        if role in by_role:
            return {"role": role, "data_source": manifest.data_source, **by_role[role]}
    return {}


def _forget_fit(adaptation: Adaptation | None) -> Adaptation | None:
    """Keep what the bundle was adapted on, which it has seen, and not what that changed."""
    if adaptation is None:
        return None
    return adaptation.model_copy(update={"calibration": None, "last_stage": None})
