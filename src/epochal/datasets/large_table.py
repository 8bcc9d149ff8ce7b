"""A parquet table that need not be held in memory: written in pieces, read as a mapped file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from epochal.datasets.parallel_conf import read_parallel
from epochal.datasets.whole_file import WholeTable
from epochal.mapped_tables import map_columns
from epochal.places import is_remote

Pieces = Mapping[str, Callable[[], pd.DataFrame]]
_ROWS_HELD = 2**15  # of the pieces to be written: with hundreds of columns some tens of MB


class LargeTable(WholeTable):
    """A whole parquet table; float32 columns of more than `memory_mb` stay in a mapped file.

    It saves a table, or `{name: call}` with the pieces of one, of which a few are held at a time:
    a column that a piece lacks is missing there. The mapped file lies beside the table, or for a
    bucket beside the local copy, until nothing uses it.
    """

    def __init__(self, *, memory_mb: float | str | None = None, **given: Any) -> None:
        super().__init__(**given)
        options = read_parallel({"table_memory_mb": memory_mb})  # may be text
        self._memory_mb = options.table_memory_mb

    def _load_at(self, path: Path) -> pd.DataFrame:
        """Return the table, held or mapped: the same numbers."""
        if self._memory_mb is None:
            return super()._load_at(path)
        with pq.ParquetFile(path) as file:
            schema, n_rows = file.schema_arrow, file.metadata.num_rows
            numbers = [field.name for field in schema if field.type == pa.float32()]
            if n_rows == 0 or n_rows * len(numbers) * np.float32().nbytes <= self._memory_mb * 1e6:
                return super()._load_at(path)
            others = [name for name in schema.names if name not in numbers]
            described = pd.read_parquet(path, columns=others)
            folder = path.parent if is_remote(self.location) else self.location.parent
            mapped = map_columns(_columns(file, numbers), n_rows, folder)
        return pd.concat([described, mapped], axis=1)[schema.names]

    def _save_at(self, path: Path, data: pd.DataFrame | Pieces) -> None:
        if isinstance(data, pd.DataFrame):
            super()._save_at(path, data)
        else:
            _write_pieces(path, data)


def _write_pieces(path: Path, pieces: Pieces) -> None:
    schemas = [pa.Schema.from_pandas(load()[:1], preserve_index=False) for load in pieces.values()]
    schema = pa.unify_schemas(schemas).remove_metadata()  # that of pandas is of the first piece
    with pq.ParquetWriter(path, schema) as writer:
        for rows in _in_runs(pieces.values()):
            complete = rows.reindex(columns=schema.names)
            writer.write_table(pa.Table.from_pandas(complete, schema, preserve_index=False))


def _in_runs(pieces: Iterable[Callable[[], pd.DataFrame]]) -> Iterator[pd.DataFrame]:
    run: list[pd.DataFrame] = []
    n_rows = 0
    for load in pieces:
        run.append(load())
        n_rows += len(run[-1])
        if n_rows >= _ROWS_HELD:
            yield pd.concat(run)
            run, n_rows = [], 0
    if run:
        yield pd.concat(run)


def _columns(
    file: pq.ParquetFile, names: list[str]
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    return ((name, partial(_read, file, name)) for name in names)


def _read(file: pq.ParquetFile, name: str) -> np.ndarray:
    return file.read(columns=[name], use_threads=False).column(0).to_numpy()
