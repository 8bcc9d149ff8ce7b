"""From the axes of an experiment to its cells, and what is refused before any is fitted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from epochal.errors import EpochalError, did_you_mean
from epochal.experiments.model_options import network_options
from epochal.experiments.options import NONE, Cell, ExperimentOptions, row_name
from epochal.models.networks.roster import NETWORKS
from epochal.models.smoothing import SMOOTHERS
from epochal.models.training.losses import LOSSES, make_loss

AXES = tuple(Cell.model_fields)


def expand(options: ExperimentOptions) -> list[Cell]:
    """Return the cells in order, the usual one first.

    A network that sees each epoch by itself has a context of 1, whatever is asked; cells that are
    then alike count once. An unknown backbone, loss or set of channels raises `EpochalError`.
    """
    _check_names(options)
    axes = {name: getattr(options, name) for name in AXES}
    chosen = _vary_one(axes) if options.design == "one_at_a_time" else _vary_all(axes)
    return list(dict.fromkeys(_make_cell(values) for values in chosen))


def check(options: ExperimentOptions) -> None:
    """Raise `EpochalError` at the first thing that cannot be: before anything is fitted.

    That is a name that no roster has, an option of `model` that is wrong or is an axis', and a
    reference that is no row.
    """
    cells = expand(options)
    for cell in cells:
        loss = network_options(cell, options).loss
        make_loss(loss.kind, **loss.params)
    if options.reference is not None:
        names = [*options.baselines, *(cell.name for cell in cells)]
        rows = [row_name(name, kind) for name in names for kind in options.smoothing]
        _refuse_unknown("row", [options.reference], rows)


def _check_names(options: ExperimentOptions) -> None:
    _refuse_unknown("backbone", options.backbone, NETWORKS)
    _refuse_unknown("loss", options.loss, LOSSES)
    _refuse_unknown("emg", options.emg, options.channels)
    _refuse_unknown("smoothing", options.smoothing, (NONE, *SMOOTHERS))


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
