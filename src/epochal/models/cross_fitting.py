"""Cross-fitting, written once: out-of-fold predictions and a refit, for every family of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from epochal.divided import Divided, Part
from epochal.epoch_inputs import EpochInputs
from epochal.errors import EpochalError
from epochal.labels import VOTE, proba_columns
from epochal.leakage import refuse_in_sample
from epochal.models.fitted_model import FittedModel, predict
from epochal.models.fitting import target_shares
from epochal.models.fold_calibration import calibrate_folds
from epochal.models.one_fit import Fitting, fit_rows, try_params
from epochal.models.training_table import KEYS, join_features
from epochal.options.models import ModelOptions
from epochal.options.study import StudyOptions
from epochal.splits import SPLIT_COLUMNS, folds_to_predict, rows_to_fit

# What people are told of a study, and what no fit reads: other words make no other model.
_TOLD = {"caveats": (), "recording_kind": "", "subjects_known": True}


@dataclass(frozen=True)
class PredictedFold:
    """A fold's predictions, by a model that did not see it; what was to be predicted; the split."""

    predictions: pd.DataFrame
    shares: np.ndarray
    splits: pd.DataFrame


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
    return join_features(labelled, features)


def cross_fit(
    name: str,
    options: ModelOptions,
    roster: Mapping[str, Callable[..., Any]],
    table: pd.DataFrame,
    study: StudyOptions,
    *,
    family: str,
    store: Mapping[str, EpochInputs] | None = None,
) -> CrossFitted:
    """Fit once per fold and once on train; return the refit and the out-of-fold predictions.

    `table` is what `join_table` returns, `store` what a network over windows sees. An epoch that
    the model may not speak of (`FittedModel.knows`) is neither fitted on nor predicted. A
    calibration is fitted on the out-of-fold predictions: the refit's on those of train, a fold's on
    those of the folds that its model may see. An unknown kind, or a pattern without a column,
    raises `EpochalError`.
    """
    return divide(Fitting(name, options, roster, table, study, family, store))()


def divide(fitting: Fitting) -> Divided:
    """Return `cross_fit` in parts: each fold, the refit, and the trials that each has chosen from.

    A search's trials are parts where several are chosen at once (`TuneOptions.batch`). What is only
    told of a study is left out: parts are kept under the key of what they are called with.
    """
    fitting = fitting._replace(study=fitting.study.model_copy(update=_TOLD))
    folds = {f"fold_{fold}": fold for fold in folds_to_predict(fitting.table)}
    parts: dict[str, Part] = {}
    for fit, fold in folds.items():
        trials = _divide_search(fit, fitting, fold)
        parts |= trials | {fit: Part(partial(_fit_fold, fitting, fold), needs=tuple(trials))}
    trials = _divide_search("refit", fitting, None)
    parts |= trials | {"refit": Part(partial(fit_refit, fitting), needs=tuple(trials))}
    whole = Part(partial(_gather, fitting.name, fitting.options), needs=(*folds, "refit"))
    return Divided({**parts, "whole": whole})


def fit_refit(fitting: Fitting, *scores: float) -> FittedModel:
    """Fit once, on train, as `cross_fit` does in the end; `scores` are those of a search's trials.

    Nothing is predicted out of fold, so that nothing can be calibrated.
    """
    model = fitting.describe()
    rows = rows_to_fit(model.describe_known(fitting.table))
    return fit_rows(fitting, model, rows, part="refit", scores=scores)


def _fit_fold(fitting: Fitting, fold: int, *scores: float) -> PredictedFold | None:
    """Fit on the other folds and predict this one; None where nothing of it can be predicted."""
    model = fitting.describe()
    known = model.describe_known(fitting.table)
    if fold not in folds_to_predict(known):
        return None
    training = rows_to_fit(known, fold=fold)
    fitted = fit_rows(fitting, model, training, part=f"fold_{fold}", scores=scores)
    rows = known[known["fold"] == fold]
    shares = target_shares(rows, fitting.study.classes, fitting.options)
    splits = rows[[name for name in rows if name in {*KEYS, *SPLIT_COLUMNS}]]
    return PredictedFold(predict(fitted, fitting.table, rows, role="oof"), shares, splits)


def _try(fitting: Fitting, fold: int | None, number: int, *scores: float) -> float:
    """Return the score of one trial of the search that a fold, or the refit, begins with."""
    model = fitting.describe()
    known = model.describe_known(fitting.table)
    if fold is not None and fold not in folds_to_predict(known):
        return float("nan")  # nothing will be fitted
    return try_params(fitting, model, rows_to_fit(known, fold=fold), scores, number)


def _divide_search(fit: str, fitting: Fitting, fold: int | None) -> dict[str, Part]:
    """Return a search's trials, each after those it is chosen by; none where one follows one."""
    tune = fitting.options.tune
    if tune is None or tune.batch == 1:
        return {}
    names = [f"{fit}.trial_{number}" for number in range(tune.n_trials)]
    return {
        name: Part(
            partial(_try, fitting, fold, number),
            needs=tuple(names[: number - number % tune.batch]),
        )
        for number, name in enumerate(names)
    }


def _gather(name: str, options: ModelOptions, *fitted: Any) -> CrossFitted:
    """Put the folds' predictions together, and calibrate them and the refit, which comes last."""
    folds, refit = [fold for fold in fitted[:-1] if fold is not None], fitted[-1]
    out_of_fold = pd.concat([fold.predictions for fold in folds], ignore_index=True)
    if options.calibration is None:
        return CrossFitted(refit, out_of_fold)
    shares = np.concatenate([fold.shares for fold in folds])
    splits = pd.concat([fold.splits for fold in folds], ignore_index=True)
    try:
        calibrated, calibration = calibrate_folds(
            out_of_fold, shares, splits, refit.classes, options.calibration
        )
    except EpochalError as error:
        raise EpochalError(f"Model '{name}': calibration: {error}") from error
    return CrossFitted(replace(refit, calibration=calibration), calibrated)


def predict_held_out(model: FittedModel, table: pd.DataFrame) -> pd.DataFrame:
    """Return the refit's predictions of the val and test epochs."""
    known = model.describe_known(table)
    return pd.concat(
        [
            predict(model, table, known[known["role"] == role], role=role)
            for role in ("val", "test")
        ],
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
        said = [one.out_of_fold, predict_held_out(one.model, table)]
        for rows in said:
            refuse_in_sample(rows, splits)
        parts += said
    parts = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(parts, ignore_index=True)


def empty_predictions(classes: tuple[str, ...]) -> pd.DataFrame:
    """Return the predictions table of a family without models."""
    text = ["recording_id", "model", "family", "role"]
    types = {**dict.fromkeys(text, "object"), "epoch": int, "fold": int, "causal": bool}
    order = ["recording_id", "epoch", "model", "family", "role", "fold", "causal"]
    columns = {name: pd.Series(dtype=types[name]) for name in order}
    return pd.DataFrame(columns | {name: pd.Series(dtype=float) for name in proba_columns(classes)})
