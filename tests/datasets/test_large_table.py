import numpy as np
import pandas as pd
import pytest

from epochal import schemas
from epochal.datasets.keys import key_of
from epochal.datasets.large_table import LargeTable
from epochal.mapped_tables import describe_mapping

N_ROWS = 1000
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
        dataset={"type": "pandas.ParquetDataset"},
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
