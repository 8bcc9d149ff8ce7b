"""Tables of features that are too large to be held: each column in a memory-mapped file.

Such a table is a `DataFrame` like any other; the system reads the parts of the file that are asked
for, and forgets them again when memory is wanted elsewhere.
"""

from __future__ import annotations

import os
import socket
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd

from epochal.errors import EpochalError

_SUFFIX = ".mapped"


def map_columns(
    columns: Iterable[tuple[str, Callable[[], np.ndarray]]], n_rows: int, folder: Path
) -> pd.DataFrame:
    """Return a float32 table in a file of `folder`; of the columns, one at a time is in memory.

    The file goes with the last that uses the table, at the latest when the process ends. What a
    killed process left there goes with the next table.
    """
    remove_abandoned(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}{_SUFFIX}"
    try:
        with path.open("wb") as file:
            names = []
            for name, load in columns:
                np.ascontiguousarray(load(), dtype=np.float32).tofile(file)
                names.append(name)
        values = np.memmap(path, np.float32, "r", shape=(len(names), n_rows))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    weakref.finalize(values, _remove_own, path, os.getpid())
    return pd.DataFrame(values.T, columns=names, copy=False)


def folder_of(table: pd.DataFrame) -> Path | None:
    """Return where a table's file is, or None where the table is in memory."""
    found = [_mapping_of(table[name].to_numpy()) for name in _floats(table)]
    return next((Path(str(one.filename)).parent for one in found if one is not None), None)


def remove_abandoned(folder: Path) -> None:
    """Remove the files of processes of this machine that are no more."""
    for path in folder.glob(f".{socket.gethostname()}-*{_SUFFIX}"):
        pid = path.name.removeprefix(f".{socket.gethostname()}-").split("-")[0]
        if pid.isdigit() and not _is_running(int(pid)):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class MappedTable:
    """What a process needs to see a mapped table that another one made."""

    path: str
    n_rows: int
    rows: dict[str, int]  # by column: its row in the file
    others: pd.DataFrame  # the columns that are not in the file
    order: list[str]

    def open(self) -> pd.DataFrame:
        """Return the table; without the file, `EpochalError` says who has to see it."""
        try:
            n_columns = Path(self.path).stat().st_size // (self.n_rows * np.float32().nbytes)
        except FileNotFoundError as error:
            raise EpochalError(
                f"A worker sees no {self.path}, the mapped table (parallel.table_memory_mb); it "
                "needs the run's folder, or with data in a bucket EPOCHAL_CACHE, under the same "
                "path (a shared disk)"
            ) from error
        values = np.memmap(self.path, np.float32, "r", shape=(n_columns, self.n_rows))
        places = list(self.rows.values())
        kept = values if places == list(range(n_columns)) else values[places]
        mapped = pd.DataFrame(kept.T, columns=list(self.rows), copy=False)
        return pd.concat([self.others, mapped], axis=1)[self.order]


def describe_mapping(table: pd.DataFrame) -> MappedTable | None:
    """Return where a table's values are; None for one that is in memory."""
    mapping, rows = None, {}
    for name in _floats(table):
        values = table[name].to_numpy()
        of_it = _mapping_of(values)
        mapping = of_it if mapping is None else mapping
        if of_it is not None and of_it is mapping and values.shape == of_it.shape[1:]:
            rows[name] = (_address(values) - _address(mapping)) // values.nbytes
    if mapping is None or not rows:
        return None
    others = table[[name for name in table if name not in rows]].reset_index(drop=True)
    return MappedTable(str(mapping.filename), len(table), rows, others, list(table))


def _floats(table: pd.DataFrame) -> list[str]:
    return [name for name, dtype in table.dtypes.items() if dtype == np.float32]


def _mapping_of(values: np.ndarray) -> np.memmap | None:
    """Return the whole of the mapped file that an array is a view of."""
    found: np.memmap | None = None
    one: object = values
    while isinstance(one, np.ndarray):
        found = one if isinstance(one, np.memmap) else found
        one = one.base
    return found


def _address(values: np.ndarray) -> int:
    return int(values.__array_interface__["data"][0])


def _is_running(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True


def _remove_own(path: Path, pid: int) -> None:
    """Remove the file, unless this is a fork of the process that made it."""
    if os.getpid() == pid:
        path.unlink(missing_ok=True)
