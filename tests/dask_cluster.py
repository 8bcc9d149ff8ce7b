"""A Dask cluster on 127.0.0.1 for tests: a scheduler and worker processes."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from warm_process import WarmProcess, call_module

LOCAL = "--host=127.0.0.1"
ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).parent),
    "OMP_NUM_THREADS": "1",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s",  # how long a dead worker is asked
}


@dataclass
class Cluster:
    """A running scheduler, and its workers by number."""

    folder: Path
    scheduler: WarmProcess
    workers: list[WarmProcess] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The scheduler file, which stands for the scheduler's address."""
        return str(self.folder / "scheduler.json")

    def add_worker(self) -> WarmProcess:
        """Start one more worker of one thread, without a nanny that would start it again."""
        process = _start(
            "dask_worker", LOCAL, "--nthreads=1", "--no-nanny", "--no-dashboard",
            f"--scheduler-file={self.address}", f"--local-directory={self.folder}",
            log=self.folder / f"worker{len(self.workers)}.log",
        )  # fmt: skip
        self.workers.append(process)
        return process

    def kill_worker(self, pid: int) -> None:
        """Kill a worker of ours as the system does when memory runs out."""
        worker = next(worker for worker in self.workers if worker.pid == pid)
        worker.send_signal(signal.SIGKILL)
        worker.wait()


@contextlib.contextmanager
def running_cluster(folder: Path, *, n_workers: int = 2) -> Iterator[Cluster]:
    """Start a scheduler and workers; stop them at the end."""
    scheduler = _start(
        "dask_scheduler", LOCAL, "--port=0", "--no-dashboard", "--no-jupyter",
        f"--scheduler-file={folder / 'scheduler.json'}", log=folder / "scheduler.log",
    )  # fmt: skip
    cluster = Cluster(folder, scheduler)
    try:
        wait_until(lambda: (folder / "scheduler.json").exists(), "the scheduler to start")
        for _ in range(n_workers):
            cluster.add_worker()
        yield cluster
    finally:
        for process in [*cluster.workers, scheduler]:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], bool], what: str, *, timeout_s: float = 60.0) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        time.sleep(0.05)


def call_dask(module: str, *arguments: str) -> None:
    """Be one of Dask's programs; it has been imported, with the settings of another environment."""
    import dask

    dask.config.refresh()
    call_module(f"distributed.cli.{module}", *arguments)


def _start(module: str, *arguments: str, log: Path) -> WarmProcess:
    """Start one of Dask's programs, which can import the tests' own modules."""
    env = {**os.environ, **ENVIRONMENT}
    return WarmProcess(call_dask, module, *arguments, env=env, log=log)
