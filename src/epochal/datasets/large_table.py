"""A parquet table that is not held in memory where that would take too much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from epochal.datasets.whole_file import WholeTable
from epochal.mapped_tables import map_columns
from epochal.parallel import ParallelOptions
from epochal.places import is_remote, local_copy


class LargeTable(WholeTable):
    """A whole parquet table; float32 columns of more than `memory_mb` stay in a mapped file.

    The file lies beside the table, or for a bucket beside the local copy, until nothing uses it.
    """

    def __init__(self, *, memory_mb: float | str | None = None, **given: Any) -> None:
        super().__init__(**given)
        options = ParallelOptions.model_validate({"table_memory_mb": memory_mb})  # may be text
        self._memory_mb = options.table_memory_mb

    def load(self) -> pd.DataFrame:
        """Return the table, held or mapped: the same numbers."""
        if self._memory_mb is None:
            return super().load()
        path = local_copy(self.location)
        with pq.ParquetFile(path) as file:
            schema, n_rows = file.schema_arrow, file.metadata.num_rows
            numbers = [field.name for field in schema if field.type == pa.float32()]
            if n_rows == 0 or n_rows * len(numbers) * np.float32().nbytes <= self._memory_mb * 1e6:
                return super().load()
            others = [name for name in schema.names if name not in numbers]
            described = pd.read_parquet(path, columns=others)
            folder = path.parent if is_remote(self.location) else self.location.parent
            mapped = map_columns(_columns(file, numbers), n_rows, folder)
        return pd.concat([described, mapped], axis=1)[schema.names]


def _columns(
    file: pq.ParquetFile, names: list[str]
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    return ((name, partial(_read, file, name)) for name in names)


def _read(file: pq.ParquetFile, name: str) -> np.ndarray:
    return file.read(columns=[name], use_threads=False).column(0).to_numpy()
