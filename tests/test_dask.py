"""The backend dask, with a real scheduler and real worker processes on this machine."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("distributed", reason="needs the extra `cluster`")

from builders import make_epochs, make_features, make_splits, make_study
from dask_cluster import running_cluster
from epochal.cluster import SHARED_FROM_BYTES, outcomes_on_cluster
from epochal.datasets.partitions import Partitions
from epochal.errors import EpochalError, RecordingError
from epochal.mapped_tables import map_columns
from epochal.models.cross_fitting import divide, join_table
from epochal.models.one_fit import Fitting
from epochal.options.models import ModelOptions
from epochal.parallel import ParallelOptions, run_pieces
from parallel_pieces import (
    WATCHED,
    begin_and_end,
    fail,
    fail_unpicklably,
    kill_own_process,
    shut_after,
    summarise,
    where,
    write,
)
from projects import make_project, pictures_unrendered
from waiting import until

TUNED = {"space": {"num_leaves": {"low": 3, "high": 15, "whole": True}}, "n_trials": 3,
         "n_folds": 2}  # fmt: skip

NOWHERE = SimpleNamespace(address="tcp://127.0.0.1:1")  # where a cluster is named, not needed


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def options(cluster):
    return ParallelOptions(backend="dask", address=cluster.address, progress=False)


def run(cluster, pieces):
    return run_pieces(pieces, description="test", options=options(cluster))


def partitions(folder, cluster):
    return Partitions(
        path=str(folder),
        dataset="pickle.PickleDataset",
        filename_suffix=".pkl",
        parallel=options(cluster).model_dump(),
    )


def logged(log, word):
    """Return the names logged with a word, and the pids, in order."""
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return [(name, int(pid)) for said, name, pid in lines if said == word]


def kill_in_the_middle(cluster, log, gate):
    """Kill a worker that has ended pieces and is held in another one; return its pid."""
    pid = until(lambda: _pids(log, "held") & _pids(log, "end")).pop()
    cluster.kill_worker(pid)
    gate.unlink()
    return pid


def _pids(log, word):
    return {pid for _, pid in logged(log, word)}


def test_pieces_run_in_the_workers_and_one_failure_loses_none_of_the_others(cluster, tmp_path):
    pieces = {f"p{index}": partial(write, tmp_path / f"{index}") for index in range(6)}
    pieces["bad"] = partial(fail, RecordingError("a.edf", "is empty"))
    pieces["odd"] = partial(fail_unpicklably)
    failures = run(cluster, pieces)
    assert {name: str(error) for name, error in failures.items()} == {
        "bad": "a.edf: is empty",
        "odd": "UnpicklableError: holds a function (EPOCHAL_DEBUG=1 shows where)",
    }
    assert isinstance(failures["bad"], RecordingError)
    pids = {int(path.read_text()) for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 6
    assert pids <= {worker.pid for worker in cluster.workers}


def test_workers_work_in_the_runs_folder(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = "relative.txt"
    assert run(cluster, {"a": partial(begin_and_end, "a", log, 0.0)}) == {}
    assert (tmp_path / log).read_text().count("a") == 2


def test_a_large_table_is_sent_once_and_arrives_whole(cluster, tmp_path):
    table = pd.DataFrame(np.arange(SHARED_FROM_BYTES // 2, dtype=float), columns=["x"])
    dataset = partitions(tmp_path / "sums", cluster)
    dataset.save({f"by{n}": partial(summarise, table, n) for n in range(4)})
    assert {name: piece() for name, piece in dataset.load().items()} == {
        f"by{n}": float(table["x"].sum() * n) for n in range(4)
    }


@pytest.mark.slow
def test_a_piece_that_takes_its_workers_down_fails_alone(tmp_path):
    with running_cluster(tmp_path, n_workers=5) as cluster:
        failures = run(cluster, {"deadly": kill_own_process, "a": partial(write, tmp_path / "a")})
        assert list(failures) == ["deadly"]
        assert "KilledWorker" in str(failures["deadly"])
        assert (tmp_path / "a").exists()


@pytest.mark.slow
def test_a_worker_killed_half_way_loses_nothing_and_nothing_is_made_twice(tmp_path):
    """Ten pieces, two workers; one is killed in the middle of a piece after three are done."""
    log, names = tmp_path / "log.txt", [f"night{index}" for index in range(10)]
    with running_cluster(tmp_path) as cluster:
        dataset = partitions(tmp_path / "pieces", cluster)
        pieces = {name: partial(begin_and_end, name, str(log)) for name in names}
        gate = shut_after(3, log)
        saving = threading.Thread(target=dataset.save, args=[pieces], daemon=True)
        saving.start()
        killed = kill_in_the_middle(cluster, log, gate)
        saving.join(timeout=300)
        assert not saving.is_alive()
    assert dataset.exists()
    assert {name: piece() for name, piece in dataset.load().items()} == {
        name: name.upper() for name in names
    }
    ended, begun = logged(log, "end"), logged(log, "begin")
    assert sorted(name for name, _ in ended) == names  # each once
    again = [name for name, times in Counter(name for name, _ in begun).items() if times > 1]
    lost = [name for name, pid in begun if pid == killed and (name, pid) not in ended]
    assert again == lost
    assert len(lost) == 1
    assert len({pid for _, pid in ended}) == 2  # the dead one had done its share
    assert not list((tmp_path / "pieces").glob(".part-*"))


def test_what_a_dead_worker_had_finished_is_not_made_again(tmp_path):
    dataset, log = partitions(tmp_path / "pieces", NOWHERE), tmp_path / "log.txt"
    piece = partial(begin_and_end, "a", str(log), 0.0)
    (tmp_path / "pieces").mkdir()
    for _ in range(2):  # the second time on another worker, the answer of the first being lost
        dataset._make("a", piece, "key")
    assert len(logged(log, "begin")) == 1


EPOCHS = make_epochs(n_subjects=8, n_epochs=20)
TABLE = join_table(make_features(EPOCHS), EPOCHS, make_splits(EPOCHS, n_folds=6, n_test=1))


def watch(log, *, rest_s=0.3, table=TABLE):
    """Return a model in parts; its fits log where they are done."""
    options = ModelOptions(kind="watched", params={"log": str(log), "rest_s": rest_s})
    return divide(Fitting("m", options, WATCHED, table, make_study(), "classical"))


def assert_equal(fitted, expected):
    pd.testing.assert_frame_equal(fitted.out_of_fold, expected.out_of_fold, check_exact=True)
    np.testing.assert_array_equal(
        fitted.model.predict_proba(TABLE), expected.model.predict_proba(TABLE)
    )


def test_the_folds_of_one_model_are_fitted_by_two_workers_and_equal_those_of_one(cluster, tmp_path):
    log = tmp_path / "log"
    dataset = partitions(tmp_path / "models", cluster)
    dataset.save({"m": watch(log)})
    begun = logged(log, "begin")
    assert len(begun) == len({name for name, _ in begun}) == 7  # six folds and the refit
    assert {pid for _, pid in begun} == {worker.pid for worker in cluster.workers}
    assert_equal(dataset.load()["m"](), watch(tmp_path / "alone", rest_s=0.0)())
    assert not (tmp_path / "models" / ".parts").exists()


@pytest.mark.slow
def test_a_worker_killed_while_one_model_is_cross_fitted_changes_nothing(tmp_path):
    """Seven fits, two workers; one is killed in the middle of a fit after two are done."""
    log = tmp_path / "log"
    with running_cluster(tmp_path) as cluster:
        dataset = partitions(tmp_path / "models", cluster)
        gate = shut_after(2, log)
        saving = threading.Thread(target=dataset.save, args=[{"m": watch(log)}], daemon=True)
        saving.start()
        killed = kill_in_the_middle(cluster, log, gate)
        saving.join(timeout=300)
        assert not saving.is_alive()
    assert_equal(dataset.load()["m"](), watch(tmp_path / "alone", rest_s=0.0)())
    ended, begun = logged(log, "end"), logged(log, "begin")
    assert len(ended) == len({name for name, _ in ended}) == 7  # each once
    assert [
        name for name, _ in begun if begun.count((name, killed)) and (name, killed) not in ended
    ]
    assert len(begun) == 8  # the one that was lost, again


def test_a_table_in_a_file_is_read_by_the_workers_from_there(cluster, tmp_path):
    values = np.arange(SHARED_FROM_BYTES, dtype=np.float32)
    table = map_columns([("x", lambda: values)], len(values), tmp_path / "tables")
    table = pd.concat([pd.DataFrame({"recording_id": ["r"] * len(values)}), table], axis=1)
    (file,) = (tmp_path / "tables").iterdir()
    dataset = partitions(tmp_path / "sums", cluster)
    dataset.save({name: partial(where, table) for name in "ab"})
    total = float(table["x"].sum())
    assert {name: piece() for name, piece in dataset.load().items()} == {
        name: (total, str(file)) for name in "ab"
    }


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("none.json", "parallel.address: no such scheduler file: none.json"),
        ("tcp://127.0.0.1:1", "parallel.address: no Dask scheduler at tcp://127.0.0.1:1 "),
        ("udp://127.0.0.1:1", "parallel.address: no Dask scheduler at udp://127.0.0.1:1 "),
    ],
)
def test_no_scheduler_at_the_address_is_refused_by_name(tmp_path, address, said):
    import dask

    chosen = ParallelOptions(backend="dask", address=address)
    pieces = {"a": partial(write, tmp_path / "a")}
    quickly = dask.config.set({"distributed.comm.timeouts.connect": "1s"})  # 30 s by default
    with quickly, pytest.raises(EpochalError, match=said):
        run_pieces(pieces, description="test", options=chosen)


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1", "tcp://127.0.0.1:many"])
def test_an_address_without_a_port_is_refused_before_dask_is_asked(tmp_path, monkeypatch, address):
    monkeypatch.setattr("distributed.Client", pytest.fail)  # it would hang for a minute
    chosen = ParallelOptions(backend="dask", address=address)
    with pytest.raises(EpochalError, match=f"parallel.address: no Dask scheduler at {address} "):
        run_pieces({"a": partial(write, tmp_path / "a")}, description="test", options=chosen)


def test_without_an_address_the_refusal_says_where_to_name_one(tmp_path):
    with pytest.raises(EpochalError, match=r"needs parallel.address \(EPOCHAL_DASK\)"):
        list(outcomes_on_cluster({"a": partial(write, tmp_path / "a")}, print, None))


def test_without_an_address_the_client_at_hand_is_used(cluster, tmp_path):
    from distributed import Client

    with Client(scheduler_file=cluster.address):
        chosen = ParallelOptions(backend="dask", progress=False)
        failures = run_pieces(
            {"a": partial(write, tmp_path / "a")}, description="test", options=chosen
        )
    assert failures == {}
    assert int((tmp_path / "a").read_text()) in {worker.pid for worker in cluster.workers}


def test_a_scheduler_without_workers_is_told_of_and_waited_for(tmp_path, caplog):
    with running_cluster(tmp_path, n_workers=0) as empty:

        def told() -> bool:
            return any("No worker at tcp://127" in one for one in caplog.messages)

        later = threading.Thread(target=lambda: (until(told), empty.add_worker()))
        later.start()
        failures = run(empty, {"a": partial(write, tmp_path / "a")})
        later.join()
    assert failures == {}
    assert (tmp_path / "a").is_file()


@pytest.mark.slow
def test_a_study_on_a_cluster_that_loses_a_worker_equals_the_study_on_one_machine(
    tmp_path, monkeypatch
):
    """Ingestion, features, cross-fitting and a search, every figure and probability the same."""
    (tmp_path / "here").mkdir()
    (tmp_path / "cluster").mkdir()
    here = make_project(tmp_path / "here")
    here.set(
        ingestion={"simulator_options": {"hours": 1.0}},
        classical_models={"models": {"lightgbm": {"tune": TUNED}}},
    )
    pipelines = ["ingestion", "feature_engineering", "splitting", "classical_models"]
    monkeypatch.setenv("EPOCHAL_BACKEND", "sequential")
    with pictures_unrendered():
        here.run(*pipelines)
    there = make_project(tmp_path / "there")
    shutil.copytree(here.path / "conf", there.path / "conf", dirs_exist_ok=True)
    with running_cluster(tmp_path / "cluster") as cluster:
        parts = there.path / "data/demo/04_feature/parts"
        first = cluster.workers[0].pid
        killer = threading.Thread(
            target=lambda: (
                until(lambda: any(parts.glob("*.parquet")), within_s=300),
                cluster.kill_worker(first),
            )
        )
        killer.start()
        named = {"EPOCHAL_BACKEND": "dask", "EPOCHAL_DASK": cluster.address}
        there.command("run", "--pipelines", ",".join(pipelines), **named)
        killer.join()
        assert cluster.workers[0].poll() is not None
    for table in ("03_primary/epochs", "04_feature/features", "05_model_input/splits",
                  "07_model_output/classical_predictions"):  # fmt: skip
        pd.testing.assert_frame_equal(
            here.table(f"{table}.parquet"), there.table(f"{table}.parquet"), check_exact=True
        )
