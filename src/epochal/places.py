"""Places for data, on this machine or in a bucket: `data/x`, `file://…`, `s3://bucket/x`.

A file in a bucket is written by one upload, which shows it whole or not at all, and read from a
local copy that its content names. Credentials and the server's address are the environment's
(`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`), never conf's.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from epochal.errors import EpochalError, RecordingError

# Of each, an upload is seen whole or not at all, which is what everything here relies on.
PROTOCOLS = ("s3", "memory")
_ABANDONED_S = 3600.0  # what somebody is still writing changes by the second

# No drive letter of Windows: those are single.
_ONE_SLASH = re.compile(r"[a-z][a-z0-9]+:/(?!/)")


def is_remote(path: str | Path | Any) -> bool:
    """Say whether a path is in a bucket (or in memory), not on this machine's disks."""
    return "://" in str(path) and not str(path).startswith("file://")


def place_of(path: str) -> Any:
    """Return a `Path`, or for a bucket what can be used as one (`UPath`).

    Protocols other than `file`, `s3` and `memory` raise `EpochalError`.
    """
    if _ONE_SLASH.match(str(path)):
        raise EpochalError(f"{path}: two slashes after the colon: {path.replace(':/', '://', 1)}")
    if not is_remote(path):
        return Path(path.removeprefix("file://"))
    protocol = path.split("://")[0]
    if protocol not in PROTOCOLS:
        raise EpochalError(f"{path}: data may be in a folder, or at file://, s3:// or memory://")
    try:
        from upath import UPath

        if protocol == "s3":
            return UPath(path, use_listings_cache=False)  # others' writes are to be seen at once
        return UPath(path)
    except ImportError as error:
        raise EpochalError(f"{path} needs: pip install 'epochal[cluster]' ({error})") from error


@contextmanager
def held(place: Path, otherwise: EpochalError | None = None) -> Iterator[None]:
    """Hold a folder, or a file made for it, for one process at a time: wait, or raise `otherwise`.

    The lock goes with its process, however that ends. Without POSIX locks (Windows, some network
    drives) nothing holds.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(place, os.O_RDONLY if place.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if otherwise else 0))
    except BlockingIOError as error:  # only where nobody waits
        os.close(descriptor)
        raise otherwise or error from error
    except OSError:  # a drive that knows no locks
        pass
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def writing(place: Any) -> Iterator[Path]:
    """Give a local path to write a file or folder to, which is then put in its place, whole.

    A folder in a bucket is put there file by file: only a mark written later can say it is whole.
    A folder gives way to a folder alone: a file in its place raises `EpochalError`.
    """
    with _beside(place) as part:
        yield part
        if is_remote(place):
            _upload(part, place)
            return
        if place.is_dir():
            if not part.is_dir():
                raise EpochalError(f"{place} is a folder; a file was to be written there")
            shutil.rmtree(place)
        part.replace(place)


def local_copy(place: Any) -> Path:
    """Return a path on this machine for a file or folder: itself, or a copy named by content.

    Copies stay in `EPOCHAL_CACHE`, by default a folder for temporary files; removing it is safe
    between runs. What is not there raises `FileNotFoundError`.
    """
    if not is_remote(place):
        return Path(place)
    listed = _listing(place)
    if not listed:
        raise FileNotFoundError(str(place))
    state = hashlib.sha256(repr((str(place), listed)).encode()).hexdigest()[:24]
    copy = _cache() / state / place.name
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        with _beside(copy) as part:
            _download(place, part, listed)
            _rename_unless_there(part, copy)
    return copy


def mirror(url: str, folder: Path) -> None:
    """Make a local folder hold the files at a URL: new and changed ones come, others go.

    Modification times come along, so that a file's state is the same on every machine. A prefix
    without files raises `RecordingError`.
    """
    source = place_of(url)
    listed = {name: (size, modified) for name, size, modified, _ in _listing(source)}
    if not listed:
        raise RecordingError(url, "no files there (ingestion.path)")
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in listed:
            path.unlink()
    for name, (size, modified) in sorted(listed.items()):
        target = folder / name
        if not _is_same(target, size, modified):
            target.parent.mkdir(parents=True, exist_ok=True)
            with writing(target) as part:
                source.fs.get_file(f"{source.path}/{name}", str(part))
                os.utime(part, (modified, modified))


def remove(place: Any) -> None:
    """Remove a file or a folder, there or not."""
    if is_remote(place):
        if place.exists():
            place.fs.rm(place.path, recursive=True)
    elif place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def sweep(folder: Any) -> None:
    """Remove what killed writers left in a local folder: parts that an hour has not changed."""
    if is_remote(folder):
        return  # its parts are made on this machine
    for part in folder.glob(".part-*"):
        with suppress(FileNotFoundError):  # another run sweeps as well
            if time.time() - part.stat().st_mtime > _ABANDONED_S:
                remove(part)


@contextmanager
def _beside(place: Any) -> Iterator[Path]:
    """Give a temporary local path, in the same folder where that is local; removed at the end."""
    if is_remote(place):
        with tempfile.TemporaryDirectory(prefix="epochal-") as folder:
            yield Path(folder) / place.name
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".part-{uuid4().hex}-{place.name}")
    try:
        yield part
    finally:
        remove(part)


def _upload(part: Path, place: Any) -> None:
    if part.is_dir():
        remove(place)
    files = [path for path in part.rglob("*") if path.is_file()] if part.is_dir() else [part]
    for path in files:
        inside = path.relative_to(part).as_posix()
        place.fs.put_file(str(path), place.path if inside == "." else f"{place.path}/{inside}")


def _download(place: Any, part: Path, listed: list[tuple[str, int, float, str]]) -> None:
    for name, *_ in listed:
        target = part / name if name else part
        target.parent.mkdir(parents=True, exist_ok=True)
        place.fs.get_file(f"{place.path}/{name}" if name else place.path, str(target))


def _rename_unless_there(part: Path, copy: Path) -> None:
    try:
        part.replace(copy)
    except OSError:  # a folder that another worker has put there meanwhile
        if not copy.exists():
            raise


def _listing(place: Any) -> list[tuple[str, int, float, str]]:
    """Return each file under a place: its relative name, bytes, time in s, and hash if known."""
    found = place.fs.find(place.path, detail=True)
    root = place.path.rstrip("/")
    return sorted(
        (name[len(root) :].strip("/"), info["size"], _time_s(info), str(info.get("ETag", "")))
        for name, info in found.items()
    )


def _time_s(info: dict[str, Any]) -> float:
    time = info.get("LastModified") or info.get("created") or 0.0
    return float(time.timestamp() if isinstance(time, datetime) else time)


def _is_same(path: Path, size: int, modified_s: float) -> bool:
    if not path.is_file():
        return False
    stat = path.stat()
    return stat.st_size == size and abs(stat.st_mtime - modified_s) < 1e-3


def _cache() -> Path:
    default = Path(tempfile.gettempdir()) / f"epochal-cache-{os.getuid()}"
    folder = Path(os.environ.get("EPOCHAL_CACHE", default))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # recordings are people's
    return folder
