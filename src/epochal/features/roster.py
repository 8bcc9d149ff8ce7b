"""The roster of feature sets, and the columns of one signal's windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

import numpy as np

from epochal.errors import EpochalError, did_you_mean
from epochal.features.block import Block

BLOCK_SAMPLES = 300_000  # of a signal at a time: what is made of them stays in the cache
_USABLE_ROWS = 64
# Blocks have whole multiples of so many rows: at the edge of a matrix BLAS adds in another order,
# and an epoch in a stream, alone in its block, would differ from the same one in a whole night.
_WHOLE_ROWS = 16

FeatureFunction = Callable[[np.ndarray, float], dict[str, np.ndarray]]

# name in conf -> module and function `(windows, sfreq) -> {name: column}`
FEATURE_SETS = {
    "band_power": "epochal.features.spectral:band_power",
    "rodent_band_power": "epochal.features.spectral:rodent_band_power",
    "multitaper_power": "epochal.features.spectral:multitaper_power",
    "spectral_shape": "epochal.features.spectral:spectral_shape",
    "aperiodic": "epochal.features.spectral:aperiodic",
    "line_noise": "epochal.features.spectral:line_noise",
    "statistics": "epochal.features.time_domain:statistics",
    "amplitude": "epochal.features.time_domain:amplitude",
    "quantiles": "epochal.features.time_domain:quantiles",
    "hjorth": "epochal.features.time_domain:hjorth",
    "level": "epochal.features.time_domain:level",
    "complexity": "epochal.features.complexity:complexity",
    "entropy": "epochal.features.complexity:entropy",
    "detrended_fluctuation": "epochal.features.complexity:detrended_fluctuation",
    "eye_movements": "epochal.features.eye_movements:eye_movement_features",
    "muscle_tone": "epochal.features.muscle:muscle_tone",
    "sleep_edf_table_bands": "epochal.features.sleep_edf_table:band_table",
    "sleep_edf_table_time": "epochal.features.sleep_edf_table:time_table",
    "pulse": "epochal.features.cardiac:pulse_features",
    "ecg": "epochal.features.cardiac:ecg_features",
    "heart_rate": "epochal.features.cardiac:heart_rate_features",
    "electrodermal": "epochal.features.electrodermal:electrodermal_features",
    "motion": "epochal.features.motion:motion_features",
    "temperature": "epochal.features.temperature:temperature_features",
    "belt": "epochal.features.respiration:belt_features",
    "pulse_respiration": "epochal.features.respiration:pulse_respiration_features",
    "chain_power": "epochal.features.chain_power:chain_power",
    "discharges": "epochal.features.discharges:discharge_features",
    "chain_synchrony": "epochal.features.synchrony:chain_synchrony",
    "chain_evolution": "epochal.features.evolution:chain_evolution",
    "wavelet_combo": "epochal.features.wavelet:wavelet_combo",
    "wavelet_energy": "epochal.features.wavelet:wavelet_energy",
    "spectrogram_regions": "epochal.features.spectrogram_features:spectrogram_regions",
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

    `windows` `(n_epochs, [n_channels,] n_samples)`. What every set keeps to:

    - an epoch with a sample that is not finite has NaN in every column, but for the sets that say
      themselves what they do without some (`takes_missing`);
    - a flat epoch (one value only) has finite sizes (0, or the logarithm of a floor) and NaN for
      what is a share, a ratio or a shape: nothing has none;
    - two sets that name a column alike are refused, `EpochalError`.

    Sets made of blocks share what they have in common (`block.Block`), some epochs at a time.
    """
    functions = {name: feature_function(name) for name in sets}
    of_blocks = [function for function in functions.values() if hasattr(function, "takes_block")]
    usable = _find_usable(windows)
    computed = _compute_in_blocks(windows, sfreq, usable, of_blocks) if of_blocks else {}
    found = {}
    for name, function in functions.items():
        known = np.ones_like(usable) if hasattr(function, "takes_missing") else usable
        columns = computed.get(function) or function(windows[known], sfreq)
        found[name] = {column: _scatter(values, known) for column, values in columns.items()}
    return _merge(found)


def _compute_in_blocks(
    windows: np.ndarray, sfreq: float, usable: np.ndarray, functions: list[FeatureFunction]
) -> dict[FeatureFunction, dict[str, np.ndarray]]:
    """Compute the sets that share a block, over some epochs at a time, the usable ones only."""
    n_block = max(1, BLOCK_SAMPLES // max(1, windows.shape[-1]) // _WHOLE_ROWS) * _WHOLE_ROWS
    parts: dict[FeatureFunction, list[dict[str, np.ndarray]]] = {f: [] for f in functions}
    for first in range(0, max(1, len(windows)), n_block):
        some, known = windows[first : first + n_block], usable[first : first + n_block]
        some = some if known.all() else some[known]
        block = Block(_fill_rows(some), sfreq)
        for function in functions:
            columns = function(block)  # type: ignore[call-arg,arg-type]
            parts[function].append({name: c[: len(some)] for name, c in columns.items()})
    return {
        function: {name: np.concatenate([part[name] for part in some]) for name in some[0]}
        for function, some in parts.items()
    }


def _fill_rows(windows: np.ndarray) -> np.ndarray:
    """Repeat the last window until the rows are a whole multiple; no rows stay none."""
    n_more = -len(windows) % _WHOLE_ROWS
    if not n_more:
        return windows
    return np.concatenate([windows, np.repeat(windows[-1:], n_more, axis=0)])


def _find_usable(windows: np.ndarray) -> np.ndarray:
    """Say which epochs have finite samples only, a few at a time."""
    usable = np.empty(len(windows), dtype=bool)
    axes = tuple(range(1, windows.ndim))
    for first in range(0, len(windows), _USABLE_ROWS):
        some = windows[first : first + _USABLE_ROWS]
        usable[first : first + _USABLE_ROWS] = np.isfinite(some).all(axis=axes)
    return usable


def _scatter(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Put the values where they belong among all epochs, NaN elsewhere."""
    column = np.full(len(usable), np.nan, dtype=np.float32)
    column[usable] = values
    return column


def _merge(computed: dict[str, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {}
    for name, found in computed.items():
        twice = sorted(columns.keys() & found.keys())
        if twice:
            raise EpochalError(
                f"The feature set '{name}' names columns that another set of the same signal "
                f"has: {', '.join(twice)}. List one of the two sets under a signal of its own"
            )
        columns |= found
    return columns
