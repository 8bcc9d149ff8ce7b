"""An S3 server in a process of its own, for tests: moto's, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from held_port import HeldPort
from waiting import until

BUCKET = "s3://epochal"


@contextlib.contextmanager
def running_s3(folder: Path) -> Iterator[dict[str, str]]:
    """Start the server with an empty bucket; yield the environment by which it is found."""
    with contextlib.closing(HeldPort()) as port, _started(port.number, folder / "s3.log"):
        environment = {
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port.number}",
            "EPOCHAL_CACHE": str(folder / "cache"),
        }
        with mock.patch.dict(os.environ, environment):
            _make_bucket()
            yield environment


@contextlib.contextmanager
def _started(port: int, log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        until(lambda: _answers(server, port), within_s=180)
        yield
    finally:
        server.kill()
        server.wait()


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    assert server.poll() is None, "it ended"
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _make_bucket() -> None:
    from upath import UPath

    UPath(BUCKET).fs.mkdir(BUCKET)
