"""The verdict on a window of incoming epochs, and what drives it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from epochal.drift.distances import count_below, ks_distances, population_stability
from epochal.drift.pattern import summarise
from epochal.drift.reference import (
    DISTRIBUTIONS,
    PATTERN,
    DriftReference,
    Level,
    measure_statistics,
    standardise_distances,
)

N_DRIVERS = 8  # features named in a verdict
_WHOLE_FROM = 0.5  # a window is judged as a recording from this share of a typical one on
_LOST = 0.5  # of the training epochs had the feature, and none of these


def judge_window(features: pd.DataFrame, reference: DriftReference) -> dict[str, Any]:
    """Return the verdict on some epochs in a row, `features` a row each.

    `drift` is None where the window is shorter than any that left-out subjects were tried with.
    `score` is the largest of the `statistics`, each in spreads of left-out subjects; drift is a
    score beyond `limit`, or a feature that was lost. `drivers` are the features farthest beyond
    what left-out subjects show, with D, PSI, and what 95 % of those subjects' windows stay below.
    """
    level = choose_level(len(features), reference)
    if level is None:
        shortest = min(one.n_epochs or one.typical_epochs for one in reference.levels)
        return {
            "drift": None,
            "n_epochs": len(features),
            "reason": f"fewer than {shortest:g} epochs are too few to judge",
        }
    values = _columns(features, reference)
    distances, stability = measure_distances(values, reference)
    quantiles = summarise(values)[None]
    found = measure_statistics(
        distances[None], quantiles, level.features, level.pattern, reference.faults
    )
    scores = {
        name: float((found[name][0] - centre) / scale)
        for name, (centre, scale) in level.statistics.items()
    }
    lost = _lost(values, reference)
    score = max(scores.values())
    return {
        "drift": bool(score > level.limit or lost),
        "score": round(score, 3),
        "limit": round(level.limit, 3),
        "left_out_share_above": round(float(np.mean(np.array(level.left_out) >= score)), 4),
        "compared_with": "whole recordings" if level.n_epochs is None
        else f"windows of {level.n_epochs} epochs",
        "n_epochs": len(features),
        "n_training_subjects": reference.n_subjects,
        "statistics": {name: round(value, 3) for name, value in scores.items()},
        "likely_fault": _likely_fault(found, scores, level),
        "lost_features": lost,
        "drivers": _name_drivers(distances, stability, level),
    }  # fmt: skip


def choose_level(n_epochs: int, reference: DriftReference) -> Level | None:
    """Return the longest windows that a window may be compared with."""
    for level in reference.levels:
        if n_epochs >= (level.n_epochs or _WHOLE_FROM * level.typical_epochs):
            return level
    return None


def measure_distances(
    values: np.ndarray, reference: DriftReference
) -> tuple[np.ndarray, np.ndarray]:
    """Return each feature's D and PSI against the reference: both `(n_features,)`."""
    counts, known = count_below(values, reference.edges), reference.counts
    scaled = known * 1e6  # shares as of so many epochs that the prior of empty bins is nothing
    return ks_distances(counts, known), population_stability(counts, scaled)


def _columns(features: pd.DataFrame, reference: DriftReference) -> np.ndarray:
    return features.reindex(columns=reference.names).to_numpy(dtype=np.float64)


def _lost(values: np.ndarray, reference: DriftReference) -> list[str]:
    """Name the features that training mostly had and this window never has."""
    empty = ~np.isfinite(values).any(axis=0)
    return [
        name
        for (name, feature), gone in zip(reference.features.items(), empty, strict=True)
        if gone and feature.known >= _LOST
    ]


def _likely_fault(
    found: dict[str, np.ndarray], scores: dict[str, float], level: Level
) -> str | None:
    """Name the fault without which the window would be nearest, where one is reason for alarm.

    Nearness is comparable between faults, as likelihoods are; their scores are not.
    """
    faults = [name for name in scores if name not in (DISTRIBUTIONS, PATTERN)]
    if not any(scores[name] > level.limit for name in faults):
        return None
    return max(faults, key=lambda name: float(found[name][0]))


def _name_drivers(
    distances: np.ndarray, stability: np.ndarray, level: Level
) -> list[dict[str, Any]]:
    beyond = standardise_distances(distances, level.features)
    names = list(level.features)
    order = [place for place in np.argsort(-beyond) if np.isfinite(distances[place])]
    return [
        {
            "feature": names[place],
            "beyond": round(float(beyond[place]), 3),
            "d": round(float(distances[place]), 4),
            "d_limit": _last(level.features[names[place]].d_quantiles),
            "psi": round(float(stability[place]), 4),
            "psi_limit": _last(level.features[names[place]].psi_quantiles),
        }
        for place in order[:N_DRIVERS]
    ]


def _last(values: list[float]) -> float | None:
    return round(values[-1], 4) if values else None
