"""The curves of a training as it goes: a table on disk, the log, and whoever else listens."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

_LOG = logging.getLogger(__name__)
CURVES = "curves.csv"


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
    kappa = "" if point.val_kappa is None else f", validation κ {point.val_kappa:.3f}"
    _LOG.info(
        "%s %s: pass %d, loss %.4f%s", point.model, point.part, point.epoch, point.train_loss, kappa
    )
    for listener in LISTENERS:
        listener(point)
    if folder is None:
        return
    path = folder / CURVES
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [one.name for one in fields(CurvePoint)])
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(point))
