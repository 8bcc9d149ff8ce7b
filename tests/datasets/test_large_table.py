from functools import partial

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pandera.errors import SchemaError

from epochal import schemas
from epochal.datasets import large_table
from epochal.datasets.keys import key_of
from epochal.datasets.large_table import LargeTable
from epochal.mapped_tables import describe_mapping

N_ROWS = 1000
PARQUET = {"type": "pandas.ParquetDataset"}
TABLE = pd.DataFrame(
    {
        "recording_id": [f"r{row // 100}" for row in range(N_ROWS)],
        "epoch": np.arange(N_ROWS) % 100,
        "eeg_level": np.linspace(-1, 1, N_ROWS, dtype=np.float32),
        "eeg_gap": np.where(np.arange(N_ROWS) % 7, 1.5, np.nan).astype(np.float32),
    }
)  # 8 kB of numbers


def dataset(folder, memory_mb=None):
    return LargeTable(
        filepath=str(folder / "features.parquet"),
        dataset=PARQUET,
        memory_mb=memory_mb,
    )


@pytest.fixture
def held(tmp_path):
    dataset(tmp_path).save(TABLE)
    return dataset(tmp_path).load()


def test_a_table_above_the_limit_is_mapped_beside_its_file_and_has_the_same_numbers(tmp_path, held):
    table = dataset(tmp_path, memory_mb="0.007").load()  # as an environment variable says it
    assert describe_mapping(table).path.startswith(str(tmp_path))
    pd.testing.assert_frame_equal(table, held, check_exact=True)
    assert key_of(table) == key_of(held)  # so that no model is made again


@pytest.mark.parametrize("memory_mb", [None, 0.008, 1.0])
def test_a_table_within_the_limit_or_without_one_is_held(tmp_path, held, memory_mb):
    table = dataset(tmp_path, memory_mb).load()
    assert describe_mapping(table) is None
    pd.testing.assert_frame_equal(table, held)


def test_a_table_without_rows_is_held(tmp_path):
    dataset(tmp_path).save(TABLE[:0])
    assert len(dataset(tmp_path, memory_mb=0).load()) == 0


def test_validation_leaves_a_mapped_table_where_it_is(tmp_path, held):
    table = schemas.features.validate(dataset(tmp_path, memory_mb=0).load())
    assert describe_mapping(table) is not None
    pd.testing.assert_frame_equal(table, schemas.features.validate(held))


def in_pieces(table):
    return {
        name: partial(rows.reset_index(drop=True).copy)
        for name, rows in table.groupby("recording_id")
    }


def test_a_table_saved_in_pieces_is_the_table_and_holds_few_of_them(tmp_path, held, monkeypatch):
    monkeypatch.setattr(large_table, "_ROWS_HELD", 250)
    pieces = LargeTable(filepath=str(tmp_path / "pieces.parquet"), dataset=PARQUET)
    pieces.save(in_pieces(TABLE))
    pd.testing.assert_frame_equal(pieces.load(), held, check_exact=True)
    written = pq.ParquetFile(tmp_path / "pieces.parquet").metadata
    groups = [written.row_group(place).num_rows for place in range(written.num_row_groups)]
    assert groups == [300, 300, 300, 100]


def test_a_column_that_some_pieces_lack_is_missing_there(tmp_path):
    pieces = in_pieces(TABLE)
    pieces["r3"] = partial(TABLE[300:400].drop(columns="eeg_level").reset_index(drop=True).copy)
    pieces["r4"] = partial(
        TABLE[400:500].assign(eog_level=np.float32(2)).reset_index(drop=True).copy
    )
    dataset(tmp_path).save(pieces)
    table = schemas.features.validate(dataset(tmp_path).load())
    assert list(table) == ["recording_id", "epoch", "eeg_level", "eeg_gap", "eog_level"]
    missing = table["eeg_level"].isna().groupby(table["recording_id"]).sum()
    assert missing[missing > 0].to_dict() == {"r3": 100}
    assert table.groupby("recording_id")["eog_level"].count()["r4"] == 100
    assert table["eog_level"].sum() == 200


def test_pieces_of_doubles_are_saved_as_they_are_and_refused_when_read(tmp_path):
    pieces = in_pieces(TABLE.astype({"eeg_level": float}))
    dataset(tmp_path).save(pieces)
    with pytest.raises(SchemaError, match=r"not float32: eeg_level \(float64\)"):
        schemas.features.validate(dataset(tmp_path).load())
