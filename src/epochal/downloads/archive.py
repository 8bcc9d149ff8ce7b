"""Zips from elsewhere: every member is judged before the first byte is written."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, Field

from epochal.downloads import DownloadError, as_size
from epochal.downloads.plan import part_of
from epochal.errors import RecordingError

_BLOCK_BYTES = 1 << 20


class Limits(BaseModel, extra="forbid", frozen=True):
    """How much a zip may hold, so that a small file cannot fill a disk."""

    n_members: int = Field(100_000, gt=0, description="At most so many members.")
    n_bytes: int = Field(100_000_000_000, gt=0, description="At most so much, unpacked.")
    ratio: float = Field(
        200.0, gt=1, description="No member grows more than this; recordings reach 2 to 20."
    )
    ratio_from_bytes: int = Field(10_000_000, ge=0, description="Smaller members may: blank text.")


class DamagedError(RecordingError):
    """A zip that did not come whole."""


@contextmanager
def open_archive(path: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Open a zip and refuse it whole if any member is unsafe: `RecordingError` says which.

    Unsafe are names that lead elsewhere, links and devices, passwords, and bombs.
    """
    if not path.is_file():
        raise RecordingError(path, "no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_unsafe(path, archive.infolist(), limits)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DamagedError(path, f"not a whole zip file ({error}); fetch it again") from error
    except NotImplementedError as error:
        raise RecordingError(path, f"packed in a way that is not supported ({error})") from error


def _refuse_unsafe(path: Path, members: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(members) > limits.n_members:
        raise RecordingError(path, f"{len(members)} members, more than {limits.n_members}")
    for member in members:
        reason = _danger(member, limits)
        if reason:
            raise RecordingError(path, f"refused, for its member {member.filename!r} {reason}")
    n_bytes = sum(member.file_size for member in members)
    if n_bytes > limits.n_bytes:
        raise RecordingError(path, f"{as_size(n_bytes)} unpacked, over {as_size(limits.n_bytes)}")
    names = [member.filename.casefold() for member in members]
    if len(set(names)) < len(names):
        raise RecordingError(path, "two members of one name")


def _danger(member: zipfile.ZipInfo, limits: Limits) -> str | None:
    name, kind = member.filename, stat.S_IFMT(member.external_attr >> 16)
    grown = member.file_size / max(member.compress_size, 1)
    if _leads_elsewhere(name):
        return "leads out of the folder"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & 1:
        return "needs a password"
    if member.file_size > limits.ratio_from_bytes and grown > limits.ratio:
        return f"grows {grown:.0f}-fold, as only a bomb does"
    return None


def _leads_elsewhere(name: str) -> bool:
    """Judge a name as POSIX and Windows would read it."""
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\")) or ".." in parts or ":" in name or not name.isprintable()


def unpack(
    archive: zipfile.ZipFile,
    members: Mapping[str, zipfile.ZipInfo],
    folder: Path,
    *,
    on_bytes: Callable[[int], None] = lambda n_bytes: None,
) -> None:
    """Write members to `{path below folder: member}`, each under a temporary name until whole.

    The zip's own checksums are verified as they are read.
    """
    for path, member in members.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = part_of(target)
        try:
            _copy(archive, member, part, on_bytes)
            part.replace(target)
        except OSError as error:
            raise DownloadError(f"{target}: cannot be written ({error.strerror})") from error
        finally:
            part.unlink(missing_ok=True)


def _copy(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, part: Path, on_bytes: Callable[[int], None]
) -> None:
    with archive.open(member) as source, part.open("wb") as target:
        while block := source.read(_BLOCK_BYTES):  # never more than the declared size
            target.write(block)
            on_bytes(len(block))


def is_unpacked(member: zipfile.ZipInfo, target: Path) -> bool:
    """Say whether a file is here already, by its size and the zip's checksum."""
    if not target.is_file() or target.stat().st_size != member.file_size:
        return False
    checksum = 0
    with target.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            checksum = zlib.crc32(block, checksum)
    return checksum == member.CRC
