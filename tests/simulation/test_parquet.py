import pandas as pd
import pytest

from epochal.errors import EpochalError
from epochal.simulation.parquet import write_csv, write_parquet, write_whole

FRAME = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})


def test_tables_are_written_without_an_index_into_new_folders(tmp_path):
    write_parquet(tmp_path / "x/one.parquet", FRAME)
    write_csv(tmp_path / "y/one.csv", FRAME)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "x/one.parquet"), FRAME)
    assert (tmp_path / "y/one.csv").read_text() == "a,b\n1,0.5\n2,1.5\n"


def test_a_failure_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("before")

    def fail(partial):
        partial.write_text("half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_whole(path, fail)
    assert path.read_text() == "before"


def test_a_finished_file_replaces_the_one_before(tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("before")
    write_whole(path, lambda partial: partial.write_text("after"))
    assert [file.name for file in tmp_path.iterdir()] == ["one.txt"]
    assert path.read_text() == "after"


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    def import_fails(*args, **kwargs):
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", import_fails)
    with pytest.raises(EpochalError, match=r"pip install 'epochal\[train\]'"):
        write_parquet(tmp_path / "one.parquet", FRAME)
