"""One row per scored recording, in a table that several calls may add to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from epochal.errors import EpochalError
from epochal.hypnogram.sleep_statistics import DEFINITIONS
from epochal.recording import Recording
from epochal.serving.bundle import Manifest
from epochal.serving.report.facts import class_rows
from epochal.serving.report.material import gather
from epochal.serving.report.page import is_night
from epochal.serving.report.sleep import measure_night
from epochal.serving.scoring import Scored

NAME = "summary.csv"
KEY = "results"
LIGHTS_NOT_USED = "lights_not_used"
_TOLD = ("recording_id", "study", "model", "data_source", "epoch_length_s", "n_epochs",
         "n_flagged", "mean_confidence")  # fmt: skip


def summarise(
    name: str, recording: Recording, scored: Scored, manifest: Manifest
) -> dict[str, Any]:
    """Return the row of a recording whose results are called `name`.

    Facts of the scoring, minutes and mean confidence per class, and for a night the AASM's
    statistics by the names of `DEFINITIONS`, empty where they are not available, and why the
    lights' times were not used, where they could not be.
    """
    material = gather(recording, scored, manifest)
    row: dict[str, Any] = {KEY: name, **{key: scored.summary[key] for key in _TOLD}}
    row["artefact_min"] = float(material.artefact.sum()) * material.step_s / 60
    row["n_substituted"] = len(scored.summary["substitutions"])
    for found in class_rows(material):
        row[f"minutes_{found.name}"] = found.minutes
        row[f"confidence_{found.name}"] = found.confidence
    if is_night(material):
        night = measure_night(material)
        row |= {key: night.statistics.values[key] for key in DEFINITIONS}
        row[LIGHTS_NOT_USED] = night.problem
    return row


def merge_summary(path: Path, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the table at `path` with these rows added; one of the same results is replaced.

    A file there that is no such table raises `EpochalError`.
    """
    new = pd.DataFrame(rows).round(6)
    if not path.is_file():
        return new
    try:
        old = pd.read_csv(path, dtype={KEY: str, "recording_id": str}, keep_default_na=False)
    except ValueError as error:
        raise EpochalError(f"{path}: not a table of summaries ({error})") from error
    if KEY not in old:
        raise EpochalError(f"{path}: not a table of summaries (no column '{KEY}')")
    kept = old[~old[KEY].isin(new[KEY])]
    return pd.concat([kept.astype(object), new.astype(object)], ignore_index=True)
