"""From the axes of an experiment to its cells, and from a cell to the options of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from pydantic import ValidationError

from epochal.errors import EpochalError, did_you_mean
from epochal.experiments.options import NONE, Cell, ExperimentOptions
from epochal.models.networks.roster import NETWORKS
from epochal.models.smoothing import SMOOTHERS
from epochal.models.training.losses import LOSSES
from epochal.options.deep import NetworkModelOptions

AXES = tuple(Cell.model_fields)


def expand(options: ExperimentOptions) -> list[Cell]:
    """Return the cells in order, the usual one first.

    A network that sees each epoch by itself has a context of 1, whatever is asked; cells that are
    then alike count once. An unknown backbone, loss or set of channels raises `EpochalError`.
    """
    check_names(options)
    axes = {name: getattr(options, name) for name in AXES}
    chosen = _vary_one(axes) if options.design == "one_at_a_time" else _vary_all(axes)
    return list(dict.fromkeys(_make_cell(values) for values in chosen))


def check_names(options: ExperimentOptions) -> None:
    """Raise `EpochalError` at the first name that no roster has, before anything is fitted."""
    _refuse_unknown("backbone", options.backbone, NETWORKS)
    _refuse_unknown("loss", options.loss, LOSSES)
    _refuse_unknown("emg", options.emg, options.channels)
    _refuse_unknown("smoothing", options.smoothing, (NONE, *SMOOTHERS))


def network_options(cell: Cell, options: ExperimentOptions) -> NetworkModelOptions:
    """Return the options of a cell's network; wrong ones in conf raise `EpochalError`."""
    given: dict[str, Any] = options.model
    batch_size = max(1, options.epochs_in_batch // cell.context)
    training = {"batch_size": batch_size} | given.get("training", {})
    task = None if cell.pretraining == NONE else cell.pretraining
    pretraining = {"batch_size": batch_size} | given.get("pretraining", {}) | {"task": task}
    own = {
        "kind": cell.backbone,
        "sequence": {"n_epochs": cell.context},
        "loss": {"kind": cell.loss},
        "training": training,
        "pretraining": pretraining,
    }
    try:
        return NetworkModelOptions(**(given | own))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise EpochalError(f"experiment: model.{place}: {first['msg']}") from error


def _vary_all(axes: dict[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _vary_one(axes: dict[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    usual = {name: values[0] for name, values in axes.items()}
    yield usual
    for name, values in axes.items():
        yield from (usual | {name: value} for value in values[1:])


def _make_cell(values: dict[str, Any]) -> Cell:
    alone = not NETWORKS[values["backbone"]].SEQUENTIAL
    return Cell(**(values | {"context": 1} if alone else values))


def _refuse_unknown(axis: str, given: Iterable[str], known: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise EpochalError(f"experiment: no {axis} '{name}'{did_you_mean(name, known)}")
