"""The plan of a download: which files are to be fetched, and why the others are not."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from epochal.downloads import DownloadError, as_size
from epochal.downloads.ledger import Ledger, sha256_of

Status = Literal["fetch", "resume", "present", "processed"]
PART = ".part"
_SPARE_BYTES = 64_000_000  # left free, so that a download never fills a disk to the last byte


@dataclass(frozen=True)
class RemoteFile:
    """A file that a server offers: its path below the folder, and what was published of it."""

    path: str
    url: str
    sha256: str | None = None
    n_bytes: int | None = None


class Planned(NamedTuple):
    """What is to be done with a file; `n_bytes_here` of a partial one are here already."""

    file: RemoteFile
    status: Status
    n_bytes_here: int = 0

    @property
    def n_bytes_missing(self) -> int:
        """The bytes still to come; 0 where the size is unknown."""
        return max((self.file.n_bytes or 0) - self.n_bytes_here, 0) if self.is_pending else 0

    @property
    def is_pending(self) -> bool:
        """Whether anything is to be fetched."""
        return self.status in ("fetch", "resume")


@dataclass(frozen=True)
class Plan:
    """The files of a download and where they go; `problems` are plain sentences."""

    folder: Path
    items: tuple[Planned, ...]
    problems: tuple[str, ...] = ()

    @property
    def pending(self) -> list[Planned]:
        """The files that are to be fetched, whole or in part."""
        return [item for item in self.items if item.is_pending]

    @property
    def n_bytes_missing(self) -> int:
        """The bytes still to come, as far as sizes are known."""
        return sum(item.n_bytes_missing for item in self.items)

    @property
    def counts(self) -> Counter[Status]:
        """How many files there are of each status."""
        return Counter(item.status for item in self.items)


def part_of(target: Path) -> Path:
    """Return the name that a file bears until it is whole and verified."""
    return target.with_name(target.name + PART)


def make_plan(
    files: Iterable[RemoteFile],
    folder: Path,
    *,
    ledger: Ledger,
    ignore_hash: bool = False,
    problems: Iterable[str] = (),
) -> Plan:
    """Compare what is published with what is here.

    A file here is kept if its hash is the published one (if none is published: its size). A file
    that is gone is skipped if the ledger has its hash as processed. `ignore_hash` believes
    nothing in the ledger: files here are hashed again, processed ones fetched again.
    """
    found = list(problems)
    items = []
    for file in files:
        item = _plan_file(file, folder, ledger=ledger, ignore_hash=ignore_hash)
        if item.status == "fetch" and (folder / file.path).exists():
            found.append(f"{file.path} here is not what is published; it will be replaced")
        items.append(item)
    return Plan(folder, tuple(items), tuple(found))


def _plan_file(file: RemoteFile, folder: Path, *, ledger: Ledger, ignore_hash: bool) -> Planned:
    target = folder / file.path
    if target.is_file():
        same = _is_published(file, target, ledger=ledger, ignore_hash=ignore_hash)
        return Planned(file, "present" if same else "fetch")
    if not ignore_hash and ledger.is_processed(file.path, file.sha256):
        return Planned(file, "processed")
    part = part_of(target)
    # Without a published hash nothing would tell that two halves belong to one file.
    if file.sha256 and part.is_file() and part.stat().st_size:
        return Planned(file, "resume", part.stat().st_size)
    return Planned(file, "fetch")


def _is_published(file: RemoteFile, target: Path, *, ledger: Ledger, ignore_hash: bool) -> bool:
    if file.n_bytes is not None and file.n_bytes != target.stat().st_size:
        return False
    if not ignore_hash and ledger.knows(file.path, target, file.sha256):
        return True
    if file.sha256 is None:
        return file.n_bytes is not None
    digest = sha256_of(target)
    if digest == file.sha256:
        ledger.record(file.path, target, digest)
    return digest == file.sha256


def missing_space(folder: Path, n_bytes: int) -> str | None:
    """Say how much room is wanting for so many more bytes; `None` where there is enough."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if n_bytes == 0 or n_bytes + _SPARE_BYTES <= free:
        return None
    return f"{folder}: {as_size(n_bytes)} are to come, but only {as_size(free)} are free there"


def check_space(folder: Path, n_bytes: int) -> None:
    """Raise `DownloadError` where the disk has no room for so many more bytes."""
    wanting = missing_space(folder, n_bytes)
    if wanting:
        raise DownloadError(wanting)


def describe(plan: Plan) -> list[str]:
    """Write a plan as lines: one a file, then its problems and its sums."""
    lines = [_describe_file(item) for item in plan.items]
    lines += [f"Note: {problem}" for problem in plan.problems]
    wanting = missing_space(plan.folder, plan.n_bytes_missing)
    lines += [f"Note: {wanting}"] if wanting else []
    return [*lines, summarise(plan)]


def summarise(plan: Plan) -> str:
    """Write a plan's sums in one line."""
    counts = plan.counts
    unsized = sum(item.file.n_bytes is None for item in plan.pending)
    return (
        f"{plan.folder}: {len(plan.pending)} of {len(plan.items)} files to fetch, "
        f"{as_size(plan.n_bytes_missing)}{f' and {unsized} of unknown size' if unsized else ''}"
        f" ({counts['resume']} resumed); {counts['present']} already here, "
        f"{counts['processed']} processed before"
    )


def _describe_file(item: Planned) -> str:
    size = "size unknown" if item.file.n_bytes is None else as_size(item.file.n_bytes)
    here = f", {as_size(item.n_bytes_here)} of it here" if item.status == "resume" else ""
    unverified = "" if item.file.sha256 else ", no published hash"
    return f"{item.status:9}  {size:>12}  {item.file.path}{here}{unverified}"
