"""The random search for parameters of the meta-learner and of base models, with reduced budgets."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.labels import encode
from epochal.models.cross_fitting import CrossFitted
from epochal.models.fitted_model import FittedModel, select_columns
from epochal.models.fitting import fit_estimator
from epochal.models.stacking import META_ROSTER
from epochal.models.tuning import Found, search, write_search
from epochal.options.models import RangeOptions, TuneOptions
from epochal.run_directory.flags import TrainFlags
from epochal.run_directory.manifest import NAMES
from epochal.run_directory.stacked import Training, describe_meta, fit_base, spread
from epochal.run_directory.timing import Clock
from epochal.serving.bundle import STACK

_LOG = logging.getLogger(__name__)
METRIC = "accuracy"  # out of fold: what the document of the run directory scores a search by
_JOURNAL = ".trials.journal"
SPACES: dict[str, dict[str, RangeOptions | tuple[Any, ...]]] = {
    "meta": {"C": RangeOptions(low=1e-3, high=1e2, log=True)},
    "hgb": {
        "learning_rate": RangeOptions(low=0.03, high=0.3, log=True),
        "max_iter": (50, 100, 200),
        "max_leaf_nodes": (15, 31, 63),
        "min_samples_leaf": RangeOptions(low=10, high=200, log=True, whole=True),
        "l2_regularization": RangeOptions(low=1e-3, high=10, log=True),
    },
    "lstm": {
        "units": (32, 64, 96),
        "dense_units": (16, 32, 64),
        "learning_rate": RangeOptions(low=3e-4, high=1e-2, log=True),
    },
    "cnn": {
        "dropout": RangeOptions(low=0.1, high=0.6),
        "batch_size": (32, 64, 128),
        "learning_rate": RangeOptions(low=3e-4, high=1e-2, log=True),
    },
}


def search_parameters(training: Training, folder: Path | None) -> dict[str, dict[str, Any]]:
    """Return the best parameters by target; write the search's four files into a folder.

    Every trial draws anew for all targets. It is scored by the meta-learner's predictions of rows
    that neither it nor the base models were fitted on. A base model whose parameters are not
    searched for is fitted once. In a folder where a search was cut short, it goes on.
    """
    flags = training.flags
    options = _describe_search(flags, folder)
    trials = Trials(training)
    found = search(
        trials.predict,
        training.epochs,
        training.study.classes,
        options,
        seed=flags.opt_seed,
        name="run_directory",
    )
    found = Found(found.params, found.score, [trials.describe(trial) for trial in found.trials])
    if folder is not None:
        config = _describe_config(flags, options)
        folder.mkdir(parents=True, exist_ok=True)
        write_search(folder, found, config)
        (folder / _JOURNAL).unlink(missing_ok=True)  # it is for a search that was cut short
    _LOG.info("search: %s %.4f with %s", options.metric, found.score, found.params)
    return _by_target(found.params)


def read_best(path: Path, targets: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return what a search found, by target; one for models that are not trained is refused."""
    try:
        found = _by_target(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise EpochalError(f"{path}: not the best_params.json of a search ({error})") from error
    unknown = sorted(set(found) - {"meta", *targets})
    if unknown:
        raise EpochalError(f"{path}: parameters of '{unknown[0]}', which is not trained here")
    return found


class Trials:
    """The trials of a search; base models of the same parameters are fitted once."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self._bases: dict[str, CrossFitted] = {}
        self._hits: dict[str, list[np.ndarray]] = {}

    def predict(
        self, params: dict[str, Any], rows: pd.DataFrame, held_out: pd.DataFrame
    ) -> np.ndarray:
        """Return the meta-learner's probabilities of held-out rows, fitted on the other ones."""
        table = self._spread(_by_target(params)).set_index("epoch", drop=False)
        meta = self._fit_meta(table.loc[rows["epoch"]], params)
        proba = meta.predict_proba(table.loc[held_out["epoch"]])
        truth = encode(held_out["label"], meta.classes)
        self._hits.setdefault(_key(params), []).append(proba.argmax(axis=1) == truth)
        return proba

    def describe(self, trial: dict[str, Any]) -> dict[str, Any]:
        """Return a trial with its accuracy, where it was done here."""
        params = {name: value for name, value in trial.items() if "." in name}
        hits = self._hits.get(_key(params))
        return trial if hits is None else trial | {"accuracy": float(np.concatenate(hits).mean())}

    def _spread(self, params: dict[str, dict[str, Any]]) -> pd.DataFrame:
        bases = {
            NAMES[target]: self._fit_base(target, params.get(target, {}))
            for target in self.training.flags.targets
        }
        return spread(bases, self.training)

    def _fit_base(self, target: str, params: dict[str, Any]) -> CrossFitted:
        key = f"{target} {_key(params)}"
        if key not in self._bases:
            found = params | _budget(target, self.training.flags) if params else {}
            clock = Clock(n_folds=self.training.flags.splits, final=False)
            _LOG.info("search: %s %s", target, params or "as it is")
            self._bases[key] = fit_base(target, self.training, found, clock)
        return self._bases[key]

    def _fit_meta(self, rows: pd.DataFrame, params: dict[str, Any]) -> FittedModel:
        study, flags = self.training.study, self.training.flags
        options = describe_meta(flags, float(params.get("meta.C", flags.meta_c)))
        columns = select_columns(rows, options.columns, STACK)
        estimator = META_ROSTER[options.kind](study.seed, **options.params)
        fit_estimator(estimator, rows, columns, study.classes, options, seed=study.seed)
        return FittedModel(STACK, "stack", estimator, columns, study.classes, causal=True)


def _budget(target: str, flags: TrainFlags) -> dict[str, Any]:
    """Return what a network may spend in a trial."""
    if target not in ("lstm", "cnn"):
        return {}
    return {
        "n_epochs": getattr(flags, f"opt_budget_{target}_epochs"),
        "max_train_samples": getattr(flags, f"opt_budget_{target}_max_train_samples"),
        "verbose": 0,
    }


def _describe_search(flags: TrainFlags, folder: Path | None) -> TuneOptions:
    space = {
        f"{target}.{name}": values
        for target in flags.opt_targets
        for name, values in SPACES[target].items()
    }
    return TuneOptions(
        space=space,
        n_trials=flags.opt_trials,
        sampler="random",
        metric=METRIC,
        n_folds=flags.splits,
        storage=None if folder is None else str(folder / _JOURNAL),
    )


def _describe_config(flags: TrainFlags, options: TuneOptions) -> dict[str, Any]:
    budgets = {target: _budget(target, flags) for target in flags.opt_targets}
    return {
        "targets": list(flags.opt_targets),
        "seed": flags.opt_seed,
        "budgets": {target: budget for target, budget in budgets.items() if budget},
        **options.model_dump(exclude={"storage"}),
    }


def _by_target(params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in params.items():
        target, parameter = name.split(".")
        found.setdefault(target, {})[parameter] = value
    return found


def _key(params: dict[str, Any]) -> str:
    return str(sorted(params.items()))
