"""Names of recordings, safe as file names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path


def safe_name(name: str) -> str:
    """Return a name with whatever is not a letter, digit, dot, hyphen or underscore replaced."""
    return re.sub(r"[^\w.-]", "_", name, flags=re.ASCII).strip(".") or "recording"


def name_recordings(folder: Path, stems: Mapping[Path, str]) -> dict[Path, str]:
    """Return an id for each file: its given stem, or its path below `folder` where stems repeat."""
    repeats = Counter(stems.values())
    return {
        path: safe_name(stem if repeats[stem] == 1 else _spell_path(path, stem, folder))
        for path, stem in stems.items()
    }


def _spell_path(path: Path, stem: str, folder: Path) -> str:
    parents = [part for part in path.relative_to(folder).parts[:-1] if part != stem]
    return "__".join((*parents, stem))
