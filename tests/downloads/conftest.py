import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from downloads.physionet import Remote, serving
from downloads.small_edfx import small_edfx
from epochal.downloads.sleep_edfx import Options


@pytest.fixture
def remote() -> Iterator[Remote]:
    with serving(Remote(small_edfx())) as running:
        yield running


@pytest.fixture
def options(remote: Remote, tmp_path: Path) -> Options:
    return Options(
        base_url=remote.base_url,
        folder=tmp_path / "raw",
        backoff_s=0.001,
        longest_backoff_s=0.01,
        stall_s=5,
        round_retries=0,
        retries=3,
    )


@pytest.fixture
def unused_address() -> str:
    """An address on this machine where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"
