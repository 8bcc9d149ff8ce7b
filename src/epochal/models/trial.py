"""Models of a study tried on made-up rows: what their fits would refuse is refused at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epochal.errors import EpochalError
from epochal.labels import VOTE
from epochal.models.fitting import fit_estimator
from epochal.models.parameters import build_model
from epochal.options.deep import DeepOptions, NetworkModelOptions
from epochal.options.models import ClassicalOptions, ModelOptions, RangeOptions
from epochal.options.network_inputs import SignalInputOptions
from epochal.options.study import StudyOptions

_N_SUBJECTS, _N_EPOCHS = 4, 8  # of each class and subject
_COLUMNS = ["a", "b", "c", "d"]


def try_classical(options: ClassicalOptions, study: StudyOptions) -> None:
    """Fit each model on a few rows of noise, `EpochalError` naming one that cannot be fitted."""
    from epochal.models.classical import ROSTER

    for name, model in options.listed.items():
        with _named(f"classical_models.models.{name}"):
            _try_fit(model, ROSTER, study)


def try_networks(
    options: DeepOptions, sections: Mapping[str, Any], *, where: str = "deep_models.models"
) -> None:
    """Make each network for the inputs that will be prepared, `EpochalError` naming a misfit.

    `sections` are the study's, checked. A network over columns is fitted as well. Where the rate or
    the channels are those of the recordings, or a spectrogram's size theirs, a network's own
    refusal of a shape comes when it is fitted.
    """
    from epochal.models.deep import COLUMN_NETWORKS, make_roster

    for name, model in options.listed.items():
        with _named(f"{where}.{name}"):
            roster = make_roster(name, model, None)
            if model.kind in COLUMN_NETWORKS:
                _try_fit(model, roster, sections["study"])
            else:
                _try_shape(model, roster, sections)


def _try_fit(
    model: ModelOptions, roster: Mapping[str, Callable[..., Any]], study: StudyOptions
) -> None:
    tried = _with_first_choices(model)
    estimator = build_model(tried, roster, study.seed)
    rows = _make_rows(study.classes, study.seed)
    fit_estimator(estimator, rows, _COLUMNS, study.classes, tried, seed=study.seed)


def _try_shape(
    model: NetworkModelOptions,
    roster: Mapping[str, Callable[..., Any]],
    sections: Mapping[str, Any],
) -> None:
    import torch

    from epochal.models.training.pretrained import refuse_other_network

    study, inputs = sections["study"], sections["feature_engineering"].network_inputs
    network = build_model(_with_first_choices(model), roster, study.seed)
    if model.pretrained is not None:
        refuse_other_network(Path(model.pretrained), model.kind, network.network_params or {})
    channels = _expected_channels(inputs.signal)
    network.refuse_misfits(inputs.listed, channels=channels)
    shape = _expected_shape(inputs.signal, sections["ingestion"].epoch_length_s)
    if shape is not None and "spectrogram" not in network.sees:
        told = {"n_classes": len(study.classes), "n_features": len(_COLUMNS)}
        with torch.random.fork_rng(devices=[]):
            network.make(shape | told)


def _with_first_choices(model: ModelOptions) -> Any:
    """Return a model's options with the first value of each parameter that is searched for."""
    space = {} if model.tune is None else model.tune.space
    first = {name: _first(values) for name, values in space.items()}
    return model.model_copy(update={"params": {**model.params, **first}, "tune": None})


def _first(values: RangeOptions | tuple[Any, ...]) -> Any:
    if isinstance(values, RangeOptions):
        return int(values.low) if values.whole else values.low
    return values[0]


def _make_rows(classes: tuple[str, ...], seed: int) -> pd.DataFrame:
    """Return rows of noise, some of each class from each of a few subjects, with votes."""
    labels = np.tile(np.repeat(classes, _N_EPOCHS), _N_SUBJECTS)
    noise = np.random.default_rng(seed).standard_normal((len(labels), len(_COLUMNS)))
    rows = pd.DataFrame(noise.astype(np.float32), columns=_COLUMNS)
    votes = {f"{VOTE}{name}": (labels == name).astype(float) for name in classes}
    subjects = np.repeat(np.arange(_N_SUBJECTS), len(classes) * _N_EPOCHS).astype(str)
    return rows.assign(label=labels, subject_id=subjects, **votes)


def _expected_channels(signal: SignalInputOptions | None) -> tuple[str, ...] | None:
    """Return the names of the channels that will be prepared; None where recordings decide them."""
    return signal.name_channels(signal.channels) if signal and signal.channels else None


def _expected_shape(
    signal: SignalInputOptions | None, epoch_length_s: float
) -> dict[str, Any] | None:
    """Return the shape of the signal that will be prepared; None where recordings decide it."""
    if signal is None:
        return {"n_channels": 0, "n_times": 0, "sfreq": 1.0}
    channels = _expected_channels(signal)
    if signal.sfreq is None or channels is None:
        return None
    window_s = signal.window_s or epoch_length_s
    return {
        "n_channels": len(channels),
        "n_times": round(signal.sfreq * window_s),
        "sfreq": signal.sfreq,
    }


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Say of whatever goes wrong where in conf it stands."""
    try:
        yield
    except Exception as error:  # each library has its own kinds
        raise EpochalError(f"{where}: {error}") from error
