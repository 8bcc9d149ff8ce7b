"""The folder of one fit: what it leaves there is of no other, and an interrupted one finds it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib

KEY = "key"


@contextmanager
def open_workplace(folder: Path | None, made_from: Any) -> Iterator[Path]:
    """Give the folder of a fit, emptied where another's files lie in it; None: a passing one.

    `made_from` is all that the fit follows from.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as passing:
            yield Path(passing)
        return
    key = str(joblib.hash(made_from))
    if not (folder / KEY).is_file() or (folder / KEY).read_text(encoding="utf-8") != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / KEY).write_text(key, encoding="utf-8")
    yield folder
