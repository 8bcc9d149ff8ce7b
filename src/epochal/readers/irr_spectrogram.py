"""The spectrograms of the IRR samples, on one time base.

The rule was found by computing the spectrum of `seg_10sec`, which sits at 295–305 s, and looking
for it in the columns: with the settings of `signals.spectrogram` it is there to five
digits. Column j holds the 4 s from

- 2j − 1 s where a region has 300 columns (centres 1, 3, 5 … s, as in the Kaggle files),
- j − 2 s where it has 600, and from j s where it has 597 (the last one is empty).

In files with 600 or 597 columns, LL alone was reduced to 300 by averaging; its column k is centred
on 2k s and 2k + ½ s there. RL, LP and RP are averaged here to those same centres.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from epochal.errors import RecordingError
from epochal.readers.float32 import as_float32
from epochal.readers.hms_spectrogram import N_FRAMES, N_FREQUENCIES, REGIONS

# columns -> {column relative to 2k: weight}: what stands for frame k
REDUCTIONS = {
    600: {-1: 0.25, 0: 0.5, 1: 0.25},
    597: {-2: 0.5, -1: 0.5},
}
_EMPTY = 1e-12  # power of a column that was never computed: 2.2e-16 in the files


def read_spectrogram(
    path: str, content: dict[str, Any]
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return `{"spectrogram": (1, 4, 100, 300)}` and what was repaired; nothing without `Sdata`.

    Raises `RecordingError` for regions other than LL, RL, LP, RP, and for lengths other than 300,
    600 and 597, whose time base is not known.
    """
    if "Sdata" not in content:
        return {}, ()
    regions = _regions(path, content["Sdata"])
    reduced = {name: _on_time_base(path, name, power) for name, power in regions.items()}
    lengths = {name: power.shape[1] for name, power in regions.items() if power.shape[1] > N_FRAMES}
    problems = [
        f"Region {name} has {n_columns} columns of 1 s; they were averaged to LL's 300 of 2 s."
        for name, n_columns in lengths.items()
    ]
    stacked = np.stack([reduced[name] for name in REGIONS])
    n_missing = int(np.isnan(stacked).all(axis=1).any(axis=0).sum())
    if n_missing and problems:
        problems.append(f"{n_missing} frames at the ends have no such column; they are NaN.")
    return {"spectrogram": as_float32(stacked[None])}, tuple(problems)


def reduce_columns(power: np.ndarray) -> np.ndarray:
    """Average 1 s columns `(100, 600 or 597)` to the 300 frames of 2 s of the same file's LL.

    A frame none of whose columns exists, or one of whose columns is empty, is NaN.
    """
    n_columns = power.shape[1]
    power = np.where((power < _EMPTY).all(axis=0), np.nan, power)
    total, weight = np.zeros((len(power), N_FRAMES)), np.zeros(N_FRAMES)
    for offset, share in REDUCTIONS[n_columns].items():
        column = 2 * np.arange(N_FRAMES) + offset
        inside = (column >= 0) & (column < n_columns)
        total[:, inside] += share * power[:, column[inside]]
        weight[inside] += share
    known = weight > 0
    total[:, known] /= weight[known]
    total[:, ~known] = np.nan
    return total


def _regions(path: str, cells: np.ndarray) -> dict[str, np.ndarray]:
    try:
        named = {str(np.squeeze(name)): np.asarray(power, dtype=float) for name, power in cells}
    except (TypeError, ValueError) as error:
        reason = f"'Sdata' has shape {np.shape(cells)}, not four rows of a name and a spectrogram"
        raise RecordingError(path, reason) from error
    if set(named) != set(REGIONS):
        raise RecordingError(path, f"'Sdata' has regions {sorted(named)}, not {list(REGIONS)}")
    return named


def _on_time_base(path: str, name: str, power: np.ndarray) -> np.ndarray:
    if power.ndim != 2 or power.shape[0] != N_FREQUENCIES:
        raise RecordingError(path, f"region {name} has shape {power.shape}, not (100, n_columns)")
    if power.shape[1] == N_FRAMES:
        return power
    if name == REGIONS[0] or power.shape[1] not in REDUCTIONS:
        raise RecordingError(
            path,
            f"region {name} has {power.shape[1]} columns: the times are known only of 300 (all "
            "regions) and of 597 or 600 (RL, LP, RP)",
        )
    return reduce_columns(power)
