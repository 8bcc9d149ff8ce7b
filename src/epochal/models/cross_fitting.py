"""Cross-fitting, written once: out-of-fold predictions and a refit, for every family of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.errors import EpochalError, LeakageError, did_you_mean
from epochal.features.context import is_causal, known_rows
from epochal.labels import VOTE, encode, proba_columns
from epochal.leakage import refuse_in_sample
from epochal.models.calibrators import Calibration, fit_calibration
from epochal.models.fitting import fit_estimator
from epochal.models.training.epoch_rows import take_rows
from epochal.models.training.targets import make_row_targets
from epochal.models.tuning import Found, search
from epochal.options.models import CalibrationKind, ModelOptions
from epochal.options.study import StudyOptions
from epochal.splits import SPLIT_COLUMNS, folds_to_predict, rows_to_fit

KEYS = ["recording_id", "epoch", "subject_id", "role", "fold"]
_NOT_FEATURES = {*KEYS, *SPLIT_COLUMNS, "label"}


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
        return self.take(rows).known()

    def predict_proba(self, table: pd.DataFrame) -> np.ndarray:
        """Return `(n_epochs, n_classes)`; a class that training lacked gets probability 0.

        With a calibration no class has: it is as unlikely as the calibration found it.
        """
        proba = np.zeros((len(table), len(self.classes)))
        if len(table):
            proba[:, self.estimator.classes_] = self.estimator.predict_proba(self.take(table))
        return proba if self.calibration is None else self.calibration.apply(proba)


@dataclass(frozen=True)
class CrossFitted:
    """The refit on train; every train and val epoch predicted by a model that did not see it."""

    model: FittedModel
    out_of_fold: pd.DataFrame


def join_table(features: pd.DataFrame, epochs: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return one row per epoch of a scored subject: the splits, label and votes, the features."""
    votes = [column for column in epochs if column.startswith(VOTE)]
    labelled = splits.merge(
        epochs[["recording_id", "epoch", "label", *votes]], on=["recording_id", "epoch"]
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
    store: Mapping[str, EpochInputs] | None = None,
) -> CrossFitted:
    """Fit once per fold and once on train; return the refit and the out-of-fold predictions.

    `table` is what `join_table` returns, `store` what a network over windows sees. An epoch that
    the model may not speak of (`FittedModel.knows`) is neither fitted on nor predicted. A
    calibration is fitted on the out-of-fold predictions, those of a fold being calibrated by the
    other folds'. An unknown kind, or a pattern without a column, raises `EpochalError`.
    """
    refuse_unknown_kind(name, options, roster)
    model = _describe(name, options, table, study, family=family, store=store)
    known = table[model.knows(table)]

    def fit(rows: pd.DataFrame, part: str) -> FittedModel:
        return _fit(model, options, roster, rows, seed=study.seed, part=part)

    predicted = {fold: known[known["fold"] == fold] for fold in folds_to_predict(known)}
    folds = [
        predict(fit(rows_to_fit(known, fold=fold), f"fold_{fold}"), rows, role="oof")
        for fold, rows in predicted.items()
    ]
    refit = fit(rows_to_fit(known), "refit")
    out_of_fold = pd.concat(folds, ignore_index=True)
    if options.calibration is None:
        return CrossFitted(refit, out_of_fold)
    labels = pd.concat([rows["label"] for rows in predicted.values()])
    try:
        return _calibrate(CrossFitted(refit, out_of_fold), options.calibration, labels)
    except EpochalError as error:
        raise EpochalError(f"Model '{name}': calibration: {error}") from error


def fit_refit(
    name: str,
    options: ModelOptions,
    roster: dict[str, Callable[..., Any]],
    table: pd.DataFrame,
    study: StudyOptions,
    *,
    family: str,
    store: Mapping[str, EpochInputs] | None = None,
) -> FittedModel:
    """Fit once, on train, as `cross_fit` does in the end: a model to be judged on val and test.

    Nothing is predicted out of fold, so that nothing can be calibrated.
    """
    refuse_unknown_kind(name, options, roster)
    model = _describe(name, options, table, study, family=family, store=store)
    rows = rows_to_fit(table[model.knows(table)])
    return _fit(model, options, roster, rows, seed=study.seed, part="refit")


def refuse_unknown_kind(
    name: str, options: ModelOptions, roster: Mapping[str, Callable[..., Any]]
) -> None:
    """Refuse a kind that is not in the roster."""
    if options.kind not in roster:
        near = did_you_mean(options.kind, roster)
        raise EpochalError(f"Model '{name}': no kind '{options.kind}'{near}")


def _describe(
    name: str,
    options: ModelOptions,
    table: pd.DataFrame,
    study: StudyOptions,
    *,
    family: str,
    store: Mapping[str, EpochInputs] | None,
) -> FittedModel:
    """Return a model without an estimator."""
    columns = select_columns(table, options.columns, name)
    causal = is_causal(columns)
    return FittedModel(
        name, family, None, columns, study.classes, causal, options=options, store=store
    )


def _calibrate(fitted: CrossFitted, kind: CalibrationKind, labels: pd.Series) -> CrossFitted:
    """Calibrate each fold's predictions by those of the others, and the refit by all of them."""
    columns = proba_columns(fitted.model.classes)
    proba = fitted.out_of_fold[columns].to_numpy()
    fold = fitted.out_of_fold["fold"].to_numpy()
    codes = encode(labels, fitted.model.classes)
    calibrated = np.empty_like(proba)
    for left_out in np.unique(fold):
        others = (fold != left_out) & (codes >= 0)
        calibration = fit_calibration(kind, proba[others], codes[others])
        calibrated[fold == left_out] = calibration.apply(proba[fold == left_out])
    final = fit_calibration(kind, proba[codes >= 0], codes[codes >= 0])
    out_of_fold = fitted.out_of_fold.copy()
    out_of_fold[columns] = calibrated
    return CrossFitted(replace(fitted.model, calibration=final), out_of_fold)


def predict_held_out(model: FittedModel, table: pd.DataFrame) -> pd.DataFrame:
    """Return the refit's predictions of the val and test epochs."""
    known = table[model.knows(table)]
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
    features = [
        column for column in table if column not in _NOT_FEATURES and not column.startswith(VOTE)
    ]
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


def _fit(
    model: FittedModel,
    options: ModelOptions,
    roster: dict[str, Callable[..., Any]],
    rows: pd.DataFrame,
    *,
    seed: int,
    part: str,
) -> FittedModel:
    """Fit the model on some rows, after a search for its parameters where one is wanted."""
    try:
        if options.tune is not None:
            found = _tune(model, options, roster, rows, seed=seed)
            model = replace(model, tuned=found)
            options = options.model_copy(update={"params": options.params | found.params})
        estimator = _build(options, roster, seed)
        if model.store is None:
            fit_estimator(estimator, rows, model.columns, model.classes, options, seed=seed)
        else:
            estimator.part = part
            estimator.fit(model.take(rows), make_row_targets(rows, model.classes, options))
            ahead = model.take(rows).any_inputs.looks_ahead
            model = replace(model, causal=model.causal and estimator.causal and not ahead)
    except LeakageError:
        raise
    except (EpochalError, TypeError, ValueError) as error:  # the libraries' own: a wrong value
        raise EpochalError(f"Model '{model.name}': {error}") from error
    return replace(model, estimator=estimator)


def _has_arrays(store: Mapping[str, EpochInputs]) -> bool:
    """Say whether there is anything to see in a store, or columns alone are looked at."""
    return any(len(inputs.arrays) > 0 for inputs in islice(store.values(), 1))


def _tune(
    model: FittedModel,
    options: ModelOptions,
    roster: dict[str, Callable[..., Any]],
    rows: pd.DataFrame,
    *,
    seed: int,
) -> Found:
    assert options.tune is not None  # the caller asked
    plain = options.model_copy(update={"tune": None, "calibration": None})

    def attempt(
        params: dict[str, Any], training: pd.DataFrame, held_out: pd.DataFrame
    ) -> np.ndarray:
        trial = plain.model_copy(update={"params": plain.params | params})
        fitted = _fit(model, trial, roster, training, seed=seed, part="trial")
        return fitted.predict_proba(held_out)

    return search(attempt, rows, model.classes, options.tune, seed=seed, name=model.name)


def _build(options: ModelOptions, roster: dict[str, Callable[..., Any]], seed: int) -> Any:
    try:
        return roster[options.kind](seed, **options.params)
    except TypeError as error:
        raise EpochalError(f"{options.kind}: {error}") from error
