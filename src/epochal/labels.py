"""Labels of epochs as the study's classes."""

from __future__ import annotations

import numpy as np
import pandas as pd

PROBA = "proba_"
VOTE = "vote_"
# Base models are overconfident at the ends: beyond odds of 99 to 1 a probability says no more,
# and its logarithm would pull a meta-learner about.
_LEAST_PROBA = 0.01


def encode(labels: pd.Series, classes: tuple[str, ...]) -> np.ndarray:
    """Return the class number of each label, −1 where there is none or it is not of the study."""
    return pd.Index(list(classes), dtype=object).get_indexer(labels.astype(object))


def keep_classes(epochs: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return the epochs with every label that the study does not classify made null."""
    return epochs.assign(label=epochs["label"].where(epochs["label"].isin(classes)))


def proba_columns(classes: tuple[str, ...]) -> list[str]:
    """Name the probability columns of the classes."""
    return [f"{PROBA}{name}" for name in classes]


def log_proba(proba: np.ndarray) -> np.ndarray:
    """Return the logarithm of probabilities, as a stack sees those of its base models."""
    return np.log(np.maximum(proba, _LEAST_PROBA))
