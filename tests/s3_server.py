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

from dask_cluster import wait_until

BUCKET = "s3://epochal"


@contextlib.contextmanager
def running_s3(folder: Path) -> Iterator[dict[str, str]]:
    """Start the server with an empty bucket; yield the environment by which it is found."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "s3.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    environment = {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "EPOCHAL_CACHE": str(folder / "cache"),
    }
    try:
        wait_until(lambda: _answers(port), "the S3 server to start")
        with mock.patch.dict(os.environ, environment):
            _make_bucket()
            yield environment
    finally:
        server.kill()
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _make_bucket() -> None:
    from upath import UPath

    UPath(BUCKET).fs.mkdir(BUCKET)
