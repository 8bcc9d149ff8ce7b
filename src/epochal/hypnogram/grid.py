"""Where epochs lie on a grid of equal steps in time."""

from __future__ import annotations

import numpy as np

_CLOSE = 1e-6  # of an epoch: what sums of decimal fractions miss by


def place_on_grid(onsets_s: np.ndarray, *, start_s: float, epoch_s: float) -> np.ndarray:
    """Return the number of the epoch, counted from `start_s`, whose middle each onset covers.

    Of epochs that do not overlap no two share a number, whatever the gaps between them. `np.round`
    would not do: it takes halves to the even number, 2.5 to 2, 3.5 to 4 and 4.5 to 4.
    """
    steps = (np.asarray(onsets_s, dtype=float) - start_s) / epoch_s
    return np.ceil(steps - 0.5 - _CLOSE).astype(int)
