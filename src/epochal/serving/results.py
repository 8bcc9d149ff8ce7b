"""A study's results as its run wrote them: CSV and JSON under `08_reporting`, and the curves.

Nothing here computes a figure, and nothing needs parquet, Kedro or a training library.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.errors import EpochalError, did_you_mean
from epochal.labels import PROBA
from epochal.serving.bundle import MANIFEST

REPORTING = "08_reporting"
LEADERBOARD = "leaderboard.csv"
TableName = Literal[
    "leaderboard", "results_by_class", "results_by_recording", "results_by_task", "calibration",
    "reliability", "confusions", "roc", "comparisons", "abstention", "vote_bands",
    "sleep_agreement",
]  # fmt: skip
_EPOCHS = "headline_epochs"
_CARD, _PLAYBACK = "study.json", "playback.json"
_CHECKPOINTS = Path("06_models/checkpoints")
_CURVES = "curves.csv"
_LIVE_S = 60.0  # a training that wrote within a minute is taken to go on
_NAMES = ("recording_id", "subject_id", "label", "said", "truth", "class", "task", "model")


class Table(BaseModel):
    """A table as columns' names and rows of values; what is missing is null."""

    columns: list[str]
    rows: list[list[Any]]


class StudyCard(BaseModel):
    """What must be known beside every figure of a study."""

    study: str
    classes: list[str]
    caveats: list[str] = []
    headline: str | None = None
    data_source: str | None = Field(None, description="real, simulated, or both.")
    epoch_length_s: float | None = None
    subjects_known: bool = True
    tables: list[str] = Field(default=[], description="The tables of its run that have rows.")
    has_playback: bool = False
    has_training: bool = False
    has_epochs: bool = Field(False, description="Whether recordings can be looked at and reviewed.")
    changed_at: float | None = Field(None, description="Of its leaderboard, seconds since 1970.")


class Curves(BaseModel):
    """One training of one model: a row per pass over the training rows."""

    model: str
    part: str = Field(description="A fold, or the refit.")
    live: bool = Field(description="Whether it was written to within the last minute.")
    changed_at: float
    table: Table


class StudyRun:
    """The folder of a study, such as `data/demo`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name

    @property
    def has_begun(self) -> bool:
        """Whether there is anything to show: a leaderboard, or a training."""
        return self._path(LEADERBOARD).is_file() or any(self._curves())

    def describe(self) -> StudyCard:
        """Return the study's card; of a run before cards were written, what its tables tell."""
        told = _read_json(self._path(_CARD)) or self._guess()
        board = self._path(LEADERBOARD)
        return StudyCard(
            **{**told, "study": self.name},
            tables=[name for name in get_args(TableName) if _has_rows(self._path(f"{name}.csv"))],
            has_playback=self._path(_PLAYBACK).is_file(),
            has_training=any(self._curves()),
            has_epochs=self._path(f"{_EPOCHS}.csv").is_file(),
            changed_at=board.stat().st_mtime if board.is_file() else None,
        )

    def table(self, name: TableName) -> Table:
        """Return a table of its run; one that is not there raises `EpochalError`."""
        return to_table(_cached(self._there(f"{name}.csv")))

    def playback(self) -> dict[str, Any]:
        """Return the playback that its run wrote; none there raises `EpochalError`."""
        return json.loads(self._there(_PLAYBACK).read_text(encoding="utf-8"))

    def epochs_of(self, recording_id: str) -> pd.DataFrame:
        """Return the headline's rows of one recording, by epoch.

        A recording that the study does not have raises `EpochalError`.
        """
        rows = self.headline_epochs()
        own = rows[rows["recording_id"] == recording_id]
        if own.empty:
            near = did_you_mean(recording_id, rows["recording_id"].unique())
            raise EpochalError(f"'{self.name}' has no recording '{recording_id}'{near}")
        return own.reset_index(drop=True)

    def headline_epochs(self) -> pd.DataFrame:
        """Return what the headline model says of every epoch that it has not seen."""
        return _cached(self._there(f"{_EPOCHS}.csv"))

    def trainings(self, *, since: float = 0.0) -> list[Curves]:
        """Return the trainings that were written to after `since`, in seconds since 1970."""
        found = [(path, path.stat().st_mtime) for path in sorted(self._curves())]
        return [
            _read_curves(path, path.parent.relative_to(self._fits), changed)
            for path, changed in found
            if changed > since
        ]

    def recording_file(self, recording_id: str) -> Path | None:
        """Return where a recording's signals lie; None where the run's folder lacks them."""
        folder = self.folder / "02_intermediate/recordings"
        listed = {path.stem: path for path in folder.glob("*.h5")} if folder.is_dir() else {}
        return listed.get(recording_id)

    @property
    def _fits(self) -> Path:
        return self.folder / _CHECKPOINTS

    def _curves(self) -> Iterator[Path]:
        return self._fits.rglob(_CURVES)

    def _path(self, name: str) -> Path:
        return self.folder / REPORTING / name

    def _there(self, name: str) -> Path:
        path = self._path(name)
        if not path.is_file():
            raise EpochalError(f"'{self.name}' has no {name}: run the study's evaluation")
        return path

    def _guess(self) -> dict[str, Any]:
        bundle = _read_json(self.folder / "07_model_output/bundle" / MANIFEST) or {}
        known = {"classes", "caveats", "headline"} & set(bundle)
        told: dict[str, Any] = {name: bundle[name] for name in known}
        if not self._path(LEADERBOARD).is_file():
            return {"classes": [], **told}
        board = _cached(self._path(LEADERBOARD))
        classes = [str(name)[3:] for name in board if str(name).startswith("f1_")]
        sources = "/".join(sorted(set(board["data_source"])))
        return {"classes": classes, "data_source": sources, **told}


def find_studies(folder: Path) -> list[StudyRun]:
    """Return the studies of a data folder that have a leaderboard or a training, by name."""
    runs = [StudyRun(path) for path in sorted(folder.glob("*")) if path.is_dir()]
    return [run for run in runs if run.has_begun]


def find_study(folder: Path, name: str) -> StudyRun:
    """Return a study by name; one that is not there raises `EpochalError` with those that are."""
    runs = {run.name: run for run in find_studies(folder)}
    if name not in runs:
        listed = ", ".join(runs) or "none has run"
        raise EpochalError(f"No results of a study '{name}'; there are: {listed}")
    return runs[name]


def to_table(frame: pd.DataFrame) -> Table:
    """Return a frame as names and rows, NaN and infinities as None."""
    columns = [_plain(frame[name]) for name in frame]
    return Table(columns=list(frame), rows=[list(row) for row in zip(*columns, strict=True)])


def epochs_table(rows: pd.DataFrame) -> dict[str, Any]:
    """Return epochs by column: lists of equal length, probabilities as one list per class."""
    named = {str(name): _plain(rows[name]) for name in rows if not str(name).startswith(PROBA)}
    proba = {str(name).removeprefix(PROBA): _plain(rows[name]) for name in rows
             if str(name).startswith(PROBA)}  # fmt: skip
    return named | {"proba": proba}


def _plain(column: pd.Series) -> list[Any]:
    if column.dtype.kind == "f":
        finite = np.isfinite(column.to_numpy())
        return [v if known else None for v, known in zip(column.tolist(), finite, strict=True)]
    return [None if value is None or value != value else value for value in column.tolist()]


def _cached(path: Path) -> pd.DataFrame:
    stat = path.stat()
    return _read_csv(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=24)
def _read_csv(path: Path, _changed: int, _size: int) -> pd.DataFrame:
    """Read a table anew only when its file has changed; names like 007 or NA stay what they are."""
    return pd.read_csv(
        path, dtype=dict.fromkeys(_NAMES, "str"), keep_default_na=False, na_values=[""]
    )


def _has_rows(path: Path) -> bool:
    """Say whether a table is there and has more than its names."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8") as file:
        return bool(file.readline()) and bool(file.readline().strip())


def _read_json(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _read_curves(path: Path, fit: Path, changed: float) -> Curves:
    """Read a training's curve; a line that is still being written waits for the next time.

    `fit` is the model, the part, and below that what came before it: `net/fold_0/pretraining`.
    """
    text = path.read_text(encoding="utf-8")
    lines = [line.split(",") for line in text[: text.rfind("\n") + 1].splitlines()]
    header, rows = (lines[0], lines[1:]) if lines else ([], [])
    skipped = [at for at, name in enumerate(header) if name in {"model", "part"}]
    return Curves(
        model=fit.parts[0],
        part=".".join(fit.parts[1:]),
        live=time.time() - changed < _LIVE_S,
        changed_at=changed,
        table=Table(
            columns=[name for at, name in enumerate(header) if at not in skipped],
            rows=[
                [_number(value) for at, value in enumerate(row) if at not in skipped]
                for row in rows
                if len(row) == len(header)
            ],
        ),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
