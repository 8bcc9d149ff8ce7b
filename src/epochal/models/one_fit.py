"""One fit of one model: on some rows of a table, with a search for its parameters if wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.errors import EpochalError, LeakageError, did_you_mean
from epochal.features.context import is_causal
from epochal.models.fitted_model import FittedModel, predict_rows, select_columns
from epochal.models.fitting import fit_estimator
from epochal.models.parameters import build_model
from epochal.models.training.targets import make_row_targets
from epochal.models.training.workplace import tell_place
from epochal.models.training_table import columns_state, take_rows_with
from epochal.models.tuning import Attempt, Found, conclude, judge_trial, search
from epochal.options.models import ModelOptions
from epochal.options.study import StudyOptions

_TRIAL = "trial"  # keeps nothing: others are tried at the same time


class Fitting(NamedTuple):
    """What is to be fitted, of which kinds, and on what: all that a model's fits have in common."""

    name: str
    options: ModelOptions
    roster: Mapping[str, Callable[..., Any]]
    table: pd.DataFrame
    study: StudyOptions
    family: str
    store: Mapping[str, EpochInputs] | None = None

    def describe(self) -> FittedModel:
        """Return the model without an estimator.

        An unknown kind, and nothing for it to see, raise `EpochalError`.
        """
        refuse_unknown_kind(self.name, self.options, self.roster)
        columns = select_columns(self.table, self.options.columns, self.name)
        if not columns and self.store is None:
            raise EpochalError(
                f"Model '{self.name}': {self.options.kind} sees columns, and `columns` lists none"
            )
        return FittedModel(
            self.name,
            self.family,
            None,
            columns,
            self.study.classes,
            is_causal(columns),
            options=self.options,
            store=self.store,
        )


def fit_rows(
    fitting: Fitting,
    model: FittedModel,
    rows: pd.DataFrame,
    *,
    part: str,
    scores: tuple[float, ...] = (),
) -> FittedModel:
    """Fit the model on described rows, after a search for its parameters where one is wanted.

    `scores` are those of the search's trials, where they were done before.
    """
    options = fitting.options
    try:
        if options.tune is not None:
            found = _tune(fitting, model, rows, scores)
            model = replace(model, tuned=found)
            options = _with_params(options, found.params)
        return _fit(fitting, model, options, rows, part)
    except LeakageError:
        raise
    except (EpochalError, TypeError, ValueError) as error:  # the libraries' own: a wrong value
        raise EpochalError(f"Model '{model.name}': {error}") from error


def try_params(
    fitting: Fitting, model: FittedModel, rows: pd.DataFrame, scores: tuple[float, ...], number: int
) -> float:
    """Return the score of one trial of a search; `scores` are those that it is chosen by."""
    assert fitting.options.tune is not None  # else there are no trials
    return judge_trial(
        _attempts(fitting, model),
        rows,
        model.classes,
        fitting.options.tune,
        number=number,
        scores=scores,
        seed=fitting.study.seed,
        name=model.name,
    )


def refuse_unknown_kind(
    name: str, options: ModelOptions, roster: Mapping[str, Callable[..., Any]]
) -> None:
    """Refuse a kind that is not in the roster."""
    if options.kind not in roster:
        near = did_you_mean(options.kind, roster)
        raise EpochalError(f"Model '{name}': no kind '{options.kind}'{near}")


def _fit(
    fitting: Fitting, model: FittedModel, options: ModelOptions, rows: pd.DataFrame, part: str
) -> FittedModel:
    seed, table = fitting.study.seed, fitting.table
    estimator = build_model(options, fitting.roster, seed)
    tell_place(estimator, **({"folder": None} if part == _TRIAL else {"part": part}))
    if model.store is None:
        fit_estimator(
            estimator, rows, model.columns, model.classes, options, seed=seed, table=table
        )
        return replace(model, estimator=estimator)
    given = model.take(take_rows_with(table, rows, model.columns))
    estimator.fit(given, make_row_targets(rows, model.classes, options))
    causal = model.causal and estimator.causal and not given.any_inputs.looks_ahead
    return replace(model, estimator=estimator, causal=causal)


def _tune(
    fitting: Fitting, model: FittedModel, rows: pd.DataFrame, scores: tuple[float, ...]
) -> Found:
    """Search for parameters, or conclude from trials that were done before."""
    tune, seed = fitting.options.tune, fitting.study.seed
    assert tune is not None  # the caller asked
    if scores:
        return conclude(tune, scores, seed=seed)
    state = columns_state(fitting.table, rows, model.columns) if tune.storage else None
    return search(
        _attempts(fitting, model), rows, model.classes, tune,
        seed=seed, name=model.name, state=state,
    )  # fmt: skip


def _attempts(fitting: Fitting, model: FittedModel) -> Attempt:
    """Return what fits a trial's parameters on some rows of the table, and predicts others."""
    plain = fitting.options.model_copy(update={"tune": None, "calibration": None})

    def attempt(
        params: dict[str, Any], training: pd.DataFrame, held_out: pd.DataFrame
    ) -> np.ndarray:
        trial = fitting._replace(options=_with_params(plain, params))
        fitted = fit_rows(trial, model, training, part=_TRIAL)
        return predict_rows(fitted, fitting.table, held_out)

    return attempt


def _with_params(options: ModelOptions, params: dict[str, Any]) -> ModelOptions:
    return options.model_copy(update={"params": options.params | params})
