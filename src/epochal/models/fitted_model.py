"""A fitted model: an estimator, what it was fitted on, and what it says of rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.errors import EpochalError, did_you_mean
from epochal.features.context import known_rows
from epochal.labels import proba_columns
from epochal.models.calibrators import Calibration
from epochal.models.training.epoch_rows import take_rows
from epochal.models.training_table import (
    blocks_of,
    describe_rows,
    is_feature,
    take_columns,
    take_rows_with,
)
from epochal.models.tuning import Found
from epochal.options.models import ModelOptions


@dataclass(frozen=True)
class FittedModel:
    """A fitted estimator, and the columns and classes that it was fitted on."""

    name: str
    family: str
    estimator: Any
    columns: list[str]
    classes: tuple[str, ...]
    causal: bool
    calibration: Calibration | None = None
    tuned: Found | None = None
    options: ModelOptions | None = None  # what conf asked for when it was fitted
    store: Mapping[str, EpochInputs] | None = None  # of a network, which `columns` go beside

    def take(self, rows: pd.DataFrame) -> Any:
        """Return rows of a table as the estimator takes them."""
        if self.store is None:
            return rows[self.columns]
        return take_rows(self.store, rows, self.columns)

    def knows(self, rows: pd.DataFrame) -> np.ndarray:
        """Say of which rows the model may speak, `(n_rows,)`."""
        if self.store is None or not _has_arrays(self.store):
            return known_rows(rows, self.columns)
        return take_rows(self.store, rows, []).known()

    def describe_known(self, table: pd.DataFrame) -> pd.DataFrame:
        """Describe the rows of a table of which the model may speak; places are the index."""
        return describe_rows(table)[self.knows(table)]

    def predict_proba(self, table: pd.DataFrame) -> np.ndarray:
        """Return `(n_epochs, n_classes)`; a class that training lacked gets probability 0.

        With a calibration no class has: it is as unlikely as the calibration found it.
        """
        proba = np.zeros((len(table), len(self.classes)))
        if len(table):
            proba[:, self.estimator.classes_] = self.estimator.predict_proba(self.take(table))
        return proba if self.calibration is None else self.calibration.apply(proba)


def predict(
    model: FittedModel, table: pd.DataFrame, rows: pd.DataFrame, *, role: str
) -> pd.DataFrame:
    """Return a model's predictions of described rows of a table, in the schema of predictions."""
    proba = pd.DataFrame(
        predict_rows(model, table, rows), columns=proba_columns(model.classes), index=rows.index
    )
    described = rows[["recording_id", "epoch"]].assign(
        model=model.name, family=model.family, role=role, fold=rows["fold"], causal=model.causal
    )
    return pd.concat([described, proba], axis=1)


def predict_rows(model: FittedModel, table: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Return probabilities, some rows at a time; a network sees all, since they are neighbours."""
    if model.store is not None:
        return model.predict_proba(take_rows_with(table, rows, model.columns))
    blocks = [
        model.predict_proba(take_columns(table, places, model.columns))
        for places in blocks_of(rows.index.to_numpy())
    ]
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def select_columns(table: pd.DataFrame, patterns: tuple[str, ...], name: str) -> list[str]:
    """Return the feature columns that match any pattern; `!pattern` takes columns away again."""
    features = [column for column in table if is_feature(column)]
    chosen: list[str] = []
    for pattern in patterns:
        found = [column for column in features if fnmatchcase(column, pattern.removeprefix("!"))]
        if not found:
            raise EpochalError(
                f"Model '{name}': no feature matches '{pattern}'{did_you_mean(pattern, features)}"
            )
        if pattern.startswith("!"):
            chosen = [column for column in chosen if column not in found]
        else:
            chosen += [column for column in found if column not in chosen]
    return chosen


def _has_arrays(store: Mapping[str, EpochInputs]) -> bool:
    """Say whether there is anything to see in a store, or columns alone are looked at."""
    return any(len(inputs.arrays) > 0 for inputs in islice(store.values(), 1))
