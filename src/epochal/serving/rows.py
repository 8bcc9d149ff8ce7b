"""Rows of named numbers: what a request's few epochs need of a table, without a table's cost.

A data frame of one row and 429 columns takes some 10 ms of a processor until it is answered, most
of it spent on the names of its columns; this takes a fifth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd


class Rows:
    """Columns of numbers by name; it answers like a data frame as far as models ask one.

    `values` `(n_epochs, n_columns)` are floats, NaN where nothing is known; names are unique.
    """

    def __init__(self, names: Sequence[str], values: np.ndarray) -> None:
        self.names, self._values = names, values

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def __len__(self) -> int:
        """Count the epochs."""
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the columns."""
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        """Say whether there is a column of this name."""
        return name in self._places

    def __getitem__(self, chosen: list[str] | np.ndarray | slice) -> Rows:
        """Return the columns of a list of names, or the rows of a mask `(n_epochs,)` or slice."""
        if isinstance(chosen, (np.ndarray, slice)):
            return Rows(self.names, self._values[chosen])
        places = self._places
        return Rows(chosen, self._values[:, [places[name] for name in chosen]])

    def to_numpy(self, dtype: Any = None) -> np.ndarray:
        """Return the values `(n_epochs, n_columns)`."""
        return self._values if dtype is None else self._values.astype(dtype)

    def align(self, names: Sequence[str]) -> np.ndarray:
        """Return these columns `(n_epochs, n_names)`, NaN where there is none of a name."""
        unknown = np.full((len(self), 1), np.nan)
        places = [self._places.get(name, -1) for name in names]  # the last one is the unknown
        return np.hstack([self._values, unknown])[:, places]

    def to_table(self) -> pd.DataFrame:
        """Return a data frame of them."""
        return pd.DataFrame(self._values, columns=list(self.names))


Table: TypeAlias = pd.DataFrame | Rows


def to_table(features: Table) -> pd.DataFrame:
    """Return features as a data frame."""
    return features.to_table() if isinstance(features, Rows) else features
