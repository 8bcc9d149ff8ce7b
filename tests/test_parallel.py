import os
import signal
import sys
from functools import partial
from pathlib import Path

import h5py
import pytest
from pydantic import ValidationError

from epochal.errors import EpochalError, RecordingError
from epochal.parallel import ParallelOptions, run_pieces
from parallel_pieces import (
    fail,
    fail_unpicklably,
    fail_untransportably,
    write,
    write_many_hdf5,
)
from waiting import until
from warm_process import WarmProcess

BACKENDS = ["sequential", "threads", "processes"]


def options(backend, n_jobs=2):
    return ParallelOptions(backend=backend, n_jobs=n_jobs, progress=False)


def run(pieces, backend="threads", **given):
    return run_pieces(pieces, description="test", options=options(backend, **given))


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_failure_loses_none_of_the_others(tmp_path, backend):
    pieces = {f"p{index}": partial(write, tmp_path / f"{index}") for index in range(6)}
    pieces["p2"] = partial(fail, ValueError("no"))
    failures = run(pieces, backend)
    assert list(failures) == ["p2"]
    assert isinstance(failures["p2"], ValueError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "3", "4", "5"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_recording_error_comes_back_with_its_path_and_reason(backend):
    pieces = {name: partial(fail, RecordingError(name, "is empty")) for name in ("a.edf", "b.edf")}
    failures = run(pieces, backend)
    assert {name: error.reason for name, error in failures.items()} == {
        "a.edf": "is empty",
        "b.edf": "is empty",
    }
    assert all(isinstance(error, RecordingError) for error in failures.values())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (fail_untransportably, "UntransportableError: nothing at home"),
        (fail_unpicklably, "UnpicklableError: holds a function"),
    ],
)
def test_an_error_that_cannot_travel_comes_back_as_its_text(tmp_path, backend, bad, kind):
    pieces = {"bad": partial(bad), "good": partial(write, tmp_path / "good")}
    failures = run(pieces, backend)
    assert list(failures) == ["bad"]
    assert isinstance(failures["bad"], EpochalError)
    assert str(failures["bad"]).startswith(kind)
    assert (tmp_path / "good").exists()


def test_processes_are_other_processes_and_threads_are_not(tmp_path):
    for backend in BACKENDS:
        (tmp_path / backend).mkdir()
        run({str(i): partial(write, tmp_path / backend / str(i)) for i in range(3)}, backend)
    pids = {
        backend: {int(path.read_text()) for path in (tmp_path / backend).iterdir()}
        for backend in BACKENDS
    }
    assert pids["sequential"] == pids["threads"] == {os.getpid()}
    assert os.getpid() not in pids["processes"]


def test_an_interrupt_is_not_taken_for_a_failure():
    with pytest.raises(KeyboardInterrupt):
        run({"a": partial(fail, KeyboardInterrupt())}, "sequential")


def _press_ctrl_c_once_files_are_written(process, folder):
    until(lambda: len(list(folder.glob(".part-*"))) == 4, within_s=180)
    process.send_signal(signal.SIGINT)
    until((folder / "log").read_text, lambda told: "Ctrl-C again kills" in told)


def test_after_ctrl_c_what_is_being_written_is_finished_and_nothing_else_begun(tmp_path):
    process = WarmProcess(write_many_hdf5, tmp_path, 1000, log=tmp_path / "log")
    _press_ctrl_c_once_files_are_written(process, tmp_path)
    (tmp_path / "go on").touch()  # until now none could be finished
    assert process.wait(timeout=300) == 1
    assert not list(tmp_path.glob(".part-*"))
    written = list(tmp_path.glob("*.h5"))
    assert len(written) == 4
    for path in written:
        with h5py.File(path) as file:
            assert len(file) == 2000


def test_a_second_ctrl_c_kills(tmp_path):
    process = WarmProcess(write_many_hdf5, tmp_path, 10**9, log=tmp_path / "log")
    _press_ctrl_c_once_files_are_written(process, tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) == -signal.SIGINT
    assert not list(tmp_path.glob("[!.]*.h5"))


def test_no_pieces_are_no_failures():
    assert run({}) == {}


def test_one_piece_or_one_worker_needs_no_pool(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)  # importing it fails
    assert run({"a": partial(write, tmp_path / "a")}, "threads") == {}
    assert run({n: partial(write, tmp_path / n) for n in "bc"}, "threads", n_jobs=1) == {}
    assert len(list(tmp_path.iterdir())) == 3


def test_without_a_progress_bar_installed_the_work_is_still_done(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert run_pieces({"a": partial(write, tmp_path / "a")}, description="test") == {}
    assert (tmp_path / "a").exists()


def test_without_threadpoolctl_installed_the_work_is_still_done(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert run({"a": partial(write, tmp_path / "a")}, "sequential") == {}
    assert (tmp_path / "a").exists()


def test_a_piece_runs_on_one_thread_and_the_number_is_restored_afterwards():
    import numpy as np  # loads a BLAS to be limited
    from threadpoolctl import threadpool_info, threadpool_limits

    assert np.ones((2, 2)) @ np.ones(2) is not None
    if not threadpool_info():
        pytest.skip("threadpoolctl knows none of this machine's libraries")
    seen = []
    with threadpool_limits(limits=2):
        run(
            {"a": lambda: seen.extend(pool["num_threads"] for pool in threadpool_info())}, "threads"
        )
        after = [pool["num_threads"] for pool in threadpool_info()]
    assert set(seen) == {1}
    assert max(after) == 2


def test_progress_is_not_written_where_there_is_no_terminal(tmp_path, capsys):
    run_pieces({"a": partial(write, tmp_path / "a")}, description="test", options=ParallelOptions())
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("n_jobs", "expected"), [(-1, os.cpu_count()), (3, 3)], ids=["all", "three"]
)
def test_minus_one_job_is_one_per_core(n_jobs, expected):
    assert ParallelOptions(n_jobs=n_jobs).n_workers == expected


@pytest.mark.parametrize("n_jobs", [0, -2])
def test_a_number_of_workers_that_is_none_is_refused(n_jobs):
    with pytest.raises(EpochalError, match=rf"n_jobs: -1 .* and not {n_jobs}"):
        ParallelOptions(n_jobs=n_jobs)


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValidationError, match="backend"):
        ParallelOptions(backend="gpu")


def test_a_cluster_that_would_not_be_asked_is_refused():
    with pytest.raises(EpochalError, match=r"parallel.address is for backend: dask.*threads"):
        ParallelOptions(address="tcp://127.0.0.1:8786")
    assert ParallelOptions(backend="dask", address="tcp://127.0.0.1:8786").n_workers


def test_a_piece_need_not_be_a_partial():
    done: list[Path] = []
    assert run({"a": lambda: done.append(Path("a"))}, "sequential") == {}
    assert done == [Path("a")]
