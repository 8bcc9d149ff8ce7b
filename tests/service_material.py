"""A service over one small bundle, for the tests of its routes: in this process, or a real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from builders import CLASSES, make_bundle, make_night, write_edf
from epochal.serving.app import create_app
from epochal.serving.bundle import write_bundle
from epochal.serving.service.options import ServiceOptions
from held_port import HeldPort
from waiting import until
from warm_process import WarmProcess, call_module

NAME = "tiny"
PATIENCE_S = 60.0  # for an answer, however busy the machine
LABELS = ["W"] * 4 + ["N2"] * 4 + ["REM"] * 4
assert set(LABELS) <= set(CLASSES)


def make_options(folder: Path, **changed: Any) -> ServiceOptions:
    """Return the options of a service over one small bundle, all its files under a folder."""
    bundle = folder / "bundle"
    if not bundle.exists():
        write_bundle(bundle, make_bundle())
    given = {"bundles": {NAME: bundle}, "work_folder": folder / "work", "watch_s": 0}
    return ServiceOptions(**{**given, "results_folder": folder / "data", **changed})


@contextmanager
def client_of(folder: Path, **changed: Any) -> Iterator[TestClient]:
    """Give a client of a service in this process; what it raises unforeseen becomes its 500."""
    app = create_app(make_options(folder, **changed))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def write_night(path: Path, labels: list[str] | None = None, *, seed: int = 100) -> Path:
    """Write a night of known rhythms as an EDF that the small bundle scores."""
    night = make_night(LABELS if labels is None else labels, seed=seed)
    return write_edf(path, {one.name: one.data for one in night.channels})


def ended(client: Any, job: str) -> dict[str, Any]:
    """Wait until the job at an address is over, and return it."""
    return until(
        lambda: client.get(job).json(),
        lambda found: found["status"] in {"done", "failed"},
        within_s=300,
        pause_s=0.05,
    )


@contextmanager
def in_thread(app: FastAPI, **config: Any) -> Iterator[str]:
    """Serve an application from a thread, as uvicorn does for users; give `host:port`."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", **config))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


class Server:
    """A real service in a process of its own, as `epochal serve` starts it.

    A cold one starts from nothing, others from a process that has imported the libraries.
    """

    def __init__(self, folder: Path, *, cold: bool = False, **environment: str) -> None:
        options = make_options(folder)
        self._held = HeldPort()
        self.port = self._held.number
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        given = {f"EPOCHAL_SERVE_{name.upper()}": value for name, value in environment.items()}
        given.setdefault("EPOCHAL_SERVE_WORK_FOLDER", str(options.work_folder))
        called = ["epochal", "serve", "--port", str(self.port)]
        called += ["--bundle", f"{NAME}={options.bundles[NAME]}"]
        start = start_cold if cold else start_warm
        self.process = start(called, folder, {**os.environ, **given}, self.log)

    def wait(self) -> Server:
        """Wait until it answers."""
        until(self._answers, within_s=180)
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"it ended: {self.log.read_text()}"
        try:
            return bool(self.get("/health"))
        except httpx.TransportError:
            return False

    def get(self, path: str, **given: Any) -> httpx.Response:
        """Ask it, and wait for the answer."""
        return httpx.get(f"{self.url}{path}", timeout=PATIENCE_S, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:
        """Send it something, and wait for the answer."""
        return httpx.post(f"{self.url}{path}", timeout=PATIENCE_S, **given)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()
        self._held.close()

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def start_warm(called: list[str], folder: Path, env: dict[str, str], log: Path) -> WarmProcess:
    """Call a module in a process that has the libraries already."""
    return WarmProcess(call_module, *called, cwd=folder, env=env, log=log)


def start_cold(
    called: list[str], folder: Path, env: dict[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Call a module in a new Python."""
    with log.open("ab") as file:
        command = [sys.executable, "-m", *called]
        return subprocess.Popen(command, env=env, stdout=file, stderr=file, cwd=folder)


@contextmanager
def running(folder: Path, *, cold: bool = False, **environment: str) -> Iterator[Server]:
    """Give a real service that answers; it is gone at the end."""
    server = Server(folder, cold=cold, **environment)
    try:
        yield server.wait()
    finally:
        server.kill()
