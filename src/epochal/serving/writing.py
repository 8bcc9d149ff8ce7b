"""The files that hold a scored recording: each whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from epochal.recording import Recording
from epochal.serving.bundle import Scorer
from epochal.serving.scoring import Scored


class Extras(NamedTuple):
    """What is written of a recording beside its table and its JSON."""

    plot: bool = False
    edf: bool = False
    report: bool = False


def write_results(
    recording: Recording, scored: Scored, scorer: Scorer, *, base: Path, extras: Extras
) -> None:
    """Write `<base>.epochs.csv`, `<base>.json` and the extras, each to a temporary name first."""
    with replacing(base, ".epochs.csv") as path:
        scored.epochs.to_csv(path, index=False)
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
    """Add the rows of recordings to the folder's `summary.csv`."""
    from epochal.serving.summary_table import NAME, merge_summary

    table = merge_summary(out / NAME, rows)
    with replacing(out / "summary", ".csv") as path:
        table.to_csv(path, index=False)


@contextmanager
def replacing(base: Path, suffix: str) -> Iterator[Path]:
    """Give a temporary name to write to, which becomes `<base><suffix>` once all is written."""
    target = base.with_name(base.name + suffix)
    temporary = target.with_name(f".part-{os.getpid()}-{target.name}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
