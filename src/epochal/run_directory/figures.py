"""What a run's predictions are worth, and how that is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from epochal.labels import encode, proba_columns
from epochal.metrics import score
from epochal.options.results import EvaluationOptions

N_BOOTSTRAP = 200


def summarise(rows: pd.DataFrame, classes: tuple[str, ...], *, seed: int) -> dict[str, Any]:
    """Return figures of rows with `label`, `subject_id` and the classes' probabilities."""
    truth, guess = _codes(rows, classes)
    options = EvaluationOptions(n_bootstrap=N_BOOTSTRAP)
    named = rows.assign(label=rows["label"].astype(str))
    figures: dict[str, Any] = {"n_rows": len(rows)}
    figures |= {
        name: _plain(value) for name, value in score(named, classes, options, seed=seed).items()
    }
    numbers = list(range(len(classes)))
    weighted = sk.f1_score(truth, guess, labels=numbers, average="weighted", zero_division=0)
    table = sk.confusion_matrix(truth, guess, labels=numbers)
    return figures | {"weighted_f1": _plain(weighted), "confusion": table.tolist()}


def analyze(rows: pd.DataFrame, classes: tuple[str, ...], *, seed: int) -> dict[str, Any]:
    """Return the figures, the normalised confusion, errors by class, and precision and recall."""
    truth, guess = _codes(rows, classes)
    numbers = list(range(len(classes)))
    table = sk.confusion_matrix(truth, guess, labels=numbers)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    report = sk.classification_report(
        truth, guess, labels=numbers, target_names=list(classes), output_dict=True, zero_division=0
    )
    return {
        "classes": list(classes),
        "figures": summarise(rows, classes, seed=seed),
        "confusion_normalised": shares.round(6).tolist(),
        "error_by_class": {
            name: _plain(1 - shares[number, number]) if table[number].sum() else None
            for number, name in enumerate(classes)
        },
        "report": {
            name: {key: _plain(value) for key, value in row.items()}
            for name, row in report.items()
            if isinstance(row, dict)
        },
    }


def write_figures(figures: dict[str, Any]) -> str:
    """Return one line of the figures that matter most."""
    shown = {
        "accuracy": "accuracy", "balanced accuracy": "balanced_accuracy", "macro-F1": "macro_f1",
        "weighted F1": "weighted_f1", "κ": "kappa", "log loss": "log_loss", "ECE": "ece",
    }  # fmt: skip
    line = ", ".join(f"{name} {figures[key]:.4f}" for name, key in shown.items())
    return f"{line} ({figures['n_rows']} rows)"


def write_confusion(table: list[list[float]], classes: list[str], *, digits: int = 0) -> str:
    """Return a confusion table as text, truth in rows."""
    width = max(8, *(len(f"{value:.{digits}f}") + 2 for row in table for value in row))
    head = "true \\ predicted".ljust(18) + "".join(name.rjust(width) for name in classes)
    rows = [
        name.ljust(18) + "".join(f"{value:.{digits}f}".rjust(width) for value in row)
        for name, row in zip(classes, table, strict=True)
    ]
    return "\n".join([head, *rows])


def write_report(report: dict[str, dict[str, float]]) -> str:
    """Return precision, recall and F1 by class as text."""
    names = ("precision", "recall", "f1-score", "support")
    lines = ["".ljust(14) + "".join(name.rjust(11) for name in names)]
    for name, row in report.items():
        values = [f"{row[key]:.4f}".rjust(11) for key in names[:3]]
        lines.append(name.ljust(14) + "".join(values) + f"{row['support']:.0f}".rjust(11))
    return "\n".join(lines)


def _codes(rows: pd.DataFrame, classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    guess = rows[proba_columns(classes)].to_numpy().argmax(axis=1)
    return encode(rows["label"].astype(str), classes), guess


def _plain(value: Any) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
