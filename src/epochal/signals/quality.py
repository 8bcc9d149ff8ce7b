"""Signal quality per channel and epoch: what a person would not trust."""

from __future__ import annotations

import numpy as np

from epochal.options import QualityOptions


def flag_epochs(windows: np.ndarray, options: QualityOptions) -> dict[str, np.ndarray]:
    """Return `missing`, `flat`, `saturated`, bool `(n_epochs,)`; windows `(n_epochs, n_samples)`.

    `missing`: a sample is not finite. `flat`: the values span less than `flat_span`.
    `saturated`: more than `saturated_share` of the samples sit on the window's extreme values
    although the window is not flat, as a clipped amplifier's do.
    """
    missing = ~np.isfinite(windows).all(axis=1)
    safe = np.where(missing[:, None], 0.0, windows)
    low, high = safe.min(axis=1), safe.max(axis=1)
    flat = ~missing & (high - low < options.flat_span)
    at_extremes = np.mean((safe == low[:, None]) | (safe == high[:, None]), axis=1)
    saturated = ~missing & ~flat & (at_extremes > options.saturated_share)
    return {"missing": missing, "flat": flat, "saturated": saturated}
