"""Figures of each recording by itself: what an average over all of them hides."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.labels import encode, proba_columns
from epochal.metrics import confusion, join_labels, kappa

COLUMNS = ["model", "role", "recording_id", "subject_id", "data_source", "n_epochs", "accuracy",
           "macro_f1", "kappa", "log_loss", "mean_confidence"]  # fmt: skip
_LEAST_PROBA = 1e-15


def score_each_recording(
    predictions: pd.DataFrame, epochs: pd.DataFrame, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Return a row per model, role and recording; epochs without a label do not count.

    `macro_f1` is over the classes that the recording holds. κ is 0 where it holds only one.
    """
    rows = join_labels(predictions, epochs)
    proba = rows[proba_columns(classes)].to_numpy(dtype=float)
    codes, guesses = encode(rows["label"], classes), proba.argmax(axis=1)
    told = np.maximum(proba[np.arange(len(rows)), codes] / proba.sum(axis=1), _LEAST_PROBA)
    keys = ["model", "role", "recording_id"]
    found = []
    for (model, role, recording), places in rows.groupby(keys, sort=False).indices.items():
        table = confusion(codes[places], guesses[places], len(classes))
        first = rows.iloc[places[0]]
        found.append(
            {
                "model": model,
                "role": role,
                "recording_id": recording,
                "subject_id": first["subject_id"],
                "data_source": first["data_source"],
                "n_epochs": len(places),
                **_figures(table),
                "log_loss": float(-np.log(told[places]).mean()),
                "mean_confidence": float(proba[places].max(axis=1).mean()),
            }
        )
    return pd.DataFrame(found, columns=COLUMNS)


def _figures(table: np.ndarray) -> dict[str, float]:
    scores = f1_of(table)[table.sum(axis=1) > 0]
    return {
        "accuracy": float(np.trace(table) / table.sum()),
        "macro_f1": float(scores.mean()),
        "kappa": float(kappa(table)),
    }


def f1_of(table: np.ndarray) -> np.ndarray:
    """Return the F1 of each class of a confusion table, 0 where it was neither there nor said."""
    hits, total = np.diag(table), table.sum(axis=0) + table.sum(axis=1)
    return 2 * hits / np.maximum(total, 1)


def choose_worst(
    results: pd.DataFrame, model: str, *, n: int, least_epochs: int = 20
) -> pd.DataFrame:
    """Return the model's worst recordings by κ, then by log loss, that it has not seen.

    Out-of-fold and test rows. Recordings of fewer epochs than `least_epochs` are passed over where
    there are longer ones: a figure of three epochs says nothing.
    """
    unseen = results[(results["model"] == model) & results["role"].isin(["oof", "test"])]
    long = unseen[unseen["n_epochs"] >= least_epochs]
    pool = long if len(long) else unseen
    by = ["kappa", "log_loss"] if len(long) else ["log_loss", "kappa"]
    return pool.sort_values(by, ascending=[by[0] == "kappa", by[0] != "kappa"]).head(n)
