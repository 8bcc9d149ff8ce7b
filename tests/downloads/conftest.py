from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from downloads.physionet import Remote, serving
from downloads.small_edfx import small_edfx
from epochal.downloads.sleep_edfx import Options
from held_port import HeldPort


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
        stall_s=60,
        round_retries=0,
        retries=3,
    )


@pytest.fixture
def unused_address() -> Iterator[str]:
    """An address on this machine where nothing listens."""
    with closing(HeldPort()) as port:
        yield f"http://127.0.0.1:{port.number}/"
