"""The curves of a training as it goes: a table on disk, the log, and whoever else listens."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

_LOG = logging.getLogger(__name__)
CURVES = "curves.csv"


class FitPlace(NamedTuple):
    """Where one fit keeps its curve and its state, and what it is called."""

    folder: Path
    model: str
    part: str  # of a cross-fit: `fold_0`, `refit`


class Pass(NamedTuple):
    """What the plain trainer knows after one pass over the training rows."""

    loss: float
    learning_rate: float


@dataclass(frozen=True)
class CurvePoint:
    """What is known after one pass over the training rows; validation figures are selection."""

    model: str
    part: str
    epoch: int
    train_loss: float
    learning_rate: float
    seconds: float
    val_loss: float | None = None
    val_kappa: float | None = None
    val_accuracy: float | None = None


# Called with every point: a tracker, a dashboard. Domain code does not know who they are.
LISTENERS: list[Callable[[CurvePoint], None]] = []


def note_point(point: CurvePoint, folder: Path | None) -> None:
    """Log a point, tell the listeners, and append it to the folder's table, if there is one."""
    tell_point(point)
    if folder is not None:
        append_point(point, folder)


def tell_point(point: CurvePoint) -> None:
    """Log a point, and tell the listeners."""
    kappa = "" if point.val_kappa is None else f", validation κ {point.val_kappa:.3f}"
    _LOG.info(
        "%s %s: pass %d, loss %.4f%s", point.model, point.part, point.epoch, point.train_loss, kappa
    )
    for listener in LISTENERS:
        listener(point)


def write_curve(passes: Iterable[Pass], place: FitPlace, *, tell: bool = False) -> None:
    """Go through a training, and write the fit's table anew, a line as each pass is done.

    Only with `tell` do the log and the listeners hear of it: a small network over columns takes
    hardly longer than a tracker would.
    """
    began_s = time.monotonic()
    place.folder.mkdir(parents=True, exist_ok=True)
    (place.folder / CURVES).unlink(missing_ok=True)
    for epoch, (loss, rate) in enumerate(passes, start=1):
        seconds = time.monotonic() - began_s
        point = CurvePoint(place.model, place.part, epoch, loss, rate, seconds)
        note = note_point if tell else append_point
        note(point, place.folder)


def append_point(point: CurvePoint, folder: Path) -> None:
    """Append a point to the folder's table."""
    path = folder / CURVES
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [one.name for one in fields(CurvePoint)])
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(point))


def read_points(folder: Path) -> list[CurvePoint]:
    """Return the points in a folder's table; none without one."""
    path = folder / CURVES
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [_read_point(row) for row in csv.DictReader(file)]


def _read_point(row: dict[str, str]) -> CurvePoint:
    model, part, epoch = (row.pop(name) for name in ("model", "part", "epoch"))
    numbers: dict[str, Any] = {name: float(text) if text else None for name, text in row.items()}
    return CurvePoint(model, part, int(epoch), **numbers)
