"""Nodes of the deep models."""

import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from epochal.epoch_inputs import InputStore, gather_inputs
from epochal.leakage import refuse_pooled_scaling, refuse_shared_subjects
from epochal.models.cross_fitting import (
    CrossFitted,
    divide,
    gather_predictions,
    join_table,
)
from epochal.models.one_fit import Fitting
from epochal.options.deep import DeepOptions, NetworkModelOptions
from epochal.options.study import StudyOptions

logger = logging.getLogger(__name__)


def fit_deep(
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    network_inputs: dict[str, Callable[[], Path]],
    deep_models: DeepOptions,
    study: StudyOptions,
) -> dict[str, Callable[[], CrossFitted]]:
    """Cross-fit and refit each listed network; without any, torch is not even imported."""
    if not deep_models.listed:
        return {}
    refuse_shared_subjects(splits)
    refuse_pooled_scaling(features, epochs)
    table = join_table(features, epochs, splits)
    store = gather_inputs(network_inputs)
    logger.info(_describe_device())
    return {
        name: _piece(name, model, deep_models.checkpoints, table, epochs, splits, study, store)
        for name, model in deep_models.listed.items()
    }


def predict_deep(
    fitted: dict[str, Callable[[], CrossFitted]],
    features: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    deep_models: DeepOptions,
    study: StudyOptions,
) -> pd.DataFrame:
    """Gather the listed networks' out-of-fold predictions; the refits predict val and test."""
    listed = {name: fitted[name] for name in deep_models.listed}
    table = join_table(features, epochs, splits)
    return gather_predictions(listed, table, splits, study.classes)


def _describe_device() -> str:
    from epochal.models.training.devices import describe_device

    return describe_device()


def _piece(
    name: str,
    model: NetworkModelOptions,
    checkpoints: str | None,
    table: pd.DataFrame,
    epochs: pd.DataFrame,
    splits: pd.DataFrame,
    study: StudyOptions,
    store: InputStore,
) -> Callable[[], CrossFitted]:
    """Guard a network's view and its pre-training, and make a piece of work of it."""
    from epochal.models import deep

    deep.refuse_leaks(name, model, epochs, splits)
    roster = deep.make_roster(name, model, checkpoints)
    seen = deep.choose_store(model.kind, store, epochs)
    return divide(Fitting(name, model, roster, table, study, "deep", seen))
