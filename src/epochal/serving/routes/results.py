"""`/api/results`: what the dashboard shows of the studies that have run, or are running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from epochal.errors import EpochalError, explain
from epochal.provenance import RESEARCH_USE
from epochal.serving.messages.documented import may_answer
from epochal.serving.results import (
    Curves,
    StudyCard,
    Table,
    TableName,
    epochs_table,
    find_studies,
    find_study,
)
from epochal.serving.service.problems import Problem
from epochal.serving.service.state import Service

Since = Annotated[float, Query(ge=0, description="Only what was written later, s since 1970.")]


class RecordingEpochs(BaseModel):
    """The headline's rows of one recording, by column."""

    recording_id: str
    study: str
    data_source: str | None
    notice: str = RESEARCH_USE
    epochs: dict[str, Any]


def router(service: Service) -> APIRouter:
    """Return the routes of studies' results; they read files, and compute nothing."""
    routes = APIRouter(prefix="/api/results", tags=["results"], responses=may_answer(404, 422))
    folder = service.options.results_folder

    @routes.get("", summary="The studies that have results")
    def studies() -> list[StudyCard]:
        """List the studies under the results folder, by name."""
        return [run.describe() for run in find_studies(folder)]

    @routes.get("/{study}", summary="What must be known beside a study's figures")
    def study_card(study: str) -> StudyCard:
        """Return a study's classes, caveats, headline model and data source."""
        with missing_as_404():
            return find_study(folder, study).describe()

    @routes.get("/{study}/tables/{name}", summary="One table of a study's evaluation")
    def table(study: str, name: TableName) -> Table:
        """Return a table that the evaluation pipeline wrote, as it wrote it."""
        with missing_as_404():
            return find_study(folder, study).table(name)

    @routes.get("/{study}/training", summary="Training curves, also while training goes on")
    def training(study: str, since: Since = 0.0) -> list[Curves]:
        """Return the curves of every training; ask again with the newest `changed_at`."""
        with missing_as_404():
            return find_study(folder, study).trainings(since=since)

    @routes.get("/{study}/playback", summary="Two subjects × 200 epochs, all models at once")
    def playback(study: str) -> dict[str, Any]:
        """Return the truth, and what every model says, of epochs that no model was fitted on."""
        with missing_as_404():
            return find_study(folder, study).playback() | {"notice": RESEARCH_USE}

    @routes.get("/{study}/recordings/{recording_id}", summary="A recording's epochs")
    def recording(study: str, recording_id: str) -> RecordingEpochs:
        """Return what the headline model, which has not seen it, says of one recording."""
        with missing_as_404():
            run = find_study(folder, study)
            return RecordingEpochs(
                recording_id=recording_id,
                study=study,
                data_source=run.describe().data_source,
                epochs=epochs_table(run.epochs_of(recording_id)),
            )

    return routes


@contextmanager
def missing_as_404() -> Iterator[None]:
    """Answer 404 where something asked for by name is not there."""
    try:
        yield
    except Problem:
        raise
    except EpochalError as error:
        raise Problem(404, explain(error)) from error
