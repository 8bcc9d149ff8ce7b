"""Checksums of raw files: what a recording is known by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

SIGNAL_SHA256 = "signal_sha256"  # in a recording's metadata: of its signals, labels aside


def list_files(named: Sequence[str | Path]) -> list[Path]:
    """Return the files among some paths; a folder stands for all the files in it."""
    paths = [Path(name) for name in named]
    nested = [sorted(path.rglob("*")) if path.is_dir() else [path] for path in paths]
    return [path for found in nested for path in found if path.is_file()]


def checksum(named: Sequence[str | Path]) -> str:
    """Return a file's SHA-256; of several files, the SHA-256 of theirs, one after the other."""
    digests = [_digest(str(path), path.stat().st_mtime_ns) for path in list_files(named)]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


@lru_cache(maxsize=1024)
def _digest(path: str, modified_ns: int) -> str:
    """Return a file's SHA-256, once for a file that many recordings share."""
    del modified_ns  # only tells the cache of a change
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
