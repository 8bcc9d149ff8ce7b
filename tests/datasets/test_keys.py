"""Keys change with what data are made from, and with nothing else."""

from functools import partial

import numpy as np
import pandas as pd

from epochal.datasets.keys import key_of
from epochal.datasets.partitions import Piece
from epochal.options.ingestion import IngestionOptions, TrimOptions


def add(a, b):
    return a + b


def subtract(a, b):
    return a - b


def test_the_same_call_has_the_same_key():
    assert key_of(partial(add, 1, b=2)) == key_of(partial(add, 1, b=2))


def test_another_function_or_argument_has_another_key():
    keys = {key_of(partial(add, 1, 2)), key_of(partial(subtract, 1, 2)), key_of(partial(add, 1, 3))}
    assert len(keys) == 3


def test_a_table_counts_by_its_values_types_and_column_names():
    table = pd.DataFrame({"x": [1, 2]})
    assert key_of(table) == key_of(table.copy())
    others = [table + 1, table.rename(columns={"x": "y"}), table.astype(float), table[::-1]]
    assert len({key_of(other) for other in [table, *others]}) == 5


def test_a_table_of_lists_counts_by_its_values():
    one, other = pd.DataFrame({"x": [["a"], ["b"]]}), pd.DataFrame({"x": [["a"], ["c"]]})
    assert key_of(one) == key_of(one.copy())
    assert key_of(one) != key_of(other)


def test_a_piece_counts_by_its_own_key_not_by_where_it_lies():
    assert key_of(Piece(print, "k")) == key_of(Piece(len, "k"))
    assert key_of(Piece(print, "k")) != key_of(Piece(print, "l"))


def test_arrays_and_nested_options_count_by_their_values():
    assert key_of([np.arange(3), {"a": 1}]) == key_of([np.arange(3), {"a": 1}])
    assert key_of(TrimOptions(label="W")) != key_of(TrimOptions(label="N1"))


def test_options_that_point_to_files_change_when_a_file_changes(tmp_path):
    (tmp_path / "night.edf").write_bytes(b"one")
    options = IngestionOptions(
        source="files", path=str(tmp_path), reader="sleep_edfx", simulator="sleep",
        simulated_path="x", epoch_length_s=30,
    )  # fmt: skip
    before = key_of(options)
    assert key_of(options) == before
    (tmp_path / "night.edf").write_bytes(b"longer")
    assert key_of(options) != before
