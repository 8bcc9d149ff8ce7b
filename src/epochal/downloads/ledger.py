"""What was verified in a folder of downloads, by hash: a small JSON file beside the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from epochal.downloads import DownloadError
from epochal.places import held, writing

LEDGER = ".epochal-downloads.json"
LOCK = ".epochal-downloads.lock"
_BLOCK_BYTES = 1 << 20


class Entry(BaseModel, extra="forbid"):
    """One file as it was when its hash was computed."""

    sha256: str
    n_bytes: int
    mtime_ns: int
    processed: bool = Field(False, description="Its content was used: it may be gone from disk.")


class Ledger(BaseModel, extra="forbid"):
    """The verified files of a folder, by path below it.

    An unchanged size and modification time spare hashing gigabytes again at each run.
    """

    version: int = Field(1, ge=1, le=1)
    files: dict[str, Entry] = Field(default_factory=dict)

    def knows(self, path: str, file: Path, sha256: str | None) -> bool:
        """Say whether this very file was verified before (against `sha256`, if there is one)."""
        entry, stat = self.files.get(path), file.stat()
        return (
            entry is not None
            and (entry.n_bytes, entry.mtime_ns) == (stat.st_size, stat.st_mtime_ns)
            and sha256 in (None, entry.sha256)
        )

    def is_processed(self, path: str, sha256: str | None) -> bool:
        """Say whether the published content, by its hash, has been processed already."""
        entry = self.files.get(path)
        return entry is not None and entry.processed and entry.sha256 == sha256

    def record(self, path: str, file: Path, sha256: str) -> None:
        """Enter a file whose hash has just been computed; what was processed stays so."""
        stat, known = file.stat(), self.files.get(path)
        self.files[path] = Entry(
            sha256=sha256,
            n_bytes=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
            processed=known is not None and known.processed and known.sha256 == sha256,
        )

    def save(self, folder: Path) -> None:
        """Write the ledger to a temporary name, then rename it."""
        with writing(folder / LEDGER) as part:
            part.write_text(self.model_dump_json(indent=1), encoding="utf-8")


def read_ledger(folder: Path, *, ignore_damage: bool = False) -> Ledger:
    """Read a folder's ledger; none yet is an empty one, a damaged one raises `DownloadError`."""
    path = folder / LEDGER
    try:
        return Ledger.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Ledger()
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        if ignore_damage:
            return Ledger()
        raise DownloadError(
            f"{path}: cannot be read as the list of verified files; delete it, or ignore it with "
            "--ignore-hash, and every file is verified anew"
        ) from error


def mark_processed(folder: Path, paths: Iterable[str] | None = None) -> list[str]:
    """Note that files (default: all that were verified) were used, and return their paths.

    From then on they may be deleted: a plan skips them as long as the published hash is the same.
    """
    with locked(folder):
        ledger = read_ledger(folder)
        chosen = sorted(ledger.files if paths is None else set(paths))
        unknown = [path for path in chosen if path not in ledger.files]
        if unknown:
            raise DownloadError(f"{folder}: never downloaded and verified: {', '.join(unknown)}")
        for path in chosen:
            ledger.files[path].processed = True
        if chosen:
            ledger.save(folder)
    return chosen


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 as lower-case hexadecimal, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, if there is one, for one download at a time; else raise `DownloadError`."""
    if not folder.is_dir():
        yield
        return
    with held(folder / LOCK, DownloadError(f"{folder}: another download is writing here")):
        yield
