"""What a bundle keeps of its training data so that drift can be told, and how it is made.

Every limit comes from training subjects that were left out in turn: what they show against the
others is what a new subject may show without cause for alarm.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from pydantic import Field

from epochal.drift.confidence import ConfidenceReference
from epochal.drift.distances import count_below, ks_distances, list_edges, population_stability
from epochal.drift.faults import Fault
from epochal.drift.limits import (
    FALSE_ALARMS,
    centre_and_spread,
    choose_limit,
    shorten,
)
from epochal.drift.pattern import Pattern, choose_logs, fit_pattern, summarise
from epochal.drift.windows import Windows, list_windows
from epochal.options.base import Options

FILE = "drift.json"  # in a bundle
LEAST_SUBJECTS = 5
LEAST_EPOCHS = 10  # of a typical recording: the distribution of fewer says nothing
DISTRIBUTIONS, PATTERN = "distributions", "pattern"
_FARTHEST = 0.1  # the share of features whose distances make up the first statistic


class FeatureReference(Options):
    """A feature's distribution over all training epochs."""

    percentiles: list[float] = Field(description="0 to 100, of the epochs where it is known.")
    known: float = Field(description="Share of the training epochs where it is known.")


class FeatureLimits(Options):
    """What left-out subjects' windows show of a feature."""

    log_d_centre: float = Field(description="Median of ln D over left-out windows.")
    log_d_scale: float = Field(description="Their spread, as of a standard deviation.")
    d_quantiles: list[float] = Field(description="Quartiles and 95 % of D.")
    psi_quantiles: list[float] = Field(description="Quartiles and 95 % of the PSI.")


class Level(Options):
    """Windows of one length, and what left-out subjects show in them."""

    n_epochs: int | None = Field(description="Of a window; null: whole recordings.")
    typical_epochs: float
    n_windows: int
    features: dict[str, FeatureLimits]
    pattern: Pattern
    statistics: dict[str, tuple[float, float]] = Field(description="Centre and spread of each.")
    left_out: list[float] = Field(description="The largest statistic of each left-out window.")
    limit: float = Field(description="What 95 % of left-out subjects' windows stay below.")


class DriftReference(Options):
    """The content of a bundle's `drift.json`."""

    version: int = 1
    n_subjects: int
    false_alarms: float = FALSE_ALARMS
    features: dict[str, FeatureReference]
    faults: list[Fault]
    levels: list[Level] = Field(description="Whole recordings first.")
    confidence: ConfidenceReference | None = None
    channels: list[str] = Field(
        default_factory=list, description="Raw channels that are described beside the features."
    )

    @property
    def names(self) -> list[str]:
        """The features, in order."""
        return list(self.features)

    @property
    def counts(self) -> np.ndarray:
        """The reference distribution as `count_below` would give it, tied values together."""
        edges = self.edges
        n_edges = len(edges)
        places = np.arange(n_edges)
        tied = [np.searchsorted(column, column, side="right") - 1 for column in edges.T]
        below = places[np.stack(tied, axis=1)] / (n_edges - 1)
        return np.concatenate([below, np.ones((1, edges.shape[1]))])

    @property
    def edges(self) -> np.ndarray:
        """The features' percentiles: `(N_EDGES, n_features)`."""
        return np.array([feature.percentiles for feature in self.features.values()]).T


def build_reference(
    features: pd.DataFrame,
    recordings: pd.Series,
    subjects: pd.Series,
    *,
    faults: list[Fault],
    confidence: ConfidenceReference | None = None,
    channels: list[str] | None = None,
) -> DriftReference | None:
    """Return the reference of training epochs; a row of `features` each, in order.

    None where there are too few subjects to leave any out, or recordings are too short.
    """
    names = [str(name) for name in features if features[name].notna().any()]
    values = features[names].to_numpy(dtype=np.float64)
    owners = pd.factorize(subjects)[0]
    levels = list_windows(pd.factorize(recordings)[0], owners)
    typical = np.median([len(rows) for rows in levels[0].rows])
    if not names or len(np.unique(owners)) < LEAST_SUBJECTS or typical < LEAST_EPOCHS:
        return None
    edges = np.asarray(list_edges(values))
    logs = choose_logs(edges)
    known = np.isfinite(values).mean(axis=0)
    tried = [one for fault in faults if (one := restrict_fault(fault, names)) is not None]
    return DriftReference(
        n_subjects=len(np.unique(owners)),
        features={
            name: FeatureReference(percentiles=shorten(edges[:, place]), known=known[place])
            for place, name in enumerate(names)
        },
        faults=tried,
        levels=[_build_level(values, edges, logs, windows, names, tried) for windows in levels],
        confidence=confidence,
        channels=channels or [],
    )


def measure_statistics(
    distances: np.ndarray,
    quantiles: np.ndarray,
    limits: Mapping[str, FeatureLimits],
    pattern: Pattern,
    faults: list[Fault],
) -> dict[str, np.ndarray]:
    """Return each statistic of some windows, `(n_windows,)`, the larger the stranger.

    `distributions`: how far the tenth of the features that are farthest off lie beyond what left-
    out subjects show; `pattern`: the distance of the window's quantiles; and for each fault by how
    much the window would be nearer without it.
    """
    names = list(limits)
    found = {DISTRIBUTIONS: farthest(standardise_distances(distances, limits))}
    as_it_is = pattern.distances(quantiles)
    found[PATTERN] = as_it_is
    for fault in faults:
        found[fault.name] = as_it_is**2 - pattern.distances(fault.undo(quantiles, names)) ** 2
    return found


def standardise_distances(distances: np.ndarray, limits: Mapping[str, FeatureLimits]) -> np.ndarray:
    """Return how far ln D lies beyond that of left-out subjects: `(…, n_features)`."""
    centre = np.array([limit.log_d_centre for limit in limits.values()])
    scale = np.array([limit.log_d_scale for limit in limits.values()])
    return np.nan_to_num((_log(distances) - centre) / scale, nan=0.0)


def farthest(standardised: np.ndarray) -> np.ndarray:
    """Return the mean of the largest tenth over features: `(…,)`."""
    n_kept = max(1, round(_FARTHEST * standardised.shape[-1]))
    return np.asarray(np.sort(standardised, axis=-1)[..., -n_kept:].mean(axis=-1))


def restrict_fault(fault: Fault, names: list[str]) -> Fault | None:
    """Return a fault as far as the features are there; None where nothing of it is left."""
    known = set(names)
    if not set(fault.sources) <= known:
        return None
    factors = {name: value for name, value in fault.factors.items() if name in known}
    shifts = {name: value for name, value in fault.shifts.items() if name in known}
    if not (factors or shifts or fault.sources):
        return None
    return fault.model_copy(update={"factors": factors, "shifts": shifts})


def _build_level(
    values: np.ndarray,
    edges: np.ndarray,
    logs: np.ndarray,
    windows: Windows,
    names: list[str],
    faults: list[Fault],
) -> Level:
    quantiles = np.stack([summarise(values[rows]) for rows in windows.rows])
    distances, stability = _left_out_distances(values, edges, windows)
    limits = _limits(distances, stability, names)
    others = _limits_of_others(distances, stability, names, windows.subjects)
    found = _left_out_statistics(distances, quantiles, windows.subjects, others, logs, faults)
    scales = {name: centre_and_spread(column) for name, column in found.items()}
    largest = _largest_left_out(found, windows.subjects)
    return Level(
        n_epochs=windows.n_epochs,
        typical_epochs=float(np.median([len(rows) for rows in windows.rows])),
        n_windows=len(windows.rows),
        features=limits,
        pattern=_shortened(fit_pattern(quantiles, logs)),
        statistics=scales,
        left_out=shorten(np.sort(largest)),
        limit=choose_limit(largest, windows.subjects),
    )


def largest_statistic(
    found: Mapping[str, np.ndarray], scales: Mapping[str, tuple[float, float]]
) -> np.ndarray:
    """Return the largest standardised statistic of each window: `(n_windows,)`."""
    return np.max([(found[name] - centre) / scale for name, (centre, scale) in scales.items()], 0)


def _left_out_distances(
    values: np.ndarray, edges: np.ndarray, windows: Windows
) -> tuple[np.ndarray, np.ndarray]:
    """Return D and PSI of each window against all other subjects' epochs: `(n_windows, F)`."""
    counts = [count_below(values[rows], edges) for rows in windows.rows]
    total = count_below(values, edges)
    own = {
        subject: sum(
            (one for one, whose in zip(counts, windows.subjects, strict=True) if whose == subject),
            np.zeros_like(total),
        )
        for subject in np.unique(windows.subjects)
    }
    pairs = [(one, total - own[whose]) for one, whose in zip(counts, windows.subjects, strict=True)]
    distances = np.stack([ks_distances(*pair) for pair in pairs])
    return distances, np.stack([population_stability(*pair) for pair in pairs])


def _limits(
    distances: np.ndarray, stability: np.ndarray, names: list[str]
) -> dict[str, FeatureLimits]:
    limits = {}
    for place, name in enumerate(names):
        centre, scale = centre_and_spread(_log(distances[:, place]))
        limits[name] = FeatureLimits(
            log_d_centre=centre,
            log_d_scale=scale,
            d_quantiles=_describe(distances[:, place]),
            psi_quantiles=_describe(stability[:, place]),
        )
    return limits


def _limits_of_others(
    distances: np.ndarray, stability: np.ndarray, names: list[str], subjects: np.ndarray
) -> dict[int, dict[str, FeatureLimits]]:
    """Return for each subject what all others show: a subject must not set its own limits."""
    return {
        int(subject): _limits(distances[subjects != subject], stability[subjects != subject], names)
        for subject in np.unique(subjects)
    }


def _largest_left_out(found: dict[str, np.ndarray], subjects: np.ndarray) -> np.ndarray:
    """Return each window's largest statistic, in spreads of the *other* subjects' windows.

    In its own spread the limit would be too low for newcomers.
    """
    largest = np.empty(len(subjects))
    for subject in np.unique(subjects):
        own = subjects == subject
        scales = {name: centre_and_spread(column[~own]) for name, column in found.items()}
        of_own = {name: column[own] for name, column in found.items()}
        largest[own] = largest_statistic(of_own, scales)
    return largest


def _left_out_statistics(
    distances: np.ndarray,
    quantiles: np.ndarray,
    subjects: np.ndarray,
    limits: Mapping[int, Mapping[str, FeatureLimits]],
    logs: np.ndarray,
    faults: list[Fault],
) -> dict[str, np.ndarray]:
    """Return each statistic of each window, all that it is measured by without the subject."""
    parts: dict[str, np.ndarray] = {}
    for subject in np.unique(subjects):
        own = subjects == subject
        pattern = fit_pattern(quantiles[~own], logs)
        found = measure_statistics(
            distances[own], quantiles[own], limits[int(subject)], pattern, faults
        )
        for name, column in found.items():
            parts.setdefault(name, np.empty(len(subjects)))[own] = column
    return parts


def _describe(column: np.ndarray) -> list[float]:
    known = column[np.isfinite(column)]
    return shorten(np.quantile(known, [0.25, 0.5, 0.75, 0.95])) if len(known) else []


def _log(distances: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(np.maximum(distances, 1 / 200)))


def _shortened(pattern: Pattern) -> Pattern:
    return Pattern(
        logs=pattern.logs,
        centre=shorten(pattern.centre),
        scale=shorten(pattern.scale),
        directions=[shorten(np.round(row, 4)) for row in pattern.directions],
        variances=shorten(pattern.variances),
    )
