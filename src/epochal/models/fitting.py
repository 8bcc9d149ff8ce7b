"""Fitting one estimator: which rows, with which targets and weights, and when to stop."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import has_fit_parameter

from epochal.errors import EpochalError
from epochal.labels import VOTE, encode
from epochal.leakage import refuse_foreign_statistics
from epochal.models.training_table import share_columns, take_columns
from epochal.options.models import EarlyStoppingOptions, ModelOptions


class Targets(NamedTuple):
    """Rows to fit on, by place in the table (a row may come more than once), codes, weights."""

    places: np.ndarray
    codes: np.ndarray
    weights: np.ndarray | None


def fit_estimator(
    estimator: Any,
    rows: pd.DataFrame,
    columns: list[str],
    classes: tuple[str, ...],
    options: ModelOptions,
    *,
    seed: int,
    table: pd.DataFrame | None = None,
) -> Any:
    """Fit an estimator on the labelled rows of a table, and return it.

    `table` has the columns, where `rows` are but described and their index is its places: they are
    taken from it once, or shared. Rows that the split does not `kept` are left out. Weights that
    conf asks for take the place of the kind's own. Without a labelled row, with rows of one class
    only, with votes that are not there, or with weights or early stopping that the kind does not
    know, raise `EpochalError`.
    """
    kept = rows[rows["kept"].astype(bool)] if "kept" in rows else rows
    take = partial(_take, estimator, columns, table)
    if options.early_stopping is None:
        sample = take(kept, make_targets(kept, classes, options))
        _refuse_one_class(estimator, sample.y, classes)
        return _fit(estimator, sample)
    training, validating = _part_subjects(kept, options.early_stopping, seed=seed)
    targets = make_targets(training, classes, options)
    _refuse_one_class(estimator, targets.codes, classes)
    stop = _stopper(estimator)
    judged = _only_seen(make_targets(validating, classes, options), targets.codes)
    return stop(estimator, take(training, targets), take(validating, judged),
                options.early_stopping.rounds)  # fmt: skip


def make_targets(rows: pd.DataFrame, classes: tuple[str, ...], options: ModelOptions) -> Targets:
    """Return what is to be learnt of the rows that have a label, or votes.

    With `targets: votes`, a row comes once for each class that has a vote, weighted by its share:
    the weighted log loss is then the cross-entropy with the votes.
    """
    if options.targets == "votes":
        return _vote_targets(rows, classes)
    codes = encode(rows["label"], classes)
    places = np.flatnonzero(codes >= 0)
    if not len(places):
        raise EpochalError("No labelled epoch to fit on")
    return Targets(places, codes[places], class_weights(codes[places], options.class_weight))


def class_weights(codes: np.ndarray, kind: str | None) -> np.ndarray | None:
    """Return each row's weight, of mean 1: classes by 1/frequency, or by 1/√frequency."""
    if kind is None:
        return None
    present = np.unique(codes)
    of_class = dict(
        zip(present, compute_class_weight("balanced", classes=present, y=codes), strict=True)
    )
    weights = np.array([of_class[code] for code in codes])
    weights = np.sqrt(weights) if kind == "sqrt" else weights
    return weights / weights.mean()


def read_votes(rows: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    """Return the experts' votes, `(n_rows, n_classes)`; a missing column raises `EpochalError`."""
    names = [f"{VOTE}{name}" for name in classes]
    missing = [name for name in names if name not in rows]
    if missing:
        raise EpochalError(f"`targets: votes` needs the experts' votes: no column {missing[0]}")
    return rows[names].to_numpy(dtype=float)


def target_shares(
    rows: pd.DataFrame, classes: tuple[str, ...], options: ModelOptions
) -> np.ndarray:
    """Return each class's share of the votes, or all to the label, `(n_rows, n_classes)`.

    A row without votes, or without a label, has zeros.
    """
    if options.targets == "votes":
        return _vote_shares(rows, classes)
    return (encode(rows["label"], classes)[:, None] == np.arange(len(classes))).astype(float)


def _vote_shares(rows: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    votes = read_votes(rows, classes)
    total = votes.sum(axis=1, keepdims=True)
    return np.divide(votes, total, out=np.zeros_like(votes), where=total > 0)


def _vote_targets(rows: pd.DataFrame, classes: tuple[str, ...]) -> Targets:
    share = _vote_shares(rows, classes)
    places, codes = np.nonzero(share)
    if not len(places):
        raise EpochalError("No epoch with votes to fit on")
    return Targets(places, codes, share[places, codes])


def _part_subjects(
    rows: pd.DataFrame, options: EarlyStoppingOptions, *, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set whole subjects aside for validation."""
    labelled = rows[rows["label"].notna()]
    if labelled["subject_id"].nunique() < 2:
        raise EpochalError("Early stopping needs two training subjects or more")
    splitter = GroupShuffleSplit(1, test_size=options.share, random_state=seed)
    train, validate = next(splitter.split(labelled, groups=labelled["subject_id"]))
    return labelled.iloc[train], labelled.iloc[validate]


class _Sample(NamedTuple):
    X: Any
    y: np.ndarray
    weights: np.ndarray | None


def _take(
    estimator: Any,
    columns: list[str],
    table: pd.DataFrame | None,
    rows: pd.DataFrame,
    targets: Targets,
) -> _Sample:
    """Return what is fitted on: LightGBM reads the table where it lies, others take a copy."""
    if table is not None:
        take = share_columns if type(estimator).__name__ == "LGBMClassifier" else take_columns
        X = take(table, rows.index.to_numpy()[targets.places], columns)
        return _Sample(X, targets.codes, targets.weights)
    X = rows[columns]
    whole = len(targets.places) == len(X) and (np.diff(targets.places) == 1).all()
    return _Sample(X if whole else X.iloc[targets.places], targets.codes, targets.weights)


def _refuse_one_class(estimator: Any, codes: np.ndarray, classes: tuple[str, ...]) -> None:
    """Refuse what no classifier but the majority's can learn from."""
    only = np.unique(codes)
    if len(only) == 1 and not isinstance(estimator, DummyClassifier):
        raise EpochalError(
            f"All {len(codes)} epochs to fit on are {classes[only[0]]}: nothing to tell apart"
        )


def _only_seen(targets: Targets, trained: np.ndarray) -> Targets:
    """Return what can be judged: a class that nobody trains on cannot."""
    seen = np.isin(targets.codes, trained)
    if not seen.any():
        raise EpochalError("Early stopping: the subjects set aside have no class that is trained")
    weights = None if targets.weights is None else targets.weights[seen]
    return Targets(targets.places[seen], targets.codes[seen], weights)


def _fit(estimator: Any, sample: _Sample) -> Any:
    weights = {} if sample.weights is None else _weigh(estimator, sample.weights)
    estimator.fit(sample.X, sample.y, **weights)
    refuse_foreign_statistics(estimator, sample.X, sample.y)
    return estimator


def _weigh(estimator: Any, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the weights by the name that `fit` wants; the last step's own must not come on top."""
    name, last, prefix = "sample_weight", estimator, ""
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        prefix = f"{step}__"
    if not has_fit_parameter(last, name):
        raise EpochalError(f"{type(last).__name__} knows no weights (class_weight, votes)")
    if getattr(last, "class_weight", None) is not None:
        last.set_params(class_weight=None)
    return {prefix + name: weights}


def _stopper(estimator: Any) -> Any:
    """Return what fits boosted trees until the validation loss has not fallen for some rounds."""
    kind = type(estimator).__name__
    if kind not in _STOPPERS:
        raise EpochalError(f"{kind} knows no early stopping; it is for {', '.join(_STOPPERS)}")
    return _STOPPERS[kind]


def _stop_lightgbm(estimator: Any, training: _Sample, validating: _Sample, rounds: int) -> Any:
    from lightgbm import early_stopping

    return estimator.fit(
        training.X,
        training.y,
        sample_weight=training.weights,
        eval_X=(validating.X,),
        eval_y=(validating.y,),
        eval_sample_weight=None if validating.weights is None else [validating.weights],
        callbacks=[early_stopping(rounds, verbose=False)],
    )


def _stop_xgboost(estimator: Any, training: _Sample, validating: _Sample, rounds: int) -> Any:
    return estimator.fit(
        training.X,
        training.y,
        sample_weight=training.weights,
        validation=(validating.X, validating.y, validating.weights),
        rounds=rounds,
    )


def _stop_hist(estimator: Any, training: _Sample, validating: _Sample, rounds: int) -> Any:
    estimator.set_params(early_stopping=True, n_iter_no_change=rounds)
    return estimator.fit(
        training.X,
        training.y,
        sample_weight=training.weights,
        X_val=validating.X,
        y_val=validating.y,
        sample_weight_val=validating.weights,
    )


_STOPPERS = {
    "LGBMClassifier": _stop_lightgbm,
    "EncodedXGBoost": _stop_xgboost,
    "HistGradientBoosting": _stop_hist,
}
