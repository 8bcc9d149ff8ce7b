"""How much memory the service may use: what its control group, or one around it, leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_V1, _V2 = "memory.limit_in_bytes", "memory.max"


def read_memory_limit(
    machine_bytes: float | None, *, groups: Path = _GROUPS, own: Path = _OWN
) -> float | None:
    """Return the least of the machine's memory and the limits of the process's control groups.

    In bytes; None where nothing tells. A container sees its own group as the root, or the path that
    it has outside: groups that are not to be seen are passed over. Version 2 writes `max` for no
    limit, version 1 a number beyond any machine's memory.
    """
    limits = [] if machine_bytes is None else [machine_bytes]
    for path in _files(groups, own):
        text = _read(path).strip()
        if text.isdigit():
            limits.append(float(text))
    return min(limits, default=None)


def _read(path: Path) -> str:
    """Return a file's text; "" where there is none or it may not be read: a scrape goes on."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _files(groups: Path, own: Path) -> Iterator[Path]:
    """Give the files that may hold a limit: of the process's groups and all around them."""
    for line in _read(own).splitlines():
        _, controllers, group = line.split(":", 2)
        inner = PurePosixPath(group.lstrip("/"))
        for around in (inner, *inner.parents):
            if not controllers:
                yield groups / around / _V2
            elif "memory" in controllers.split(","):
                yield groups / "memory" / around / _V1
