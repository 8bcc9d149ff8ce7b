"""From a JSON request to answers: what is in it, which epochs, and what the model says of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from epochal.answers import SEPARATOR
from epochal.errors import EpochalError, explain
from epochal.recording import DataSource
from epochal.serving.answering import (
    Answers,
    answer_features,
    answer_recording,
    flag_lonely,
    name_neighbourhood,
)
from epochal.serving.bundle import Scorer
from epochal.serving.harmful_bodies import make_harmful_eeg
from epochal.serving.messages.answers import EpochAnswer
from epochal.serving.messages.requests import Sample
from epochal.serving.payloads import count_epochs, make_recording, make_rows
from epochal.serving.rows import Table, to_table


class Asked(NamedTuple):
    """Of which bundle and model, and how far it may go."""

    scorer: Scorer
    model: str | None = None
    allow_substitution: bool = False


class Predicted(NamedTuple):
    """Answers to the epochs of a request, the features they stand on, and what is to be said."""

    answers: Answers
    features: Table
    notes: tuple[str, ...]
    data_source: DataSource


def predict_run(sample: Sample, asked: Asked) -> Predicted:
    """Return the answers to the epochs of one form, which follow one another."""
    scorer, from_signals = asked.scorer, sample.features is None
    if sample.features is not None:
        features: Table = make_rows(sample.features)
        answers = answer_features(features, scorer, model=asked.model)
        notes: tuple[str, ...] = ()
    else:
        make = make_recording if sample.signals is not None else make_harmful_eeg
        given = make(sample, scorer.manifest)
        answers, features = answer_recording(
            given.recording,
            scorer,
            model=asked.model,
            allow_substitution=asked.allow_substitution,
        )
        answers = answers.with_flags([list(given.flags)] * len(answers))
        notes = given.notes
    runs = np.zeros(len(answers))
    answers, more = _tell_of_neighbours(answers, runs, asked, from_signals=from_signals)
    return Predicted(answers, features, (*notes, *more), sample.data_source)


def predict_one(sample: Sample, asked: Asked) -> Predicted:
    """Return the answer to the one epoch of a request; any other number raises `EpochalError`."""
    if isinstance(sample.features, list) and len(sample.features) > 1:
        _refuse_several(len(sample.features))
    n_epochs = count_epochs(sample, asked.scorer.manifest)
    if n_epochs > 1:
        _refuse_several(n_epochs)
    predicted = predict_run(sample, asked)
    if len(predicted.answers) != 1:
        _refuse_several(len(predicted.answers))
    return predicted


def predict_samples(samples: list[Sample], asked: Asked) -> Predicted:
    """Return the answers to single epochs that know nothing of one another.

    What is wrong with one of them raises `EpochalError` with its number.
    """
    if all(isinstance(sample.features, dict) for sample in samples):
        return _predict_rows(samples, asked)
    parts = []
    for number, sample in enumerate(samples):
        try:
            parts.append(predict_one(sample, asked))
        except EpochalError as error:
            raise EpochalError(f"samples.{number}: {explain(error)}") from error
    answers = _join([part.answers for part in parts])
    features = pd.concat([to_table(part.features) for part in parts], ignore_index=True)
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return Predicted(answers, features, notes, _source(samples))


def list_answers(answers: Answers, classes: tuple[str, ...]) -> list[EpochAnswer]:
    """Return answers as messages."""
    labels = answers.labels(classes)
    return [
        EpochAnswer(
            epoch=row,
            onset_s=_finite(answers.onset_s[row]),
            label=labels[row] or None,
            confidence=_finite(proba.max()) if labels[row] else None,
            probabilities={name: _finite(one) for name, one in zip(classes, proba, strict=True)},
            flags=answers.flags[row],
            prediction_set=None if answers.sets is None else _split(answers.sets[row]),
            abstain=None if answers.abstain is None else answers.abstain[row],
        )
        for row, proba in enumerate(answers.proba)
    ]


def _predict_rows(samples: list[Sample], asked: Asked) -> Predicted:
    """Answer single rows of features at once, each a run of its own."""
    features = make_rows([sample.features for sample in samples])  # type: ignore[misc]
    runs = np.arange(len(features))
    answers = answer_features(features, asked.scorer, model=asked.model, runs=runs)
    answers, notes = _tell_of_neighbours(answers, runs, asked, from_signals=False)
    return Predicted(answers, features, notes, _source(samples))


def _tell_of_neighbours(
    answers: Answers, runs: np.ndarray, asked: Asked, *, from_signals: bool
) -> tuple[Answers, tuple[str, ...]]:
    note = name_neighbourhood(asked.scorer, asked.model, from_signals=from_signals)
    return (answers, ()) if note is None else (flag_lonely(answers, runs), (note,))


def _join(parts: list[Answers]) -> Answers:
    """Return the answers of several requests as one's; all are of one model."""
    first = parts[0]
    return Answers(
        np.concatenate([part.onset_s for part in parts]),
        np.concatenate([part.proba for part in parts]),
        [flags for part in parts for flags in part.flags],
        None if first.sets is None else [one for part in parts for one in part.sets or []],
        None if first.abstain is None else [one for part in parts for one in part.abstain or []],
    )


def _source(samples: list[Sample]) -> DataSource:
    return "real" if all(sample.data_source == "real" for sample in samples) else "simulated"


def _refuse_several(n_epochs: int) -> None:
    raise EpochalError(f"{n_epochs} epochs; /predict answers one, /predict_batch several")


def _split(classes: str) -> list[str]:
    return classes.split(SEPARATOR) if classes else []


def _finite(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
