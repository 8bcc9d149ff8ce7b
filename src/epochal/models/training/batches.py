"""Batches of sequences with what is to be learnt of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from epochal.models.training.epoch_rows import ABSENT, Sequences
from epochal.models.training.processes import share, share_length
from epochal.models.training.targets import RowTargets

Batch = dict[str, torch.Tensor]


class SequenceData(Dataset[Batch]):
    """Sequences with the targets of their epochs, by batches: `targets`, `weights`, `domains`.

    `domains` `(n_sequences,)` are codes of the sites, -1 where unknown.
    """

    def __init__(self, sequences: Sequences, of: RowTargets, domains: np.ndarray) -> None:
        self.sequences, self._of, self._domains = sequences, of, domains

    @property
    def n_domains(self) -> int:
        """How many sites there are."""
        return int(self._domains.max(initial=0)) + 1

    @property
    def codes(self) -> np.ndarray:
        """The epochs' classes, `(n_sequences, L)`, -1 where unknown."""
        return np.where(self.sequences.rows == ABSENT, -1, self._of.codes[self.sequences.rows])

    @property
    def votes(self) -> np.ndarray | None:
        """The epochs' numbers of votes, `(n_sequences, L)`, where there are votes."""
        return self._of.targets.sum(axis=1)[self.sequences.rows] if self._of.soft else None

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self._of.classes

    def __getitems__(self, places: list[int]) -> Batch:
        """Return one batch of tensors; epochs without a row weigh nothing."""
        arrays = self.sequences.__getitems__(places)
        rows = arrays.pop("rows")
        there = (rows != ABSENT) & self._of.known[rows]
        targets = self._of.targets[rows]
        arrays["weights"] = np.where(there, self._of.weights[rows], 0.0).astype(np.float32)
        arrays["targets"] = (
            np.where(there[..., None], targets, 0).astype(np.float32)
            if self._of.soft
            else np.where(there, targets, -1)
        )
        arrays["domains"] = self._domains[places]
        arrays["places"] = np.asarray(places)
        return {name: torch.as_tensor(array) for name, array in arrays.items()}


class Order(Sampler[int]):
    """The order of the sequences in a pass, made anew for each by `draw(pass number)`.

    Who trains says by `set_epoch` which pass comes next; passes may differ in length, which must
    follow from their number alone. Of several processes each goes through its share.
    """

    def __init__(self, draw: Callable[[int], np.ndarray]) -> None:
        self._draw, self._lengths = draw, dict[int, int]()
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Go on with this pass, counted from 0; Lightning says it too."""
        self._pass = epoch

    def __len__(self) -> int:
        return share_length(self._length(self._pass))

    def __iter__(self) -> Iterator[int]:
        return iter(share(self._draw(self._pass), even=True).tolist())

    def count_batches(
        self, n_passes: int, *, batch_size: int, n_processes: int = 1
    ) -> tuple[int, ...]:
        """Return how many batches each of the first passes has, in each of the processes."""
        lengths = (share_length(self._length(number), n_processes) for number in range(n_passes))
        return tuple(-(-length // batch_size) for length in lengths)

    def _length(self, number: int) -> int:
        if number not in self._lengths:
            self._lengths[number] = len(self._draw(number))
        return self._lengths[number]


class FirstToLast(Sampler[int]):
    """So many sequences as they come; of several processes each sees its share, nothing twice."""

    def __init__(self, n_sequences: int) -> None:
        self._n_sequences = n_sequences

    def __len__(self) -> int:
        return len(self._places())

    def __iter__(self) -> Iterator[int]:
        return iter(self._places().tolist())

    def _places(self) -> np.ndarray:
        return share(np.arange(self._n_sequences), even=False)


def load_batches(
    data: SequenceData, batch_size: int, *, order: Order | None = None, n_workers: int = 0
) -> DataLoader[Batch]:
    """Return a loader of whole batches; without an order, first to last."""
    return DataLoader(
        data,
        batch_size=batch_size,
        sampler=FirstToLast(len(data)) if order is None else order,
        collate_fn=_as_it_is,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
        # workers that stay draw a seed in the first pass alone: none of the training's own numbers
        generator=torch.Generator() if n_workers > 0 else None,
        pin_memory=torch.cuda.is_available(),
    )


def _as_it_is(batch: Any) -> Any:
    return batch
