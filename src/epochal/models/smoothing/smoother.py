"""A smoothing with all its numbers: plain, as it stands in a bundle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydantic import Field

from epochal.models.calibrators import Calibration
from epochal.models.smoothing.filters import median_probability, mode_filter
from epochal.models.smoothing.hidden_markov import forward, forward_backward, viterbi
from epochal.models.smoothing.transitions import weaken
from epochal.options.base import Options
from epochal.options.models import SmoothingKind

CHAINS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "forward": forward,
    "forward_backward": forward_backward,
    "viterbi": viterbi,
}
FILTERS: dict[str, Callable[..., np.ndarray]] = {
    "mode": mode_filter,
    "median_probability": median_probability,
}
SMOOTHERS: dict[str, Callable[..., np.ndarray]] = CHAINS | FILTERS


class Smoothing(Options):
    """Smoothing of the stack's probabilities."""

    kind: SmoothingKind
    transitions: list[list[float]] = Field(description="Rows: from; of sum 1.")
    prior: list[float] = Field(description="The classes' shares in training.")
    memory: float = Field(1.0, description="How much of the transitions counts.")
    width: int = Field(3, description="Epochs that a filter looks at.")
    calibration: Calibration | None = None

    def apply(self, proba: np.ndarray) -> np.ndarray:
        """Return the smoothed probabilities of one run of epochs, `(n_epochs, n_classes)`.

        A row that is not finite stays so; time passes there.
        """
        seen = np.flatnonzero(np.isfinite(proba).all(axis=1))
        smoothed = np.full(proba.shape, np.nan)
        if len(seen):
            inside = slice(seen[0], seen[-1] + 1)
            smoothed[seen] = self._smooth(proba[inside])[seen - seen[0]]
        return smoothed if self.calibration is None else self.calibration.apply(smoothed)

    def advance(
        self, proba: np.ndarray, expected: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the next epochs of a run smoothed, as `apply` has them, and what is now expected.

        `expected` is what the epochs before returned, None at first. Only `forward` can do it.
        """
        seen = np.flatnonzero(np.isfinite(proba).all(axis=1))
        smoothed = np.full(proba.shape, np.nan)
        if len(seen) or expected is not None:  # time passes where nothing is seen
            first = seen[0] if expected is None else 0
            potentials = self.potentials(self.memory)
            filtered = forward(proba[first:], potentials, np.array(self.prior), expected=expected)
            smoothed[seen] = filtered[seen - first]
            expected = filtered[-1] @ potentials if len(filtered) else expected
        if self.calibration is not None:
            smoothed = self.calibration.apply(smoothed)
        return smoothed, expected

    def _smooth(self, proba: np.ndarray) -> np.ndarray:
        if self.kind in FILTERS:
            return FILTERS[self.kind](proba, width=self.width)
        return CHAINS[self.kind](proba, self.potentials(self.memory), np.array(self.prior))

    def potentials(self, memory: float) -> np.ndarray:
        """Return the transitions at some memory `(n_classes, n_classes)`."""
        return weaken(np.array(self.transitions), np.array(self.prior), memory)
