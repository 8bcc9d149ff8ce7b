"""Where the signals and the scores of a reviewed recording come from: a job, or a study's run."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd

from epochal.errors import EpochalError
from epochal.labels import PROBA
from epochal.recording import Recording, read_recording
from epochal.serving.results import StudyRun, find_study
from epochal.serving.reviewing import Origin, ReviewCard, now, safe_id
from epochal.serving.service.jobs import jobs_of
from epochal.serving.service.problems import Problem
from epochal.serving.service.state import Service

_JOB_ID = re.compile("[0-9a-f]{32}")  # as the service gives them


class ReviewSources:
    """Finds recordings by their origin; samples stay in their files until they are asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self, origin: Origin, recording_id: str | None) -> tuple[ReviewCard, pd.DataFrame]:
        """Return what a review of a recording begins with: its card, and its scored epochs."""
        if origin.kind == "job":
            return self._describe_job(origin, recording_id)
        if recording_id is None:
            raise EpochalError("Say which recording of the study: recording_id")
        return describe_of_study(self._study(origin), recording_id)

    def recording(self, origin: Origin, recording_id: str | None = None) -> Recording:
        """Return a recording with its signals; one that is gone raises a 404 `Problem`."""
        if origin.kind == "job":
            return self._recording_of_job(origin.name, recording_id)
        path = self._study(origin).recording_file(recording_id or "")
        if path is None:
            raise Problem(404, f"the signals of '{recording_id}' are not in the study's folder")
        return read_recording(path)

    def _describe_job(
        self, origin: Origin, recording_id: str | None
    ) -> tuple[ReviewCard, pd.DataFrame]:
        files = jobs_of(self._service).files
        path = files.result(origin.name, "json") if _JOB_ID.fullmatch(origin.name) else None
        if path is None:
            raise Problem(404, f"no results of a job '{origin.name}'")
        answer = json.loads(path.read_text(encoding="utf-8"))
        named = {one["summary"]["recording_id"]: one for one in answer["recordings"]}
        chosen = recording_id or next(iter(named))
        if chosen not in named:
            raise Problem(404, f"the job has no recording '{chosen}'")
        place = list(named).index(chosen)
        return describe_of_job(origin, named[chosen], place)

    def _recording_of_job(self, job_id: str, recording_id: str | None) -> Recording:
        paths = jobs_of(self._service).files.signals(job_id) if _JOB_ID.fullmatch(job_id) else []
        for path in paths:
            recording = read_recording(path)
            if recording_id in (None, recording.recording_id):
                return recording
        if paths:
            raise Problem(404, f"the job has no recording '{recording_id}'")
        raise Problem(404, "no signals: keep_signals was not asked for, or the job has expired")

    def _study(self, origin: Origin) -> StudyRun:
        return find_study(self._service.options.results_folder, origin.name)


def describe_of_job(
    origin: Origin, scored: dict[str, Any], place: int
) -> tuple[ReviewCard, pd.DataFrame]:
    """Return the card and the epochs of a recording that a job scored, by its place in the file."""
    summary, epochs = scored["summary"], pd.DataFrame(scored["epochs"])
    recording_id = str(summary["recording_id"])
    proba = [str(name) for name in epochs if str(name).startswith(PROBA)]
    shown = ["epoch", "onset_s", "label", "confidence", "flags", *proba]
    card = ReviewCard(
        id=f"job--{origin.name}--{place}",  # no name of a file: it may be a person's
        recording_id=recording_id,
        origin=origin,
        model=summary["model"],
        classes=[name.removeprefix(PROBA) for name in proba],
        data_source=summary["data_source"],
        epoch_length_s=summary["epoch_length_s"],
        made_at=now(),
    )
    return card, epochs[shown]


def describe_of_study(run: StudyRun, recording_id: str) -> tuple[ReviewCard, pd.DataFrame]:
    """Return the card and the epochs of a study's recording, as its headline model scored it."""
    rows, study = run.epochs_of(recording_id), run.describe()
    shown = ["epoch", "onset_s", "said", "confidence", "label"]
    proba = [str(name) for name in rows if str(name).startswith(PROBA)]
    epochs = rows[[*shown, *proba]].rename(columns={"label": "expert", "said": "label"})
    card = ReviewCard(
        id=safe_id(f"{run.name}--{recording_id}"),
        recording_id=recording_id,
        origin=Origin(kind="study", name=run.name),
        model=study.headline or "the headline model",
        classes=study.classes,
        data_source=study.data_source or "unknown",
        epoch_length_s=study.epoch_length_s or 30.0,
        made_at=now(),
    )
    return card, epochs
