"""The table that models are trained on: joined without a copy, taken from row by row.

What a fit sees is taken from the table at once, as the one copy that the fit needs; what is known
of a row beside its features (`describe_rows`) is small, and says which rows a fit sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import joblib
import numpy as np
import pandas as pd

from epochal.labels import VOTE
from epochal.mapped_tables import folder_of, map_columns
from epochal.signals.epoching import INDEX
from epochal.splits import SPLIT_COLUMNS

KEYS = [*INDEX, "subject_id", "role", "fold"]
_NOT_FEATURES = {*KEYS, *SPLIT_COLUMNS, "label"}
# Rows that are taken at a time to be predicted; a smaller study's are all taken at once.
BLOCK = 65_536
_LEAST_RUN = 64  # rows in a mean run, for which runs cost less than a copy


def join_features(described: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are in both, in the order of `described`, with the features beside.

    Where these are the rows of `features` as they lie, their columns are shared, not copied; else
    they are laid out anew, in a file where `features` is in one. A row that comes twice raises
    pandas's `MergeError`.
    """
    placed = features[INDEX].assign(_place=np.arange(len(features)))
    rows = described.merge(placed, on=INDEX, validate="one_to_one")
    places = rows.pop("_place").to_numpy()
    columns = features.drop(columns=INDEX)
    if not np.array_equal(places, np.arange(len(features))):
        columns = _lay_out(columns, places)
    return pd.concat([rows, columns.set_axis(rows.index)], axis=1)


def is_feature(column: str) -> bool:
    """Say whether a column of a training table is one that a model may see."""
    return column not in _NOT_FEATURES and not column.startswith(VOTE)


def describe_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are no features, with the rows' places in the table as index."""
    return table[[name for name in table if not is_feature(name)]].reset_index(drop=True)


def take_rows_with(table: pd.DataFrame, rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return described rows with columns beside them."""
    taken = take_columns(table, rows.index.to_numpy(), columns)
    return pd.concat([rows.reset_index(drop=True), taken], axis=1)


def take_columns(table: pd.DataFrame, places: np.ndarray, columns: Sequence[str]) -> pd.DataFrame:
    """Return columns of the rows at some places, as one copy."""
    kinds = {table[name].dtype for name in columns}
    kind = next(iter(kinds), None)
    if len(kinds) != 1 or not isinstance(kind, np.dtype):
        return table[list(columns)].iloc[places].reset_index(drop=True)
    values = np.empty((len(columns), len(places)), dtype=kind)
    for row, name in zip(values, columns, strict=True):  # a table in a file: column by column
        np.take(table[name].to_numpy(), places, out=row, mode="clip")  # `raise` takes a copy more
    return pd.DataFrame(values.T, columns=list(columns), copy=False)


def share_columns(table: pd.DataFrame, places: np.ndarray, columns: Sequence[str]) -> Any:
    """Return columns of the rows at some places as an Arrow table, for what can read one.

    Rows that follow each other are shared with the table, not copied; where few do, all are.
    """
    import pyarrow as pa

    if are_scattered(places):
        return pa.table({name: table[name].to_numpy()[places] for name in columns})
    cuts = np.flatnonzero(np.diff(places) != 1) + 1
    runs = [(run[0], run[-1] + 1) for run in np.split(places, cuts)]
    return pa.table({name: _share(table[name].to_numpy(), runs) for name in columns})


def are_scattered(places: np.ndarray) -> bool:
    """Say whether so few places follow each other that to copy the rows costs less than runs."""
    return bool((np.diff(places) != 1).sum() * _LEAST_RUN > len(places))


def columns_state(table: pd.DataFrame, rows: pd.DataFrame, columns: Sequence[str]) -> str:
    """Hash some rows of columns, one column at a time."""
    places = rows.index.to_numpy()
    return str(joblib.hash([joblib.hash(_take(table[name], places)) for name in columns]))


def blocks_of(places: np.ndarray) -> Iterator[np.ndarray]:
    """Yield so many places at a time that what is taken of them is small; at least once."""
    for start in range(0, max(1, len(places)), BLOCK):
        yield places[start : start + BLOCK]


def _share(values: np.ndarray, runs: list[tuple[int, int]]) -> Any:
    import pyarrow as pa

    return pa.chunked_array([pa.array(values[start:stop]) for start, stop in runs])


def _lay_out(columns: pd.DataFrame, places: np.ndarray) -> pd.DataFrame:
    """Return the rows at some places, in a file where the columns are in one."""
    folder = folder_of(columns)
    if folder is None:
        return columns.take(places)
    taken = ((name, partial(_take, columns[name], places)) for name in columns)
    return map_columns(taken, len(places), folder)


def _take(column: pd.Series, places: np.ndarray) -> np.ndarray:
    return column.to_numpy()[places]
