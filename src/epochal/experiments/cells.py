"""One cell of an experiment: a network (or a baseline) fitted on train, judged on test."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd

from epochal import __version__
from epochal.epoch_inputs import InputStore
from epochal.errors import EpochalError, did_you_mean
from epochal.evaluation.scored import Scored, list_scored
from epochal.experiments.channels import choose_from
from epochal.experiments.model_options import network_options
from epochal.experiments.options import NONE, Cell, ExperimentOptions
from epochal.experiments.spoiling import change_labels
from epochal.labels import VOTE
from epochal.leakage import refuse_in_sample, refuse_pooled_scaling, refuse_shared_subjects
from epochal.models import deep
from epochal.models.classical import ROSTER
from epochal.models.cross_fitting import fit_refit, join_table, predict_held_out
from epochal.models.fitted_model import FittedModel
from epochal.models.one_fit import Fitting
from epochal.models.smoothing import SMOOTHERS
from epochal.models.stack_smoothing import smooth_predictions
from epochal.options.models import FamilyOptions, ModelOptions, StackingOptions
from epochal.options.study import StudyOptions
from epochal.serving.bundle import STACK


@dataclass(frozen=True)
class Material:
    """What every cell of an experiment is made from: the tables of a study's graph."""

    features: pd.DataFrame
    epochs: pd.DataFrame
    splits: pd.DataFrame
    store: InputStore
    study: StudyOptions
    stacking: StackingOptions
    classical: FamilyOptions
    checkpoints: str | None = None  # where an interrupted fit finds itself again

    def check(self) -> None:
        """Raise `LeakageError` where no figure of these tables could be believed."""
        refuse_shared_subjects(self.splits)
        refuse_pooled_scaling(self.features, self.epochs)
        if not (self.splits["role"] == "test").any():
            raise EpochalError(
                "experiment: the split holds nobody out: give splitting.test_share, or a scheme "
                "with a test role"
            )

    def key(self) -> str:
        """Hash what a cell's result follows from, its own options aside."""
        votes = [column for column in self.epochs if column.startswith(VOTE)]
        rows = self.epochs[["recording_id", "epoch", "run", "subject_id", "label", *votes]]
        tables = [_hash(rows), _hash(self.splits), _hash(self.features), self.store.key]
        rules = (self.study.classes, self.study.seed, self.stacking.model_dump())
        return str(joblib.hash((tables, rules, __version__)))


@dataclass(frozen=True)
class Judged:
    """What came of a cell: by smoother and held-out subject a confusion table, truth in rows."""

    name: str
    key: str
    described: dict[str, Any]
    classes: tuple[str, ...]
    data_source: str
    causal: dict[str, bool]
    n_parameters: int | None
    seconds: float
    tables: dict[str, dict[str, list[list[int]]]]


def cell_key(cell: Cell, options: ExperimentOptions, material_key: str) -> str:
    """Hash all that a cell's result follows from."""
    model = network_options(cell, options)
    how = model.traits()
    channels = options.channels[cell.emg]
    return str(joblib.hash((cell.model_dump(), how, channels, material_key)))


def baseline_key(name: str, material: Material, material_key: str) -> str:
    """Hash all that a baseline's result follows from."""
    return str(joblib.hash((name, baseline_options(name, material).model_dump(), material_key)))


def baseline_options(name: str, material: Material) -> ModelOptions:
    """Return a classical model's options, without what needs out-of-fold rows."""
    check_baselines((name,), material.classical)
    return material.classical.listed[name].model_copy(update={"calibration": None})


def check_baselines(names: tuple[str, ...], classical: FamilyOptions) -> None:
    """Raise `EpochalError` at the first name that is no classical model of the study."""
    for name in names:
        if name not in classical.listed:
            known = did_you_mean(name, classical.listed)
            raise EpochalError(f"experiment: no classical model '{name}'{known}")


def run_cell(cell: Cell, options: ExperimentOptions, material: Material, *, key: str) -> Judged:
    """Fit a cell's network on train, and judge it by the test subjects, smoothed in every way.

    The network chooses its weights by subjects inside train. Sequences that would join train and
    test, like wrong options, raise `EpochalError`.
    """
    model = network_options(cell, options)
    study, splits = material.study, material.splits
    deep.refuse_leaks(cell.name, model, material.epochs, splits)
    epochs = change_labels(material.epochs, splits, cell, study.classes, seed=study.seed)
    folder = None if material.checkpoints is None else f"{material.checkpoints}/{key[:12]}"
    began_s = time.monotonic()
    fitting = Fitting(
        cell.name,
        model,
        deep.make_roster(cell.name, model, folder),
        join_table(material.features, epochs, splits),
        study,
        family="deep",
        store=choose_from(material.store, options.channels[cell.emg]),
    )
    fitted = fit_refit(fitting)
    seconds = time.monotonic() - began_s
    return _judge(fitted, epochs, material, key=key, described=cell.model_dump(), seconds=seconds)


def run_baseline(name: str, material: Material, *, key: str) -> Judged:
    """Fit a classical model of the study on train, and judge it as the networks are."""
    options = baseline_options(name, material)
    table = join_table(material.features, material.epochs, material.splits)
    began_s = time.monotonic()
    fitted = fit_refit(Fitting(name, options, ROSTER, table, material.study, family="classical"))
    seconds = time.monotonic() - began_s
    return _judge(
        fitted, material.epochs, material, key=key, described={"backbone": name}, seconds=seconds
    )


def _judge(
    fitted: FittedModel,
    epochs: pd.DataFrame,
    material: Material,
    *,
    key: str,
    described: dict[str, Any],
    seconds: float,
) -> Judged:
    """Predict the held-out subjects; `epochs` have the labels that smoothing may learn from."""
    table = join_table(material.features, epochs, material.splits)
    plain = predict_held_out(fitted, table)
    refuse_in_sample(plain, material.splits)
    rows = _smooth(plain, epochs, material)
    scored = {one.model: one for one in list_scored(rows, material.epochs, material.study.classes)}
    return Judged(
        name=fitted.name,
        key=key,
        described=described,
        classes=material.study.classes,
        data_source=next(iter(scored.values())).data_source,
        causal={str(name): bool(part.all()) for name, part in rows.groupby("model")["causal"]},
        n_parameters=_count_parameters(fitted.estimator),
        seconds=seconds,
        tables={name: tabulate(one) for name, one in scored.items()},
    )


def _smooth(plain: pd.DataFrame, epochs: pd.DataFrame, material: Material) -> pd.DataFrame:
    """Return the test rows in every smoothing, which `model` names.

    How much of the transitions counts is chosen on the val subjects, who stand where a stack has
    its out-of-fold rows; without any, `fitted` smooths nothing.
    """
    stacked = plain.assign(model=STACK, role=plain["role"].replace({"val": "oof"}))
    options = material.stacking.model_copy(update={"smoothing": tuple(SMOOTHERS)})
    rows = smooth_predictions(stacked, epochs, material.splits, options, material.study)
    rows = rows[rows["role"] == "test"]
    names = {STACK: NONE} | {f"{STACK}_{kind}": kind for kind in SMOOTHERS}
    return rows.assign(model=rows["model"].map(names))


def tabulate(scored: Scored) -> dict[str, list[list[int]]]:
    """Return each subject's confusion table, truth in rows."""
    n_classes = len(scored.classes)
    tables = np.zeros((len(scored.names), n_classes, n_classes), dtype=int)
    np.add.at(tables, (scored.subjects, scored.truth, scored.proba.argmax(axis=1)), 1)
    present = np.unique(scored.subjects)
    return {str(scored.names[place]): tables[place].tolist() for place in present}


def stack_tables(judged: Judged, smoothing: str, subjects: Sequence[str]) -> np.ndarray:
    """Return the tables of some subjects, `(n_subjects, n_classes, n_classes)`."""
    return np.array([judged.tables[smoothing][name] for name in subjects])


def _count_parameters(estimator: Any) -> int | None:
    network = getattr(estimator, "scaled_", None)
    return None if network is None else sum(one.numel() for one in network.parameters())


def _hash(table: pd.DataFrame) -> str:
    rows = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return str(joblib.hash((list(table.columns), rows)))
