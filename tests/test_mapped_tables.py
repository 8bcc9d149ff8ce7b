import gc
import socket

import numpy as np
import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.mapped_tables import describe_mapping, folder_of, map_columns

VALUES = {"a": np.arange(4, dtype=np.float32), "b": np.array([0, np.nan, -1, 5], np.float32)}


def map_values(folder, values=VALUES):
    return map_columns(((name, lambda one=one: one) for name, one in values.items()), 4, folder)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_mapped_table_has_the_numbers_and_a_file(tmp_path):
    table = map_values(tmp_path)
    pd.testing.assert_frame_equal(table, pd.DataFrame(VALUES), check_exact=True)
    assert len(files(tmp_path)) == 1
    assert folder_of(table) == tmp_path


@pytest.mark.slow
def test_the_file_goes_with_the_last_that_uses_it(tmp_path):
    column = map_values(tmp_path)["b"]
    gc.collect()
    assert len(files(tmp_path)) == 1
    assert column[3] == 5
    del column
    gc.collect()
    assert files(tmp_path) == []


def test_a_failure_leaves_no_file(tmp_path):
    def fail():
        raise OSError("unreadable")

    with pytest.raises(OSError, match="unreadable"):
        map_columns([("a", lambda: VALUES["a"]), ("b", fail)], 4, tmp_path)
    assert files(tmp_path) == []


def test_what_a_killed_process_left_goes_with_the_next_table(tmp_path):
    host = socket.gethostname()
    for name in (f".{host}-999999999-1.mapped", ".elsewhere-1-2.mapped", "features.parquet"):
        (tmp_path / name).write_bytes(b"")
    table = map_values(tmp_path)
    assert files(tmp_path)[0] == ".elsewhere-1-2.mapped"  # another machine's may be in use
    assert not any("999999999" in name for name in files(tmp_path))
    assert "features.parquet" in files(tmp_path)
    assert len(table) == 4


def test_a_description_opens_the_same_table_with_its_other_columns_in_order(tmp_path):
    table = map_values(tmp_path)
    table = pd.concat([pd.DataFrame({"id": list("wxyz")}), table], axis=1).assign(c=1.0)
    mapping = describe_mapping(table)
    assert mapping.rows == {"a": 0, "b": 1}
    again = mapping.open()
    pd.testing.assert_frame_equal(again, table, check_exact=True)
    assert describe_mapping(again).path == mapping.path


def test_some_columns_of_a_table_open_as_those(tmp_path):
    table = map_values(tmp_path)[["b"]]
    pd.testing.assert_frame_equal(describe_mapping(table).open(), table)


def test_a_table_in_memory_has_no_description():
    assert describe_mapping(pd.DataFrame(VALUES)) is None
    assert folder_of(pd.DataFrame(VALUES)) is None


def test_some_rows_of_a_table_are_not_taken_for_the_whole(tmp_path):
    assert describe_mapping(map_values(tmp_path)[1:]) is None


@pytest.mark.slow
def test_a_worker_that_does_not_see_the_file_says_what_it_needs(tmp_path):
    mapping = describe_mapping(map_values(tmp_path))
    gc.collect()
    with pytest.raises(EpochalError, match="needs the run's folder"):
        mapping.open()
