"""What a bundle says of how far to trust it: its drift reference, and its answers' rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from epochal import answers
from epochal.answers import AnswerRules
from epochal.drift import reference as drift
from epochal.drift.channels import (
    describe_channels,
    gain_response,
    list_channel_swaps,
    list_rate_faults,
    list_used_channels,
)
from epochal.drift.confidence import ConfidenceReference, describe_confidence
from epochal.drift.faults import (
    Fault,
    guess_signals,
    list_gains,
    list_swaps,
    responses_by_unit,
)
from epochal.drift.probing import probe_gains
from epochal.drift.reference import build_reference
from epochal.evaluation import abstention, conformal
from epochal.evaluation.leaving_out import NOBODY
from epochal.evaluation.scored import Scored, list_scored
from epochal.labels import VOTE
from epochal.options.features import FeatureOptions
from epochal.options.results import EvaluationOptions
from epochal.options.study import StudyOptions
from epochal.recording import Recording

_LEAST_SUBJECTS = 5
_NOT_OF_THE_SIGNAL = (VOTE, "demographics_", "clock_", "light_", "quality_")


def describe_trust(
    table: pd.DataFrame,
    epochs: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    headline: str,
    features: FeatureOptions,
    evaluation: EvaluationOptions,
    study: StudyOptions,
    recordings: Mapping[str, Callable[[], Recording]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the content of `answers.json` and `drift.json`, each only where it can be made.

    `table` is what `join_table` returns; `headline` the model that the bundle answers with. Rules
    and references come from training subjects, each judged while it was left out. Without the
    stored `recordings` drift is told by features alone.
    """
    out_of_fold = predictions[(predictions["model"] == headline) & (predictions["role"] == "oof")]
    found: dict[str, dict[str, Any]] = {}
    known = [one for one in list_scored(out_of_fold, epochs, study.classes) if one.n_subjects > 1]
    if known and known[0].n_subjects >= _LEAST_SUBJECTS:
        found[answers.FILE] = fit_answer_rules(known[0], evaluation).model_dump(mode="json")
    training = table[table["role"] == "train"].sort_values(["recording_id", "epoch"])
    own = training[list_own_features(training)]
    channels = list_used_channels(features) if recordings else []
    if channels and recordings:
        own = own.join(_describe_channels(training, epochs, recordings, channels))
    reference = build_reference(
        own,
        training["recording_id"],
        training["subject_id"],
        faults=list_faults(list(own), features, channels),
        channels=channels,
        confidence=_describe_confidence(out_of_fold, table, headline, study.classes),
    )
    if reference is not None:
        found[drift.FILE] = reference.model_dump(mode="json")
    return found


def fit_answer_rules(known: Scored, evaluation: EvaluationOptions) -> AnswerRules:
    """Return the rules that all subjects' out-of-fold epochs together give."""
    nobody = np.array([NOBODY])
    (sets,) = conformal.fit_by_class(known, nobody, evaluation.sets)
    (least,) = abstention.fit_thresholds(known, nobody, wanted_error=evaluation.wanted_error)
    return AnswerRules(
        model=known.model,
        classes=known.classes,
        n_subjects=known.n_subjects,
        score=evaluation.sets.score,
        coverage=evaluation.sets.coverage,
        set_thresholds=[_finite(limit) for limit in sets],
        wanted_error=evaluation.wanted_error,
        abstain_below=_finite(least),
    )


def list_own_features(table: pd.DataFrame) -> list[str]:
    """Return the features of the signals themselves: normalised and averaged ones say no more."""
    return [
        str(name)
        for name in table.select_dtypes("floating")
        if "__" not in str(name) and not str(name).startswith(_NOT_OF_THE_SIGNAL)
    ]


def list_faults(
    names: list[str], features: FeatureOptions, channels: list[str] | None = None
) -> list[Fault]:
    """Return the faults to try windows for: gains, swaps and, of raw channels, a wrong rate."""
    signals = tuple(features.signals) or guess_signals(names)
    if not features.signals:
        return [*list_gains(responses_by_unit(names, signals)), *list_swaps(names, signals)]
    responses = probe_gains(features)
    swaps = list(list_swaps(names, signals))
    if channels:
        for prefix, signal in features.signals.items():
            known = responses.get(prefix, Fault(name=prefix))
            responses[prefix] = known.joined(gain_response(signal.channels, prefix))
        swaps = _join_swaps(swaps, features)
    return [*list_gains(responses), *swaps, *list_rate_faults(channels or [])]


def _join_swaps(swaps: list[Fault], features: FeatureOptions) -> list[Fault]:
    """Return the swaps of channels that are a signal each, with those of their features.

    The axes of one sensor are left out: turning it is no fault of the file.
    """
    prefixes = {
        signal.channels[0]: prefix
        for prefix, signal in features.signals.items()
        if len(signal.channels) == 1
    }
    of_signals = {swap.name: swap for swap in swaps}
    found = []
    for (one, two), fault in list_channel_swaps(list(prefixes)):
        name = f"{prefixes[one]} and {prefixes[two]} swapped"
        found.append(fault.joined(of_signals[name]) if name in of_signals else fault)
    return found


def _describe_channels(
    training: pd.DataFrame,
    epochs: pd.DataFrame,
    recordings: Mapping[str, Callable[[], Recording]],
    channels: list[str],
) -> pd.DataFrame:
    """Return the raw channels' columns of the training rows, in their order."""
    keys = training[["recording_id", "epoch"]].reset_index()
    rows = keys.merge(epochs, on=["recording_id", "epoch"], how="left").set_index("index")
    parts = [
        describe_channels(recordings[str(name)](), part, channels)
        for name, part in rows.groupby("recording_id", sort=False)
        if name in recordings
    ]
    return pd.concat(parts).reindex(training.index)


def _describe_confidence(
    out_of_fold: pd.DataFrame, table: pd.DataFrame, model: str, classes: tuple[str, ...]
) -> ConfidenceReference | None:
    owners = table[["recording_id", "epoch", "subject_id"]]
    rows = out_of_fold.merge(owners, on=["recording_id", "epoch"])
    if rows["subject_id"].nunique() < _LEAST_SUBJECTS:
        return None
    return describe_confidence(rows, rows["subject_id"], model=model, classes=classes)


def _finite(limit: float) -> float | None:
    return round(float(limit), 6) if np.isfinite(limit) else None
