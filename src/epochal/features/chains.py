"""Where the eighteen derivations of the double banana lie, for features that compare them."""

from __future__ import annotations

import numpy as np

from epochal.errors import EpochalError
from epochal.signals.montage import DOUBLE_BANANA

# Left and right lateral (temporal), left and right parasagittal: the data set's four regions.
REGIONS = {"LL": slice(0, 4), "RL": slice(4, 8), "LP": slice(8, 12), "RP": slice(12, 16)}
LEFT = np.r_[0:4, 8:12]
RIGHT = np.r_[4:8, 12:16]  # the mirror images of LEFT, in its order
FRONT = np.array([0, 1, 4, 5, 8, 9, 12, 13])
BACK = FRONT + 2


def require_double_banana(windows: np.ndarray) -> np.ndarray:
    """Return windows `(n_epochs, 18, n_samples)` in float64; another shape raises `EpochalError`.

    The derivations are those of `signals.montage.DOUBLE_BANANA`, in its order.
    """
    if windows.ndim != 3 or windows.shape[1] != len(DOUBLE_BANANA):
        raise EpochalError(
            f"Features of the double banana need its 18 derivations, {DOUBLE_BANANA[0]} to "
            f"{DOUBLE_BANANA[-1]} in its order, as one signal; they were given {windows.shape[1:]}"
        )
    return windows.astype(np.float64)


def mask_flat(
    columns: dict[str, np.ndarray], windows: np.ndarray, *, sizes: str = ""
) -> dict[str, np.ndarray]:
    """Return the columns with NaN where an epoch is flat: nothing has no shape and no side.

    Columns whose names contain `sizes` stay: they say how little there is.
    """
    flat = (windows.max(axis=2, initial=-np.inf) == windows.min(axis=2, initial=np.inf)).all(axis=1)
    return {
        name: values if sizes and sizes in name else np.where(flat, np.nan, values)
        for name, values in columns.items()
    }


def imbalance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return (left − right) / (left + right): 1 where all is left, 0 where both or neither are."""
    total = left + right
    return np.divide(left - right, total, out=np.zeros_like(total), where=total > 0)
