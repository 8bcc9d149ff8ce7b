"""Where sequences of epochs lie in a stretch, and which of their outputs are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from epochal.epoch_inputs import EpochInputs

Run = Callable[[dict[str, np.ndarray]], np.ndarray]
_EPOCHS_AT_ONCE = 512


class Placed(NamedTuple):
    """A sequence that begins at an epoch of its stretch; outputs `[first, end)` of it are kept."""

    start: int
    first: int
    end: int


def lay_sequences(n_epochs: int, length: int, *, causal: bool) -> list[Placed]:
    """Lay sequences over a stretch so that each epoch is predicted exactly once.

    They overlap by half. The middle of each is kept, where it sees as much on either side; at the
    stretch's ends, what is left there. `causal` keeps the last half of each instead, so that an
    epoch's sequence begins where it would in a stream. A stretch shorter than `length` is one
    sequence, whose missing epochs are to be filled.
    """
    if n_epochs <= length:
        return [Placed(0, 0, n_epochs)] if n_epochs else []
    step = max(1, length // 2)
    lead = length - step if causal else (length - step) // 2
    placed, done = [], 0
    while done < n_epochs:
        start = max(0, done - lead)
        if not causal:
            start = min(start, n_epochs - length)
        to_its_end = causal or start + length == n_epochs
        end = min(n_epochs, start + (length if to_its_end else lead + step))
        placed.append(Placed(start, done - start, end - start))
        done = end
    return placed


def predict_sequences(
    inputs: EpochInputs, features: np.ndarray, run: Run, *, length: int, causal: bool
) -> np.ndarray:
    """Return the probabilities of all epochs of a recording, `(n_epochs, n_classes)`.

    `features` `(n_epochs, n_features)` are the epochs' side features, if any. `run` takes arrays by
    name, `(B, length, …)`, and returns probabilities `(B, length, n_classes)`.
    """
    arrays = {**inputs.arrays, **({"features": features} if features.shape[1] else {})}
    placed = [
        (first, end, one)
        for first, end in inputs.stretches()
        for one in lay_sequences(end - first, length, causal=causal)
    ]
    at_once = max(1, _EPOCHS_AT_ONCE // length)
    parts = []
    for some in (placed[at : at + at_once] for at in range(0, len(placed), at_once)):
        batch = {name: _stack(array, some, length) for name, array in arrays.items()}
        proba = run(batch)
        parts += [row[one.first : one.end] for row, (_, _, one) in zip(proba, some, strict=True)]
    return np.concatenate(parts)


def _stack(array: np.ndarray, some: list[tuple[int, int, Placed]], length: int) -> np.ndarray:
    """Cut sequences out of an array; epochs beyond their stretch are missing."""
    stacked = np.full((len(some), length, *array.shape[1:]), np.nan, dtype=np.float32)
    for row, (first, end, one) in enumerate(some):
        found = array[first + one.start : min(end, first + one.start + length)]
        stacked[row, : len(found)] = found
    return stacked
