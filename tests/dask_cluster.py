"""A Dask cluster on 127.0.0.1 for tests: a scheduler and worker processes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from waiting import until
from warm_process import WarmProcess, call_module

LOCAL = "--host=127.0.0.1"
ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).parent),
    "OMP_NUM_THREADS": "1",
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
            log=self._log(len(self.workers)),
        )  # fmt: skip
        self.workers.append(process)
        return process

    def wait_for_workers(self) -> None:
        """Wait until the scheduler knows all: else the first to come could do the others' work."""
        numbers = range(len(self.workers))
        until(lambda: all("Registered to" in self._told(n) for n in numbers), within_s=180)

    def _told(self, number: int) -> str:
        log = self._log(number)
        return log.read_text() if log.exists() else ""

    def _log(self, number: int) -> Path:
        return self.folder / f"worker{number}.log"

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
        until((folder / "scheduler.json").exists)
        for _ in range(n_workers):
            cluster.add_worker()
        cluster.wait_for_workers()
        yield cluster
    finally:
        for process in [*cluster.workers, scheduler]:
            process.kill()
            process.wait()


def call_dask(module: str, *arguments: str) -> None:
    """Be one of Dask's programs; it has been imported, with the settings of another environment."""
    import dask

    dask.config.refresh()
    call_module(f"distributed.cli.{module}", *arguments)


def _start(module: str, *arguments: str, log: Path) -> WarmProcess:
    """Start one of Dask's programs, which can import the tests' own modules."""
    env = {**os.environ, **ENVIRONMENT}
    return WarmProcess(call_dask, module, *arguments, env=env, log=log)
