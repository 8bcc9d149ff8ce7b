"""What WESAD's side files say of a subject: age, sex, and the order of the conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MAX_CHARACTERS = 1_000_000


def read_notes(paths: Iterable[str]) -> dict[str, Any]:
    """Return `age`, `sex` and `condition_order`, each only where a file says it.

    Nothing else of the readme (habits, illness, notes) is taken. A file that is none of these
    says nothing: the recording does not depend on it.
    """
    notes: dict[str, Any] = {}
    for path in paths:
        text = Path(path).read_text(encoding="utf-8", errors="replace")[:MAX_CHARACTERS]
        notes |= read_quest(text) if path.endswith("_quest.csv") else read_readme(text)
    return notes


def read_readme(text: str) -> dict[str, Any]:
    """Return age in years and sex (`F` or `M`) from lines `Age: 27` and `Gender: male`."""
    age = re.search(r"^\s*Age\s*:\s*(\d{1,3})\b", text, re.MULTILINE | re.IGNORECASE)
    sex = re.search(r"^\s*(?:Gender|Sex)\s*:\s*(male|female)\b", text, re.MULTILINE | re.IGNORECASE)
    return {
        **({"age": float(age[1])} if age else {}),
        **({"sex": {"m": "M", "f": "F"}[sex[1][0].lower()]} if sex else {}),
    }


def read_quest(text: str) -> dict[str, Any]:
    """Return the names of the conditions in their order (the line `# ORDER;Base;TSST;…`)."""
    for line in text.splitlines():
        if line.startswith("# ORDER"):
            return {"condition_order": [name for name in line.split(";")[1:] if name.strip()]}
    return {}
