"""An audit trail: lines of JSON that are only ever added to, and on the disk once acknowledged."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any


class AuditTrail:
    """A file of one JSON object per line.

    What `append` has returned from survives a kill and a power cut. A line that was being written
    when that happened is cut short; it was never acknowledged, and readers pass it over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def read(self) -> list[dict[str, Any]]:
        """Return the entries, oldest first."""
        if not self.path.is_file():
            return []
        parsed = (_parse(line) for line in self.path.read_bytes().split(b"\n"))
        return [entry for entry in parsed if entry is not None]

    def append(self, entry: dict[str, Any]) -> None:
        """Add an entry; when this returns, it is on the disk."""
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            is_new = not self.path.exists()
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                _write_all(handle, (b"\n" if _is_cut_short(handle) else b"") + line)
                os.fsync(handle)
            finally:
                os.close(handle)
            if is_new:
                sync_folder(self.path.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk, where the system lets folders be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_cut_short(handle: int) -> bool:
    """Say whether the last line lacks its end: the writer was killed in it."""
    size = os.fstat(handle).st_size
    if size == 0:
        return False
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1) != b"\n"


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
