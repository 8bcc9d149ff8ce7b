"""Cross-fitting, written once: out-of-fold predictions and a refit, for every family of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd

from epochal.errors import EpochalError, did_you_mean
from epochal.features.context import is_causal, known_rows
from epochal.labels import encode, proba_columns
from epochal.leakage import refuse_in_sample
from epochal.options import ModelOptions, StudyOptions

KEYS = ["recording_id", "epoch", "subject_id", "role", "fold"]
_NOT_FEATURES = {*KEYS, "label"}


@dataclass(frozen=True)
class FittedModel:
    """A fitted estimator, and the columns and classes that it was fitted on."""

    name: str
    family: str
    estimator: Any
    columns: list[str]
    classes: tuple[str, ...]
    causal: bool

    def predict_proba(self, table: pd.DataFrame) -> np.ndarray:
        """Return `(n_epochs, n_classes)`; a class that training lacked gets probability 0."""
        proba = np.zeros((len(table), len(self.classes)))
        if len(table):
            proba[:, self.estimator.classes_] = self.estimator.predict_proba(table[self.columns])
        return proba


@dataclass(frozen=True)
class CrossFitted:
    """The refit on train; every train and val epoch predicted by a model that did not see it."""

    model: FittedModel
    out_of_fold: pd.DataFrame


def join_table(features: pd.DataFrame, epochs: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return one row per epoch of a scored subject: the splits, the label, the features."""
    labelled = splits.merge(
        epochs[["recording_id", "epoch", "label"]], on=["recording_id", "epoch"]
    )
    return labelled.merge(features, on=["recording_id", "epoch"], validate="one_to_one")


def cross_fit(
    name: str,
    options: ModelOptions,
    roster: dict[str, Callable[..., Any]],
    table: pd.DataFrame,
    study: StudyOptions,
    *,
    family: str,
) -> CrossFitted:
    """Fit once per fold and once on train; return the refit and the out-of-fold predictions.

    `table` is what `join_table` returns. An epoch that lacks the model's columns (`known_rows`) is
    neither fitted on nor predicted. An unknown kind, or a pattern without a column, raises
    `EpochalError`.
    """
    columns = select_columns(table, options.columns, name)
    known = table[known_rows(table, columns)]
    model = FittedModel(name, family, None, columns, study.classes, is_causal(columns))

    def fit(rows: pd.DataFrame) -> FittedModel:
        return _fit(model, _build(name, options, roster, study), rows)

    fitting = known[known["role"] != "test"]
    folds = [
        predict(fit(fitting[fitting["fold"] != fold]), fitting[fitting["fold"] == fold], role="oof")
        for fold in np.sort(fitting["fold"].unique())
    ]
    return CrossFitted(fit(known[known["role"] == "train"]), pd.concat(folds, ignore_index=True))


def predict_held_out(model: FittedModel, table: pd.DataFrame) -> pd.DataFrame:
    """Return the refit's predictions of the val and test epochs."""
    known = table[known_rows(table, model.columns)]
    return pd.concat(
        [predict(model, known[known["role"] == role], role=role) for role in ("val", "test")],
        ignore_index=True,
    )


def gather_predictions(
    fitted: Mapping[str, Callable[[], CrossFitted]],
    table: pd.DataFrame,
    splits: pd.DataFrame,
    classes: tuple[str, ...],
) -> pd.DataFrame:
    """Return all that the fitted models may say of the table: out of fold, val and test.

    A row that its model has seen raises `LeakageError`.
    """
    parts = [empty_predictions(classes)]
    for load in fitted.values():
        one = load()
        parts += [one.out_of_fold, predict_held_out(one.model, table)]
    parts = [part for part in parts if len(part)] or parts[:1]
    predictions = pd.concat(parts, ignore_index=True)
    refuse_in_sample(predictions, splits)
    return predictions


def predict(model: FittedModel, rows: pd.DataFrame, *, role: str) -> pd.DataFrame:
    """Return a model's predictions of some rows in the schema of the predictions table."""
    proba = pd.DataFrame(
        model.predict_proba(rows), columns=proba_columns(model.classes), index=rows.index
    )
    described = rows[["recording_id", "epoch"]].assign(
        model=model.name, family=model.family, role=role, fold=rows["fold"], causal=model.causal
    )
    return pd.concat([described, proba], axis=1)


def empty_predictions(classes: tuple[str, ...]) -> pd.DataFrame:
    """Return the predictions table of a family without models."""
    text = ["recording_id", "model", "family", "role"]
    types = {**dict.fromkeys(text, "object"), "epoch": int, "fold": int, "causal": bool}
    order = ["recording_id", "epoch", "model", "family", "role", "fold", "causal"]
    columns = {name: pd.Series(dtype=types[name]) for name in order}
    return pd.DataFrame(columns | {name: pd.Series(dtype=float) for name in proba_columns(classes)})


def select_columns(table: pd.DataFrame, patterns: tuple[str, ...], name: str) -> list[str]:
    """Return the feature columns that match any pattern; `!pattern` takes columns away again."""
    features = [column for column in table if column not in _NOT_FEATURES]
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


def _build(
    name: str, options: ModelOptions, roster: dict[str, Callable[..., Any]], study: StudyOptions
) -> Any:
    if options.kind not in roster:
        raise EpochalError(
            f"Model '{name}': no kind '{options.kind}'{did_you_mean(options.kind, roster)}"
        )
    try:
        return roster[options.kind](study.seed, **options.params)
    except TypeError as error:
        raise EpochalError(f"Model '{name}' ({options.kind}): {error}") from error


def _fit(model: FittedModel, estimator: Any, rows: pd.DataFrame) -> FittedModel:
    labelled = rows[rows["label"].notna()]
    codes = encode(labelled["label"], model.classes)
    estimator.fit(labelled[model.columns], codes)
    return FittedModel(
        model.name, model.family, estimator, model.columns, model.classes, model.causal
    )
