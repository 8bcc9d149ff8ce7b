"""What a study's report says of its headline model: classes, errors, recordings, trust."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from epochal.evaluation.by_recording import choose_worst, f1_of
from epochal.evaluation.error_view import describe, draw_errors, rows_of
from epochal.evaluation.report.results import ROLE_NAMES, StudyResults

N_SHOWN, N_LISTED, N_ERRORS = 3, 10, 10


class ClassFigures(NamedTuple):
    """How a class is found in a role."""

    role: str
    name: str
    n_epochs: int
    precision: float
    recall: float
    f1: float


class Cell(NamedTuple):
    """A cell of a confusion matrix: how many, and which share of the expert's class."""

    n_epochs: int
    share: float


class Confusion(NamedTuple):
    """A class that the expert said, another that the model did, and how often."""

    truth: str
    guess: str
    n_epochs: int
    share_of_errors: float


class Sure(NamedTuple):
    """An epoch of which the model was sure, and wrong."""

    recording_id: str
    epoch: int
    onset_s: float
    truth: str
    guess: str
    proba: float


class Shown(NamedTuple):
    """A recording that the report draws."""

    told: str
    drawing: Markup


class Burden(NamedTuple):
    """A class's share of each recording, the model's less the expert's."""

    name: str
    expert: float
    model: float
    bias: float
    low: float
    high: float


def measure_classes(results: StudyResults) -> list[ClassFigures]:
    """Return precision, recall and F1 of each class, out of fold and on test subjects."""
    rows = []
    for role in ("oof", "test"):
        if not results.has_role(role):
            continue
        table = results.confusion(role)
        hits, said, there = np.diag(table), table.sum(axis=0), table.sum(axis=1)
        for code, name in enumerate(results.classes):
            precision = hits[code] / said[code] if said[code] else np.nan
            recall = hits[code] / there[code] if there[code] else np.nan
            f1 = float(f1_of(table)[code])
            told = ROLE_NAMES[role]
            rows.append(
                ClassFigures(told, name, int(there[code]), float(precision), float(recall), f1)
            )
    return rows


def lay_confusion(results: StudyResults, role: str) -> list[list[Cell]]:
    """Return the confusion matrix, the expert in rows."""
    table = results.confusion(role)
    return [[Cell(int(n), float(n) / max(row.sum(), 1)) for n in row] for row in table]


def list_confusions(results: StudyResults, role: str, *, n: int = 6) -> list[Confusion]:
    """Return the most frequent errors, with their share of all errors."""
    table = results.confusion(role).astype(float)
    np.fill_diagonal(table, 0)
    order = np.argsort(table, axis=None)[::-1][:n]
    pairs = [np.unravel_index(place, table.shape) for place in order]
    return [
        Confusion(
            results.classes[truth], results.classes[guess], int(table[truth, guess]),
            float(table[truth, guess] / table.sum()),
        )
        for truth, guess in pairs
        if table[truth, guess]
    ]  # fmt: skip


def list_sure_errors(results: StudyResults) -> list[Sure]:
    """Return the errors that the model was surest of, in the most independent role."""
    rows = results.rows(results.best_role)
    truth, proba = results.codes(results.best_role)
    guess, sure = proba.argmax(axis=1), proba.max(axis=1)
    wrong = np.flatnonzero(guess != truth)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:N_ERRORS]
    known = rows.merge(results.epochs[["recording_id", "epoch", "onset_s"]], how="left")
    onsets = known["onset_s"].to_numpy(float)
    return [
        Sure(
            str(rows["recording_id"].iloc[place]), int(rows["epoch"].iloc[place]),
            float(onsets[place]), results.classes[truth[place]], results.classes[guess[place]],
            float(sure[place]),
        )
        for place in worst
    ]  # fmt: skip


def list_worst(results: StudyResults, *, n: int = N_LISTED) -> list[dict[str, Any]]:
    """Return the figures of the worst recordings that the headline has not seen."""
    worst = choose_worst(results.by_recording, results.headline, n=n)
    return [{**row, "role": ROLE_NAMES[row["role"]]} for row in worst.to_dict("records")]


def show_worst(results: StudyResults, *, n: int = N_SHOWN) -> list[Shown]:
    """Draw the worst recordings: expert, model, where they differ, and the signals."""
    shown = []
    for place, row in enumerate(list_worst(results, n=n)):
        recording_id = str(row["recording_id"])
        rows = rows_of(results.predictions, results.epochs, recording_id, model=results.headline)
        load = results.recordings.get(recording_id)
        drawing = draw_errors(
            rows,
            results.classes,
            load() if load else None,
            model=results.headline,
            name=f"worst-{place}",
        )
        shown.append(Shown(describe(rows, results.classes, model=results.headline), drawing))
    return shown


def measure_burden(results: StudyResults, role: str) -> list[Burden]:
    """Return each class's share of a recording by expert and model, and how far they lie apart.

    Bias and limits of agreement (±1.96 SD) over recordings, after Bland and Altman 1986,
    doi:10.1016/S0140-6736(86)90837-8. For an ICU's recordings this is the burden.
    """
    rows = results.rows(role)
    truth, proba = results.codes(role)
    guess, names = proba.argmax(axis=1), rows["recording_id"].to_numpy()
    table = []
    for code, name in enumerate(results.classes):
        shares = pd.DataFrame({"expert": truth == code, "model": guess == code}).groupby(names)
        means = shares.mean()
        apart = means["model"] - means["expert"]
        spread = 1.96 * float(apart.std(ddof=1)) if len(apart) > 1 else np.nan
        bias = float(apart.mean())
        table.append(
            Burden(
                name,
                float(means["expert"].mean()),
                float(means["model"].mean()),
                bias,
                bias - spread,
                bias + spread,
            )
        )
    return table


def rows_of_headline(
    table: pd.DataFrame, results: StudyResults, **wanted: str
) -> list[dict[str, Any]]:
    """Return a table's rows of the headline (and of the stack) that have the wanted values."""
    own = table[table["model"].isin([results.headline, "stack"])]
    for column, value in wanted.items():
        own = own[own[column] == value]
    return [
        {**row, "role": ROLE_NAMES.get(row["role"], row["role"])} for row in own.to_dict("records")
    ]
