"""Keys: short hashes that say what a piece of data was made from.

Two equal keys mean the same function, of the same version, on the same inputs; what is stored
under an equal key need not be made again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import joblib
import pandas as pd
from pydantic import BaseModel

from epochal import __version__


def key_of(value: Any, tables: dict[int, str] | None = None) -> str:
    """Hash a value by what it is made from.

    A value with a `key` of its own (a `Piece`) stands for it; options add the state of the files
    that they point to; a partial is its function, with version and source, and its arguments.
    `tables` remembers the hashes of tables that many pieces share, by identity.
    """
    return joblib.hash(_parts(value, {} if tables is None else tables))


def _parts(value: Any, tables: dict[int, str]) -> Any:
    """Reduce a value to plain data that hashes the same in every process."""
    if isinstance(getattr(value, "key", None), str):
        return ("key", value.key)
    if isinstance(value, partial):
        arguments = [_parts(value.args, tables), _parts(value.keywords, tables)]
        return ("call", _function(value.func), arguments)
    if isinstance(value, BaseModel):
        fingerprint = getattr(value, "fingerprint", str)
        return (type(value).__name__, value.model_dump(), fingerprint())
    if isinstance(value, pd.DataFrame):
        if id(value) not in tables:
            tables[id(value)] = _table(value)
        return tables[id(value)]
    if isinstance(value, dict):
        return {name: _parts(item, tables) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_parts(item, tables) for item in value]
    return _function(value) if callable(value) else value


def _table(table: pd.DataFrame) -> str:
    """Hash a table by its columns, types and rows."""
    if any(table[column].map(pd.api.types.is_list_like).any() for column in _objects(table)):
        return joblib.hash(table.to_dict("list"))
    rows = pd.util.hash_pandas_object(table).to_numpy()
    return joblib.hash((list(table.columns), table.dtypes.astype(str).tolist(), rows))


def _objects(table: pd.DataFrame) -> list[str]:
    return [column for column in table if table[column].dtype == object]


@cache
def _function(function: Callable[..., Any]) -> tuple[str, str, str]:
    """Name a function, its version and its source, so that an edited one is run again."""
    try:
        source = inspect.getsource(function)
    except (TypeError, OSError):  # built in, or a class without a file
        source = ""
    return (f"{function.__module__}.{function.__qualname__}", __version__, source)
