"""Label-free signs that a model is out of its depth: how sure it is, and what it predicts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epochal.drift.limits import centre_and_spread, choose_limit, round_off
from epochal.options.base import Options

_LEAST_EPOCHS = 10
CONFIDENCE, SHARE = "mean confidence", "share of "


class ConfidenceReference(Options):
    """What the model says of training subjects whom it had not seen.

    Of each measure, on the scale of `arcsin(sqrt(share))`, its median and spread over subjects;
    and how many spreads the farthest of a subject's measures stays within, of 95 % of subjects.
    """

    model: str
    classes: tuple[str, ...]
    n_subjects: int
    measures: dict[str, tuple[float, float]]
    limit: float


def describe_confidence(
    predictions: pd.DataFrame, subjects: pd.Series, *, model: str, classes: tuple[str, ...]
) -> ConfidenceReference:
    """Return the reference of out-of-fold predictions: columns `proba_<class>`, a subject a row."""
    proba = predictions[[f"proba_{name}" for name in classes]].to_numpy()
    owners = subjects.to_numpy()
    measured = np.stack([measure(proba[owners == one]) for one in np.unique(owners)])
    scales = [_scale(column) for column in measured.T]
    farthest = np.stack([_beyond(row, scales) for row in measured]).max(axis=1)
    return ConfidenceReference(
        model=model,
        classes=classes,
        n_subjects=len(measured),
        measures=dict(zip(_names(classes), scales, strict=True)),
        limit=round_off(choose_limit(farthest, np.arange(len(farthest)))),
    )


def judge_confidence(proba: np.ndarray, reference: ConfidenceReference) -> dict[str, object] | None:
    """Return how sure and how spread the predictions are, and whether left-out subjects' were so.

    `proba` `(n_epochs, n_classes)`; epochs without a prediction are left out. `unlike` names what
    lies farther off than anything does in 95 % of left-out subjects. None for fewer than ten
    epochs.
    """
    known = proba[np.isfinite(proba).all(axis=1)]
    if len(known) < _LEAST_EPOCHS:
        return None
    found = measure(known)
    beyond = _beyond(found, list(reference.measures.values()))
    names = list(reference.measures)
    return {
        "model": reference.model,
        "n_training_subjects": reference.n_subjects,
        "limit": reference.limit,
        "measures": {
            name: {"found": _share(value), "typical": _share(centre), "beyond": round(off, 3)}
            for name, value, (centre, _), off in zip(
                names, found, reference.measures.values(), beyond.tolist(), strict=True
            )
        },
        "unlike": [name for name, off in zip(names, beyond, strict=True) if off > reference.limit],
    }


def measure(proba: np.ndarray) -> np.ndarray:
    """Return mean confidence and each class's share, as `arcsin(sqrt())`: `(1 + n_classes,)`."""
    shares = np.bincount(proba.argmax(axis=1), minlength=proba.shape[1]) / len(proba)
    return np.arcsin(np.sqrt([proba.max(axis=1).mean(), *shares]))


def _names(classes: tuple[str, ...]) -> list[str]:
    return [CONFIDENCE, *(f"{SHARE}{name}" for name in classes)]


def _scale(column: np.ndarray) -> tuple[float, float]:
    """Return median and spread, the same to both sides."""
    centre = float(np.median(column))
    _, spread = centre_and_spread(np.concatenate([column - centre, centre - column]))
    return round_off(centre), spread


def _beyond(row: np.ndarray, scales: list[tuple[float, float]]) -> np.ndarray:
    centres, spreads = np.array(scales).T
    return np.asarray(np.abs(row - centres) / spreads)


def _share(value: float) -> float:
    return round(float(np.sin(value) ** 2), 4)
