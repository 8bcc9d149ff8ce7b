"""Samples as float32, which is what a recording keeps."""

from __future__ import annotations

import numpy as np


def as_float32(values: np.ndarray) -> np.ndarray:
    """Return numbers as float32; what lies beyond its range becomes infinite, without a warning."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values).astype(np.float32, copy=False)
