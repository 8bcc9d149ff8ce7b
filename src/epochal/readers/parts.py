"""Recordings of more than one file: what BrainVision's and EEGLAB's headers are read together with.

Found before anything is read, so a header that is odd or names a file that is not there is no
error here: that is for the reader to tell.
"""

from __future__ import annotations

import re
from pathlib import Path

_HEAD_BYTES = 1 << 16  # a header names its files in its first section


def parts_of(path: Path) -> tuple[Path, ...]:
    """Return the files that are read with a recording's own, its samples' and its markers'."""
    parts = [data_file_of(path)]
    if path.suffix.lower() == ".vhdr":
        # MNE takes the markers of the same name where those that the header names are not there
        parts += [_named(path, "MarkerFile") or _present(path.with_suffix(".vmrk")) or path]
    return tuple(part for part in dict.fromkeys(parts) if part != path)


def data_file_of(path: Path) -> Path:
    """Return the file that holds a recording's samples: its own, or the one that goes with it."""
    if path.suffix.lower() == ".vhdr":
        return _named(path, "DataFile") or path
    if path.suffix.lower() == ".set":
        return _present(path.with_suffix(".fdt")) or path
    return path


def _named(header: Path, field: str) -> Path | None:
    """Return the file that a BrainVision header names, if it is there."""
    try:
        with header.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    given = re.search(rb"^%s[ \t]*[=:](.*)$" % field.encode(), head, re.IGNORECASE | re.MULTILINE)
    if given is None:
        return None
    # one of these is its codepage; what the other makes of the name is not there
    names = [given[1].decode(codepage, "replace").strip() for codepage in ("utf-8", "cp1252")]
    return next(filter(None, (_present(header.parent / name) for name in names)), None)


def _present(path: Path) -> Path | None:
    try:
        return path if path.is_file() else None
    except OSError:  # a name that is too long, say
        return None
