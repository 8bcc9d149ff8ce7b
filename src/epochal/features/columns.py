"""From one record of values per epoch to `{name: column}`."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import numpy as np

Record = TypeVar("Record", bound=tuple[Any, ...])


def stack(kind: type[Record], records: Sequence[Record], *, prefix: str = "") -> dict[str, Any]:
    """Return a column `(n_epochs,)` for each field of the named tuple `kind`.

    The fields are the names, so that no epochs at all still name every column.
    """
    values = np.array(records, dtype=np.float64).reshape(len(records), len(_fields(kind)))
    return {f"{prefix}{name}": values[:, index] for index, name in enumerate(_fields(kind))}


def undefined(kind: type[Record]) -> Record:
    """Return a record of NaN: what could not be measured."""
    return kind(*[np.nan] * len(_fields(kind)))  # type: ignore[arg-type]


def slope(windows: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the least-squares slope of each window `(..., n_samples)`, in its unit per second."""
    time_s = np.arange(windows.shape[-1]) / sfreq
    centred = time_s - time_s.mean()
    return np.asarray(windows @ centred / (centred @ centred))


def matches_any(name: str, patterns: Sequence[str]) -> bool:
    """Say whether a column's name fits one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def log_floored(values: np.ndarray, floor: float) -> np.ndarray:
    """Return the natural logarithm, of `floor` where the values are smaller."""
    return np.log(np.maximum(values, floor))


def _fields(kind: type[Record]) -> tuple[str, ...]:
    return kind._fields  # type: ignore[attr-defined, no-any-return]
