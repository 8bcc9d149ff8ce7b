"""How far the smoothings of a stream have come."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from epochal.models.smoothing.smoother import Smoothing


@dataclass
class SmoothingMemory:
    """What the smoothings of a run expect next, by name; none of them before its first epoch.

    The first `n_lead` rows of what is smoothed were smoothed before: networks looked back on them.
    """

    n_lead: int = 0
    expected: dict[str, np.ndarray | None] = field(default_factory=dict)

    def smooth(self, name: str, smoothing: Smoothing, proba: np.ndarray) -> np.ndarray:
        """Return the new rows smoothed, and remember what follows from them."""
        new = proba[self.n_lead :]
        smoothed, self.expected[name] = smoothing.advance(new, self.expected.get(name))
        return smoothed
