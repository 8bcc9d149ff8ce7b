"""Rows of a table as networks take them: which epochs, with which side features, in sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from epochal.epoch_inputs import EpochInputs
from epochal.signals.epoching import INDEX

ABSENT = -1  # the row of an epoch that no row of the table stands for


@dataclass(frozen=True)
class EpochRows:
    """Some epochs of a cohort: their `keys` (`recording_id, epoch`), and side features if any.

    `features` is `(n_rows, n_features)`, NaN where unknown. The windows themselves lie in `store`,
    an `InputStore` or any mapping like it.
    """

    store: Mapping[str, EpochInputs]
    keys: pd.DataFrame
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def row_of(self) -> dict[str, np.ndarray]:
        """By recording: for each of its epochs the row that stands for it, or `ABSENT`."""
        found = {}
        numbers = pd.Series(np.arange(len(self.keys)), index=self.keys["epoch"].to_numpy())
        ids = self.keys["recording_id"].to_numpy()
        for recording_id in pd.unique(ids):
            of_it = numbers[ids == recording_id]
            places = of_it.reindex(self.store[recording_id].epoch, fill_value=ABSENT)
            found[recording_id] = places.to_numpy()
        return found

    @property
    def any_inputs(self) -> EpochInputs:
        """The inputs of the first recording: all have their shape."""
        return self.store[self.keys["recording_id"].iloc[0]]

    def known(self) -> np.ndarray:
        """Say of which rows there is anything to see, `(n_rows,)`."""
        known = np.zeros(len(self), dtype=bool)
        for recording_id, rows in self.row_of.items():
            there = rows != ABSENT
            known[rows[there]] = self.store[recording_id].known[there]
        return known


def take_rows(
    store: Mapping[str, EpochInputs], table: pd.DataFrame, columns: list[str]
) -> EpochRows:
    """Return the rows of a table with `columns` as their side features."""
    features = table[columns].to_numpy(dtype=np.float32, na_value=np.nan)
    return EpochRows(store, table[INDEX].reset_index(drop=True), features)


class Sequences:
    """Sequences of following epochs of some rows; `rows` `(n_sequences, length)` are their rows.

    An epoch that is not there, or that no row stands for, is `ABSENT`. Only sequences with a row
    that `only` `(n_rows,)` marks are kept. Indexed by many places at once it gives a batch of
    arrays by name: each input `(B, L, …)`, `features` `(B, L, F)` and `rows` `(B, L)`.
    """

    def __init__(
        self,
        rows: EpochRows,
        names: tuple[str, ...],
        *,
        length: int,
        step: int,
        only: np.ndarray,
    ) -> None:
        self._of, self._names, self.length = rows, names, length
        starts = [
            (recording_id, start, min(length, end - start))
            for recording_id in rows.row_of
            for first, end in rows.store[recording_id].stretches()
            for start in _starts(first, end, length, step)
        ]
        placed = np.full((len(starts), length), ABSENT)
        for place, (recording_id, start, count) in enumerate(starts):
            placed[place, :count] = rows.row_of[recording_id][start : start + count]
        kept = ((placed != ABSENT) & only[placed]).any(axis=1)
        self.rows = placed[kept]
        self._starts = [one for one, keep in zip(starts, kept, strict=True) if keep]

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def sites(self) -> list[str]:
        """The site of each sequence's recording, empty where unknown."""
        return [self._of.store[recording_id].site for recording_id, _, _ in self._starts]

    def __getitems__(self, places: list[int]) -> dict[str, np.ndarray]:
        """Return the sequences at some places as one batch."""
        some = [self._starts[place] for place in places]
        batch = {name: self._stack(name, some) for name in self._names}
        rows = self.rows[places]
        if self._of.features.shape[1]:
            batch["features"] = self._of.features[rows]  # an absent epoch's are made missing:
            batch["features"][rows == ABSENT] = np.nan
        return batch | {"rows": rows}

    def _stack(self, name: str, some: list[tuple[str, int, int]]) -> np.ndarray:
        shape = self._of.any_inputs.arrays[name].shape[1:]
        stacked = np.full((len(some), self.length, *shape), np.nan, dtype=np.float32)
        for place, (recording_id, start, count) in enumerate(some):
            array = self._of.store[recording_id].arrays[name]
            stacked[place, :count] = array[start : start + count]
        return stacked


def _starts(first: int, end: int, length: int, step: int) -> list[int]:
    """Return where sequences begin in a stretch; the last one ends where the stretch does."""
    starts = list(range(first, max(first, end - length) + 1, step))
    last = max(first, end - length)
    return starts if starts[-1] == last else [*starts, last]
