"""Answers of any model of a bundle to epochs that are given: as features, or as a recording.

`scoring.score_recording` is for whole files and refuses what is unlike the training data; here
such epochs are answered and flagged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.errors import EpochalError, RecordingError, did_you_mean
from epochal.features import prepare_inputs
from epochal.readers.substitution import substitutions_of
from epochal.recording import Recording
from epochal.serving.bundle import STACK, Manifest, Scorer
from epochal.serving.rows import Rows, Table
from epochal.serving.scoring import (
    OUTSIDE_SHARE,
    allow_substitutes,
    compute_features,
    name_flags,
    outside_reference,
)
from epochal.signals.epoching import index_epochs

ALONE, OUTSIDE, NOT_SCORED = "without_neighbours", "outside_reference", "not_scored"
_NEEDS_NEIGHBOURS = re.compile(r"__(?!middle\d)")
_N_NAMED = 3
_FACTS: WeakKeyDictionary[Scorer, dict[Any, Any]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Answers:
    """What a model says of epochs: arrays, for a table costs more than most models do.

    `proba` is `(n_epochs, n_classes)`, NaN where nothing can be said; `flags` are each epoch's.
    `sets` and `abstain` are None of a bundle, or a model, without rules.
    """

    onset_s: np.ndarray
    proba: np.ndarray
    flags: list[list[str]]
    sets: list[str] | None = None
    abstain: list[bool] | None = None

    def __len__(self) -> int:
        """Count the epochs."""
        return len(self.proba)

    def labels(self, classes: tuple[str, ...]) -> list[str]:
        """Return each epoch's most probable class, empty where it was not scored."""
        known = np.isfinite(self.proba).all(axis=1)
        best = np.where(known[:, None], self.proba, 0.0).argmax(axis=1)
        return [classes[code] if one else "" for code, one in zip(best, known, strict=True)]

    def with_flags(self, more: list[list[str]]) -> Answers:
        """Return the answers with further flags."""
        both = [[*own, *others] for own, others in zip(self.flags, more, strict=True)]
        return replace(self, flags=both)


def answer_features(
    features: Table,
    scorer: Scorer,
    *,
    model: str | None = None,
    runs: np.ndarray | None = None,
) -> Answers:
    """Return the answers to rows of features.

    `runs` says which rows follow one another, `(n_epochs,)`; by default all do. `onset_s` is not
    known. A model that sees windows, unknown columns and missing ones raise `EpochalError`.
    """
    if scorer.sees_windows(model):
        raise EpochalError(
            f"Model '{model or scorer.manifest.headline}' sees the samples themselves: send "
            "signals, not features"
        )
    refuse_unknown_columns(features, scorer)
    lacking = scorer.lacking_columns(features, model)
    if lacking:
        raise EpochalError(f"{len(lacking)} columns are missing: {_shorten(lacking)}")
    n_epochs = len(features)
    runs = np.zeros(n_epochs, dtype=int) if runs is None else runs
    flags: list[list[str]] = [[] for _ in range(n_epochs)]
    answers = Answers(np.full(n_epochs, np.nan), np.empty(0), flags)
    return _answer(features, answers, runs, scorer, model=model)


def answer_recording(
    recording: Recording,
    scorer: Scorer,
    *,
    model: str | None = None,
    allow_substitution: bool = False,
) -> tuple[Answers, pd.DataFrame]:
    """Return the answers as `answer_features` does, and the features that they stand on.

    A missing channel, a recording shorter than an epoch, and one whose rates cannot give the
    model's features raise `RecordingError`.
    """
    manifest = scorer.manifest
    recording = allow_substitutes(recording, manifest, allow=allow_substitution)
    epochs = index_epochs(recording, manifest.ingestion.model_copy(update={"trim": None}))
    if epochs.empty:
        needed_s = manifest.ingestion.epoch_length_s
        raise RecordingError(
            recording.recording_id,
            f"{recording.duration_s:g} s of signals; an epoch needs {needed_s:g} s",
        )
    features = compute_features(recording, epochs, manifest)
    _refuse_poor_channels(recording, scorer.lacking_columns(features, model))
    inputs = None
    if scorer.sees_windows(model):
        inputs = prepare_inputs(recording, epochs, manifest.feature_engineering)
    named = name_flags(
        epochs,
        np.zeros(len(epochs)),
        np.ones(len(epochs), dtype=bool),
        substituted=bool(substitutions_of(recording)),
    )
    flags = [one.split(";") if one else [] for one in named]
    answers = Answers(epochs["onset_s"].to_numpy(dtype=float), np.empty(0), flags)
    runs = epochs["run"].to_numpy(dtype=int)
    return _answer(features, answers, runs, scorer, model=model, inputs=inputs), features


def known_columns(scorer: Scorer) -> frozenset[str]:
    """Return the columns that the bundle's models have any use for."""
    manifest = scorer.manifest

    def find() -> frozenset[str]:
        used = {c for entry in manifest.models if not entry.base_models for c in entry.columns}
        return frozenset(used | set(manifest.reference))

    return _once(scorer, "columns", find)


def refuse_unknown_columns(features: Table, scorer: Scorer) -> None:
    """Refuse columns that no model of the bundle knows, with the name that may have been meant."""
    known = known_columns(scorer)
    unknown = [name for name in map(str, features) if name not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known)
        hint = hint if "did you mean" in hint else "; /api/bundle names those that it knows"
        raise EpochalError(f"Unknown column '{unknown[0]}'{_others(unknown)}{hint}")


def name_neighbourhood(scorer: Scorer, model: str | None, *, from_signals: bool) -> str | None:
    """Say how a model's answer to an epoch depends on those around it; None where it does not.

    `from_signals`: whether columns of context are computed from the request, too.
    """
    manifest = scorer.manifest
    name = model or manifest.headline
    return _once(
        scorer, (name, from_signals), lambda: _name(manifest, name, from_signals=from_signals)
    )


def _once(scorer: Scorer, key: Any, find: Callable[[], Any]) -> Any:
    """Return a fact of a bundle, found once: each request asks for it."""
    facts = _FACTS.setdefault(scorer, {})
    if key not in facts:
        facts[key] = find()
    return facts[key]


def _name(manifest: Manifest, name: str, *, from_signals: bool) -> str | None:
    reasons = []
    if name in manifest.smoothing:
        reasons.append("its probabilities are smoothed along a run")
    entries = _entries_behind(manifest, name)
    lengths = [entry.sequence.length for entry in entries if entry.sequence is not None]
    if max(lengths, default=1) > 1:
        reasons.append(f"its network sees {max(lengths)} epochs at a time")
    context = [c for entry in entries for c in entry.columns if _is_context(c, manifest)]
    if from_signals and context:
        reasons.append(f"columns such as '{context[0]}' are computed from other epochs")
    if not reasons:
        return None
    return (
        f"A request is one run of epochs in order: model '{name}' answers an epoch by those "
        f"around it in the same request ({'; '.join(reasons)}). An epoch sent alone has none, "
        f"and is flagged '{ALONE}'."
    )


def flag_lonely(answers: Answers, runs: np.ndarray) -> Answers:
    """Return the answers with those flagged that are alone in their run."""
    _, places, counts = np.unique(runs, return_inverse=True, return_counts=True)
    return answers.with_flags([[ALONE] if alone else [] for alone in counts[places] == 1])


def _entries_behind(manifest: Manifest, name: str) -> list:
    """Return the model's entry, or those that it stacks."""
    entries = {entry.name: entry for entry in manifest.models}
    own = entries.get(STACK if name in manifest.smoothing else name)
    if own is None:
        return []
    return [entries[base] for base in own.base_models] or [own]


def _is_context(column: str, manifest: Manifest) -> bool:
    signals = manifest.feature_engineering.signals
    given = tuple(f"{prefix}_" for prefix, one in signals.items() if one.array is not None)
    return bool(_NEEDS_NEIGHBOURS.search(column)) and not column.startswith(given or ("\0",))


def _answer(
    features: Table,
    begun: Answers,
    runs: np.ndarray,
    scorer: Scorer,
    *,
    model: str | None,
    inputs: EpochInputs | None = None,
) -> Answers:
    """Return the answers that were begun with probabilities, and with what follows from them."""
    usable = _usable(features, scorer, model=model, inputs=inputs)
    proba = _predict_runs(features, runs, usable, scorer, model=model, inputs=inputs)
    known = np.isfinite(proba).all(axis=1)
    outside = outside_reference(features, scorer.manifest) > OUTSIDE_SHARE
    answers = replace(begun, proba=proba).with_flags(
        [
            [*([OUTSIDE] if far else []), *([] if said else [NOT_SCORED])]
            for far, said in zip(outside, known, strict=True)
        ]
    )
    rules = scorer.answer_rules
    if rules is None or rules.model != (model or scorer.manifest.headline):
        return answers
    sets, abstain = rules.decide(proba)
    return replace(answers, sets=sets.tolist(), abstain=abstain.tolist())


def _usable(
    features: Table, scorer: Scorer, *, model: str | None, inputs: EpochInputs | None
) -> np.ndarray:
    """Say of which rows the model may speak; where nothing is missing, it may of all."""
    if inputs is None and isinstance(features, Rows) and np.isfinite(features.to_numpy()).all():
        return np.ones(len(features), dtype=bool)
    return scorer.known_rows(features, model, inputs=inputs)


def _predict_runs(
    features: Table,
    runs: np.ndarray,
    usable: np.ndarray,
    scorer: Scorer,
    *,
    model: str | None,
    inputs: EpochInputs | None,
) -> np.ndarray:
    """Return probabilities `(n_epochs, n_classes)`, run by run; NaN where nothing can be said."""
    proba = np.full((len(features), len(scorer.manifest.classes)), np.nan)
    if name_neighbourhood(scorer, model, from_signals=False) is None:
        runs = np.zeros_like(runs)  # no row knows of another: all at once
    for one in np.unique(runs[usable]):
        rows = runs == one
        of_run = None if inputs is None else inputs.take(rows)
        own = features if rows.all() else features[rows]
        proba[rows] = scorer.predict(own, model, inputs=of_run)
    proba[~usable] = np.nan
    return proba


def _refuse_poor_channels(recording: Recording, lacking: list[str]) -> None:
    if lacking:
        rates = ", ".join(f"{one.name} at {one.sfreq:g} Hz" for one in recording.channels)
        raise RecordingError(
            recording.recording_id,
            f"it cannot give the model's features {_shorten(lacking)}; it has: {rates}",
        )


def _shorten(names: list[str]) -> str:
    return ", ".join(names[:_N_NAMED]) + _others(names, shown=_N_NAMED)


def _others(names: list[str], *, shown: int = 1) -> str:
    return f" and {len(names) - shown} more" if len(names) > shown else ""
