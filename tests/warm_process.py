"""Processes of their own that begin at once: forked from one that has imported the libraries.

What is killed, stopped or asked as a service needs a process of its own; that each of them imports
numpy, pandas and the rest anew tests nothing and takes seconds. How a command starts from nothing
is tested by `commands/test_serve.py`, `commands/test_score_start.py`, `test_startup.py` and
`test_tool.py`.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

# What a service, a worker and a run import: nothing that reads the project's environment as it is
# imported.
LIBRARIES = (
    "distributed", "edfio", "fastapi", "h5py", "httptools", "kedro.framework.cli",
    "kedro.framework.session", "lightgbm", "matplotlib.figure", "multipart", "onnxruntime",
    "pandas", "prometheus_client", "pydantic_settings", "pywt", "scipy.ndimage", "scipy.signal",
    "scipy.stats", "sklearn.ensemble", "sklearn.neural_network", "uvicorn", "uvloop",
    "websockets", "epochal.serving.app",
)  # fmt: skip
_processes = get_context("forkserver")
_processes.set_forkserver_preload(["warm_process", *LIBRARIES])


class WarmProcess:
    """A process that calls a function, with what `subprocess.Popen` offers to end it.

    What it prints is appended to `log`, or thrown away; it leads a session of its own.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        place = (cwd or Path.cwd(), dict(os.environ if env is None else env), log or os.devnull)
        # as a daemon it goes with the tests, whatever becomes of them
        self._made = _processes.Process(
            target=_begin, args=(place, function, arguments), daemon=True
        )
        self._made.start()
        self.pid = self._made.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, the negative signal where one ended it, or None while it runs."""
        return self._made.exitcode

    def poll(self) -> int | None:
        """Return the exit code so far."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code."""
        self._made.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)


def call_module(name: str, *arguments: str) -> None:
    """Be `python -m name arguments`."""
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def call_script(path: Path, *arguments: str) -> None:
    """Be `python path arguments`."""
    sys.argv = [str(path), *arguments]
    runpy.run_path(str(path), run_name="__main__")


def _begin(place: tuple, function: Callable[..., Any], arguments: tuple) -> None:
    cwd, env, log = place
    os.setsid()
    # Deaf to Ctrl-C where `epochal score --jobs` was first to start the process that we come from.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    with Path(log).open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    function(*arguments)
