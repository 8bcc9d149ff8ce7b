"""Figures of merit: one leaderboard row per model and role, with intervals over subjects."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.intervals import bounds
from epochal.labels import encode, proba_columns
from epochal.options.results import EvaluationOptions
from epochal.options.study import StudyOptions


def build_leaderboard(
    predictions: pd.DataFrame,
    epochs: pd.DataFrame,
    options: EvaluationOptions,
    study: StudyOptions,
) -> pd.DataFrame:
    """Return a row per model and role, the best κ first within a role.

    Rows are out of fold or held out; epochs without a label do not count.
    """
    scored = join_labels(predictions, epochs)
    rows = [
        {"model": model, "family": family, "role": role, **_describe(part)}
        | score(part, study.classes, options, seed=study.seed)
        for (model, family, role), part in scored.groupby(["model", "family", "role"], sort=False)
    ]
    board = pd.DataFrame(rows)
    return board.sort_values(["role", "kappa"], ascending=[True, False], ignore_index=True)


def join_labels(predictions: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of epochs with a label: beside them subject, label, votes, source."""
    known = ["recording_id", "epoch", "subject_id", "label", "data_source"]
    votes = [column for column in epochs if column.startswith("vote_")]
    labelled = epochs.loc[epochs["label"].notna(), [*known, *votes]]
    return predictions.merge(labelled, on=["recording_id", "epoch"])


def score(
    rows: pd.DataFrame, classes: tuple[str, ...], options: EvaluationOptions, *, seed: int
) -> dict[str, float]:
    """Return the figures of one model's scored rows (with `label`, `subject_id`, `proba_*`)."""
    from sklearn import metrics as sk  # here: comparing two scorings does without

    truth = encode(rows["label"], classes)
    proba = rows[proba_columns(classes)].to_numpy()
    guess, numbers = proba.argmax(axis=1), list(range(len(classes)))
    low, high = bootstrap_kappa(truth, guess, rows["subject_id"].to_numpy(), options, seed=seed)
    f1 = sk.f1_score(truth, guess, labels=numbers, average=None, zero_division=0)
    present = np.unique(truth)
    recall = sk.recall_score(truth, guess, labels=present, average=None, zero_division=0)
    figures = {
        "accuracy": sk.accuracy_score(truth, guess),
        "balanced_accuracy": float(np.mean(recall)),
        "macro_f1": float(f1.mean()),
        "kappa": kappa(confusion(truth, guess, len(classes))),
        "kappa_low": low,
        "kappa_high": high,
        "log_loss": sk.log_loss(truth, _normalise(proba), labels=numbers),
        "ece": calibration_error(truth, proba, options.n_calibration_bins),
    }
    figures |= {f"f1_{name}": value for name, value in zip(classes, f1, strict=True)}
    votes = [f"vote_{name}" for name in classes if f"vote_{name}" in rows]
    if len(votes) == len(classes):
        figures["kl_divergence"] = vote_divergence(rows[votes].to_numpy(), proba)
    return figures


def confusion(truth: np.ndarray, guess: np.ndarray, n_classes: int) -> np.ndarray:
    """Return counts `(n_classes, n_classes)`, truth in rows."""
    return np.bincount(truth * n_classes + guess, minlength=n_classes**2).reshape(
        n_classes, n_classes
    )


def kappa(table: np.ndarray) -> np.ndarray | float:
    """Return Cohen's κ of confusion tables `(…, n_classes, n_classes)`; 0 where chance is certain.

    Cohen 1960, doi:10.1177/001316446002000104.
    """
    total = table.sum(axis=(-2, -1))
    observed = np.trace(table, axis1=-2, axis2=-1) / total
    expected = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1) / total**2
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(expected < 1, (observed - expected) / (1 - expected), 0.0)
    return value if value.ndim else float(value)


def bootstrap_kappa(
    truth: np.ndarray,
    guess: np.ndarray,
    subjects: np.ndarray,
    options: EvaluationOptions,
    *,
    seed: int,
) -> tuple[float, float]:
    """Return the 95 % interval of κ over resampled subjects; NaN with fewer than two of them."""
    n_classes = int(max(truth.max(), guess.max())) + 1
    names, codes = np.unique(subjects, return_inverse=True)
    if len(names) < 2 or not options.n_bootstrap:
        return float("nan"), float("nan")
    tables = np.zeros((len(names), n_classes, n_classes))
    np.add.at(tables, (codes, truth, guess), 1)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), options.n_bootstrap)
    values = kappa(np.einsum("bs,sij->bij", drawn, tables))
    low, high = bounds(np.asarray(values), len(names))
    return float(low), float(high)


def calibration_error(truth: np.ndarray, proba: np.ndarray, n_bins: int) -> float:
    """Return the expected calibration error of the top class over equally wide bins.

    Guo et al. 2017, arXiv:1706.04599.
    """
    confidence, hit = proba.max(axis=1), proba.argmax(axis=1) == truth
    bins = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    weight = np.bincount(bins, minlength=n_bins)
    gap = np.bincount(bins, weights=hit - confidence, minlength=n_bins)
    return float(np.abs(gap).sum() / weight.sum())


def vote_divergence(votes: np.ndarray, proba: np.ndarray) -> float:
    """Return the mean KL(votes ‖ prediction), clipped at 1e-15 as the challenge does.

    Epochs that nobody voted on do not count; without any other it is NaN.
    """
    voted = np.nansum(votes, axis=1) > 0
    if not voted.any():
        return float("nan")
    target, guess = _normalise(votes[voted]), _normalise(np.maximum(proba[voted], 1e-15))
    terms = np.where(target > 0, target * np.log(np.maximum(target, 1e-15) / guess), 0.0)
    return float(terms.sum(axis=1).mean())


def results_by_task(
    predictions: pd.DataFrame, epochs: pd.DataFrame, study: StudyOptions
) -> pd.DataFrame:
    """Return accuracy per model, role and protocol task; empty where recordings name no tasks.

    In the tasks labelled with the first class, the error rate is the false-positive rate.
    """
    columns = ["model", "role", "task", "label", "n_epochs", "accuracy"]
    if "task" not in epochs:
        return pd.DataFrame(columns=columns)
    known = epochs.loc[epochs["label"].notna(), ["recording_id", "epoch", "task", "label"]]
    rows = predictions.merge(known, on=["recording_id", "epoch"])
    guess = rows[proba_columns(study.classes)].to_numpy().argmax(axis=1)
    rows = rows.assign(hit=guess == encode(rows["label"], study.classes))
    grouped = rows.groupby(["model", "role", "task", "label"], sort=False)["hit"]
    return grouped.agg(n_epochs="size", accuracy="mean").reset_index()[columns]


def _describe(rows: pd.DataFrame) -> dict[str, object]:
    return {
        "causal": bool(rows["causal"].all()),
        "data_source": "/".join(sorted(rows["data_source"].unique())),
        "n_epochs": len(rows),
        "n_subjects": rows["subject_id"].nunique(),
    }


def _normalise(proba: np.ndarray) -> np.ndarray:
    return proba / proba.sum(axis=1, keepdims=True)
