"""A scorer that tells how long its models took."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from epochal.serving.bundle import Bundle, Scorer
from epochal.serving.rows import Table

Told = Callable[[str, float], None]


class TimedScorer(Scorer):
    """As a scorer; `tell` hears the model and the seconds of each answer."""

    def __init__(self, bundle: Bundle, *, tell: Told, **runs: Any) -> None:
        super().__init__(bundle, **runs)
        self._tell = tell

    def predict(self, features: Table, model: str | None = None, **given: Any) -> np.ndarray:
        """Return probabilities, as a scorer does."""
        began_s = perf_counter()
        proba = super().predict(features, model, **given)
        self._tell(model or self.manifest.headline, perf_counter() - began_s)
        return proba
