"""The roster of feature sets, and the columns of one signal's windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

import numpy as np

from epochal.errors import EpochalError, did_you_mean

FeatureFunction = Callable[[np.ndarray, float], dict[str, np.ndarray]]

# name in conf -> module and function `(windows, sfreq) -> {name: column}`
FEATURE_SETS = {
    "band_power": "epochal.features.spectral:band_power",
    "spectral_shape": "epochal.features.spectral:spectral_shape",
    "statistics": "epochal.features.time_domain:statistics",
    "hjorth": "epochal.features.time_domain:hjorth",
    "level": "epochal.features.time_domain:level",
    "pulse": "epochal.features.cardiac:pulse_features",
    "ecg": "epochal.features.cardiac:ecg_features",
    "heart_rate": "epochal.features.cardiac:heart_rate_features",
    "electrodermal": "epochal.features.electrodermal:electrodermal_features",
    "motion": "epochal.features.motion:motion_features",
    "temperature": "epochal.features.temperature:temperature_features",
    "belt": "epochal.features.respiration:belt_features",
    "pulse_respiration": "epochal.features.respiration:pulse_respiration_features",
}


def feature_function(name: str) -> FeatureFunction:
    """Return a feature set by its name in `FEATURE_SETS`."""
    if name not in FEATURE_SETS:
        raise EpochalError(f"No feature set '{name}'{did_you_mean(name, FEATURE_SETS)}")
    module, function = FEATURE_SETS[name].split(":")
    return getattr(import_module(module), function)


def compute_features(
    windows: np.ndarray, sfreq: float, sets: Iterable[str]
) -> dict[str, np.ndarray]:
    """Return the columns of some feature sets, each float32 `(n_epochs,)`.

    `windows` `(n_epochs, [n_channels,] n_samples)`; an epoch with a sample that is not finite has
    NaN in every column.
    """
    usable = np.isfinite(windows).all(axis=tuple(range(1, windows.ndim)))
    columns = {}
    for name in sets:
        for feature, values in feature_function(name)(windows[usable], sfreq).items():
            column = np.full(len(windows), np.nan, dtype=np.float32)
            column[usable] = values
            columns[feature] = column
    return columns
