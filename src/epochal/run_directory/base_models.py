"""What the base models are, as the models of a study: their kinds, parameters and columns."""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from epochal.models.classical import ROSTER
from epochal.options.models import ModelOptions
from epochal.run_directory.by_row import ROW, Loaded, LoadedByRow, WindowsByRow
from epochal.run_directory.flags import TrainFlags
from epochal.run_directory.rows import H5Rows

NETWORKS = {"lstm": "lstm", "cnn": "cnn1d"}
HGB = "hist_gradient_boosting"


def describe_model(
    target: str, flags: TrainFlags, columns: list[str], found: Mapping[str, Any]
) -> ModelOptions:
    """Return a base model's options; `found` are parameters that a search has chosen."""
    weight = "balanced" if flags.class_weights_auto else None
    if target == "hgb":
        patterns = tuple(map(glob.escape, columns))
        return ModelOptions(kind=HGB, columns=patterns, params=dict(found), class_weight=weight)
    if target in flags.loaded:
        return ModelOptions(kind=f"loaded_{target}", columns=(ROW,))
    params = _network_params(target, flags) | dict(found)
    return ModelOptions(kind=target, columns=(ROW,), params=params, class_weight=weight)


def list_builders(h5: H5Rows | None, loaded: Mapping[str, Loaded]) -> dict[str, Callable[..., Any]]:
    """Return the roster that `cross_fit` builds base models from."""
    builders: dict[str, Callable[..., Any]] = {HGB: ROSTER[HGB]}
    if h5 is not None:
        builders |= {target: partial(build_network, target, h5) for target in NETWORKS}
        builders |= {f"loaded_{t}": partial(build_loaded, one, h5) for t, one in loaded.items()}
    return builders


def build_network(
    target: str,
    rows: H5Rows,
    seed: int,
    *,
    downsample: int,
    max_train_samples: int,
    network_params: dict[str, Any] | None = None,
    **params: Any,
) -> WindowsByRow:
    """Build an LSTM or a CNN on windows read by row; `units`… may stand among the parameters."""
    from epochal.models.sequence import SequenceClassifier  # trees alone need no torch

    own = {name: params.pop(name) for name in ("units", "dense_units", "dropout") if name in params}
    classifier = SequenceClassifier(
        NETWORKS[target], seed=seed, network_params=(network_params or {}) | own, **params
    )
    return WindowsByRow(
        classifier, rows, downsample=downsample, max_train_samples=max_train_samples
    )


def build_loaded(loaded: Loaded, rows: H5Rows, seed: int) -> LoadedByRow:
    """Take a trained network as it is."""
    del seed  # nothing is drawn
    return LoadedByRow(loaded, rows)


def _network_params(target: str, flags: TrainFlags) -> dict[str, Any]:
    names = {"epochs": "n_epochs", "batch_size": "batch_size", "downsample": "downsample",
             "max_train_samples": "max_train_samples", "verbose": "verbose",
             "predict_batch_size": "predict_batch_size"}  # fmt: skip
    params = {ours: getattr(flags, f"{target}_{given}") for given, ours in names.items()}
    if target == "lstm":
        params |= {"units": flags.lstm_units, "dense_units": flags.lstm_dense_units}
    return params
