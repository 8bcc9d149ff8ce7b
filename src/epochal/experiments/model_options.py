"""From a cell to the options of its network: what the cell says, and `model` for all the rest."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from epochal.errors import EpochalError, did_you_mean
from epochal.experiments.options import NONE, Cell, ExperimentOptions
from epochal.models.training.losses import LOSSES
from epochal.options.base import say_fault
from epochal.options.deep import NetworkModelOptions

_SECTIONS = ("sequence", "loss", "training", "pretraining")
# What `model` has no say in, and what has.
_ELSEWHERE = {
    "kind": "give the axis `backbone` instead",
    "loss.kind": "give the axis `loss` instead",
    "sequence.n_epochs": "give the axis `context` instead",
    "pretraining.task": "give the axis `pretraining` instead",
    "calibration": "nothing is calibrated here; give it to a network of `deep_models`",
    "early_stopping": "it is for boosted trees; give `training.patience` instead",
    "tune": "a cell is one fit; give it to a network of `deep_models`",
}


def network_options(cell: Cell, options: ExperimentOptions) -> NetworkModelOptions:
    """Return the options of a cell's network: its own, and those that `model` gives to all.

    A parameter in `model.loss.params` goes to the losses that take it; a stride longer than the
    cell's sequence is cut to it. What `model` has no say in and wrong options raise `EpochalError`.
    """
    given = options.model
    _refuse_elsewhere(given)
    sections = {name: _section(given, name) for name in _SECTIONS}
    batch = {"batch_size": max(1, options.epochs_in_batch // cell.context)}
    pretraining = batch | sections["pretraining"] | {"task": cell.pretraining}
    own = {
        "kind": cell.backbone,
        "sequence": sections["sequence"] | _sequence(cell, sections["sequence"]),
        "loss": sections["loss"] | _loss(cell.loss, given),
        "training": batch | sections["training"],
        "pretraining": {} if cell.pretraining == NONE else pretraining,
    }
    try:
        return NetworkModelOptions(**(given | own))
    except ValidationError as error:
        raise EpochalError(f"experiment: {say_fault(error.errors()[0], 'model')}") from error


def _refuse_elsewhere(given: Mapping[str, Any]) -> None:
    for place, instead in _ELSEWHERE.items():
        section, _, name = place.rpartition(".")
        holder = _section(given, section) if section else given
        if holder.get(name) is not None:
            raise EpochalError(f"experiment: no `{place}` in `model`: {instead}")


def _section(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return a part of `model`; none where it is not given."""
    for name in names:
        part = given.get(name)
        given = {} if part is None else part
        if not isinstance(given, Mapping):
            place = ".".join(("model", *names))
            raise EpochalError(f"experiment: {place}: options by name are wanted, not {given!r}")
    return dict(given)


def _sequence(cell: Cell, given: Mapping[str, Any]) -> dict[str, Any]:
    stride = given.get("stride")
    if isinstance(stride, int):  # else pydantic says what is wrong with it
        stride = min(stride, cell.context)
    return {"n_epochs": cell.context, "stride": stride}


def _loss(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the loss with those of the parameters that are its own; refuse what none takes."""
    params = _section(given, "loss", "params")
    taken = {name: inspect.signature(loss).parameters for name, loss in LOSSES.items()}
    every = {name for names in taken.values() for name in names}
    for name in params:
        if name not in every:
            raise EpochalError(
                f"experiment: model.loss.params: no loss takes '{name}'{did_you_mean(name, every)}"
            )
    return {
        "kind": kind,
        "params": {name: value for name, value in params.items() if name in taken[kind]},
    }
