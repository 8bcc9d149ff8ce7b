"""The folder of one fit: what it leaves there is of no other, and an interrupted one finds it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
from sklearn.pipeline import Pipeline

from epochal.errors import EpochalError
from epochal.places import held

KEY, LOCK = "key", ".lock"


def tell_place(estimator: Any, **facts: str | None) -> None:
    """Tell a network, alone or at a pipeline's end, the `name`, `folder` or `part` of its fit.

    An estimator that keeps nothing has no such attributes, and hears nothing.
    """
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    for fact, value in facts.items():
        if hasattr(last, fact):
            setattr(last, fact, value)


@contextmanager
def open_workplace(folder: Path | None, made_from: Any) -> Iterator[Path]:
    """Give the folder of a fit, emptied where another's files lie in it; None: a passing one.

    `made_from` is all that the fit follows from. A folder that another fit is at work in raises
    `EpochalError`.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as passing:
            yield Path(passing)
        return
    folder.mkdir(parents=True, exist_ok=True)
    taken = EpochalError(
        f"{folder}: another fit is at work here; give this one `deep_models.checkpoints` of its own"
    )
    with held(folder / LOCK, taken):
        key = str(joblib.hash(made_from))
        if not (folder / KEY).is_file() or (folder / KEY).read_text(encoding="utf-8") != key:
            _empty(folder)
            (folder / KEY).write_text(key, encoding="utf-8")
        yield folder


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
