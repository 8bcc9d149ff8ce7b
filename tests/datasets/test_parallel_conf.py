"""What is wrong in the section `parallel` is told with what was given and where."""

import pytest

from epochal.datasets.large_table import LargeTable
from epochal.datasets.partitions import Partitions
from epochal.errors import EpochalError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"backend": "thread"},
            "parallel.backend: Input should be 'sequential', 'threads', 'processes' or 'dask', "
            "and not 'thread' (globals.yml or EPOCHAL_BACKEND)",
        ),
        (
            {"n_jobs": "two"},
            "parallel.n_jobs: Input should be a valid integer, unable to parse string as an "
            "integer, and not 'two' (globals.yml)",
        ),
        ({"n_job": 2}, "parallel.n_job: no option 'n_job'; did you mean 'n_jobs'? (globals.yml)"),
    ],
)
def test_a_fault_of_a_folder_of_pieces_is_one_line(tmp_path, given, said):
    with pytest.raises(EpochalError) as caught:
        Partitions(path=str(tmp_path), dataset="pickle.PickleDataset", parallel=given)
    assert str(caught.value) == said


def test_a_memory_that_is_no_number_is_named_with_its_variable(tmp_path):
    with pytest.raises(EpochalError, match=r"and not 'lots' .*EPOCHAL_TABLE_MEMORY_MB"):
        LargeTable(
            filepath=str(tmp_path / "t.parquet"), dataset="pandas.ParquetDataset", memory_mb="lots"
        )
