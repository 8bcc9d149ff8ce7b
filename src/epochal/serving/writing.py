"""The files that hold a scored recording: each whole or absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from epochal.errors import EpochalError
from epochal.places import held, writing
from epochal.recording import Recording
from epochal.serving.bundle import Scorer
from epochal.serving.scoring import Scored

EPOCHS_CSV = ".epochs.csv"


class Extras(NamedTuple):
    """What is written of a recording beside its table and its JSON."""

    plot: bool = False
    edf: bool = False
    report: bool = False


def make_folder(folder: Path) -> None:
    """Make the folder of results; a place where none can be raises `EpochalError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EpochalError(f"--out {folder}: no folder can be there: {error.strerror}") from error


def with_source(epochs: pd.DataFrame, summary: dict[str, Any]) -> pd.DataFrame:
    """Return a table of epochs as it is written: what its recording stands on is in every row.

    `data_source`, and `in_sample`: whether training saw the recording, empty where nobody knows.
    """
    return epochs.assign(data_source=summary["data_source"], in_sample=summary.get("in_sample"))


def write_results(
    recording: Recording, scored: Scored, scorer: Scorer, *, base: Path, extras: Extras
) -> None:
    """Write `<base>.epochs.csv`, `<base>.json` and the extras, each to a temporary name first."""
    with replacing(base, EPOCHS_CSV) as path:
        with_source(scored.epochs, scored.summary).to_csv(path, index=False)
    with replacing(base, ".json") as path:
        path.write_text(json.dumps(scored.summary, indent=2) + "\n", encoding="utf-8")
    if extras.plot:
        from epochal.plots import draw_scored

        figure = draw_scored(scored.epochs, scored.summary, scorer.manifest.classes)
        with replacing(base, ".hypnogram.png") as path:
            figure.savefig(path, dpi=120)
    if extras.edf:
        from epochal.serving.hypnograms import write_edf_annotations

        with replacing(base, ".hypnogram.edf") as path:
            write_edf_annotations(path, scored.epochs, scored.summary)
    if extras.report:
        from epochal.serving.report.page import make_report

        page = make_report(recording, scored, scorer.manifest)
        with replacing(base, ".report.html") as path:
            path.write_text(page, encoding="utf-8")


def write_summary(out: Path, rows: list[dict[str, Any]]) -> None:
    """Add the rows of recordings to the folder's `summary.csv`, one process after the other."""
    from epochal.serving.summary_table import NAME, merge_summary

    with held(out):
        table = merge_summary(out / NAME, rows)
        with replacing(out / "summary", ".csv") as path:
            table.to_csv(path, index=False)


@contextmanager
def replacing(base: Path, suffix: str) -> Iterator[Path]:
    """Give a temporary name to write to, which becomes `<base><suffix>` once all is written."""
    with writing(base.with_name(base.name + suffix)) as part:
        yield part
