from multiprocessing import get_context

import pandas as pd
import pytest

from epochal.serving.writing import write_summary

N_PROCESSES, N_ROWS = 4, 10
PATIENCE_S = 300.0


@pytest.mark.slow  # processes that import for themselves
def test_processes_that_add_to_one_summary_at_once_lose_no_row_and_leave_nothing_else(tmp_path):
    context = get_context("spawn")
    ready = context.Barrier(N_PROCESSES)
    processes = [
        context.Process(target=add_rows, args=(tmp_path, number, ready))
        for number in range(N_PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE_S)
    assert [process.exitcode for process in processes] == [0] * N_PROCESSES
    found = pd.read_csv(tmp_path / "summary.csv")["results"]
    assert sorted(found) == sorted(
        f"{one}-{row}" for one in range(N_PROCESSES) for row in range(N_ROWS)
    )
    assert [path.name for path in tmp_path.iterdir()] == ["summary.csv"]


def add_rows(folder, number, ready):
    ready.wait(PATIENCE_S)
    for row in range(N_ROWS):
        write_summary(folder, [{"results": f"{number}-{row}", "recording_id": "night"}])
