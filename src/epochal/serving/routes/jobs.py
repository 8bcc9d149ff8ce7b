"""`/api/jobs`: files that take longer, scored in the background; what is accepted is not lost."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse

from epochal.serving.messages.answers import JobAnswer, ScoreAnswer
from epochal.serving.messages.documented import file_body, may_answer
from epochal.serving.routes.bundles import BundleName
from epochal.serving.routes.predict import ModelName, Substitute
from epochal.serving.routes.score import (
    CONTENT,
    FILE,
    Kind,
    Simulated,
    describe_results,
    name_model,
    refuse_unknown,
)
from epochal.serving.scored_files import MEDIA_TYPES
from epochal.serving.service.bodies import BOUNDED_BY_ITSELF
from epochal.serving.service.job_files import JobState
from epochal.serving.service.jobs import STATES, Jobs, jobs_of
from epochal.serving.service.problems import Problem
from epochal.serving.service.state import Service
from epochal.serving.service.uploads import receive, upload_folder

JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As the service gave it.")]
KeepSignals = Annotated[
    bool,
    Query(description="Keep the signals with the results until the job expires, to look at them."),
]
ResultFormat = Annotated[Kind, Query(alias="format", description="csv, json, edf or report.")]


def router(service: Service) -> APIRouter:
    """Return the routes; with the application they take up what an earlier process left."""
    jobs = jobs_of(service)

    @asynccontextmanager
    async def live(_: Any) -> AsyncIterator[None]:
        await asyncio.to_thread(jobs.start)
        _measure(service, jobs)
        try:
            yield
        finally:
            jobs.stop()

    routes = APIRouter(prefix="/api/jobs", tags=["jobs"], lifespan=live)
    _add_submission(routes, service, jobs)
    _add_states(routes, service, jobs)
    _add_results(routes, jobs)
    return routes


def _add_submission(routes: APIRouter, service: Service, jobs: Jobs) -> None:
    @routes.post(
        "",
        status_code=202,
        max_body_size=BOUNDED_BY_ITSELF,
        summary="Score a file in the background",
        responses=may_answer(400, 404, 413, 415, 422, 507),
        openapi_extra=file_body(FILE),
    )
    async def submit(
        request: Request,
        response: Response,
        bundle: BundleName = None,
        model: ModelName = None,
        substitute: Substitute = False,
        simulated: Simulated = False,
        keep_signals: KeepSignals = False,
    ) -> JobAnswer:
        """Take a file on as `/score` does, and answer at once: `Location` says where it stands.

        What was accepted is on disk, and done even if the service is killed meanwhile.
        """
        jobs.check_room()
        refuse_unknown(service, bundle, model)  # before gigabytes come for nothing
        with upload_folder(service.work_folder) as folder:
            limit = service.options.max_upload_bytes
            upload = await receive(request, folder, max_bytes=limit, simulated=simulated)
            state = JobState(
                id=uuid.uuid4().hex,
                file=upload.path.relative_to(folder).as_posix(),
                name=upload.name,
                bundle=bundle,
                model=model,
                substitute=substitute,
                keep_signals=keep_signals,
            )
            await asyncio.to_thread(jobs.accept, folder, state)
        response.headers["Location"] = _address(request, state.id)
        return _answer(jobs, request, state, keep_s=service.options.keep_jobs_s)


def _add_states(routes: APIRouter, service: Service, jobs: Jobs) -> None:
    @routes.get("", summary="Every job", responses=may_answer())
    def jobs_all(request: Request) -> list[JobAnswer]:
        """List the jobs, the oldest first."""
        return [
            _answer(jobs, request, state, keep_s=service.options.keep_jobs_s)
            for state in jobs.files.states()
        ]

    @routes.get("/{job_id}", summary="How a job stands", responses=may_answer(404, 422))
    def job(request: Request, job_id: JobId) -> JobAnswer:
        """Return a job with its stage and how far it is."""
        state = _find(jobs, job_id)
        return _answer(jobs, request, state, keep_s=service.options.keep_jobs_s)


def _add_results(routes: APIRouter, jobs: Jobs) -> None:
    @routes.get(
        "/{job_id}/result",
        summary="What came of a job",
        responses={
            **may_answer(404, 406, 409, 422),
            200: {"model": ScoreAnswer, "content": CONTENT, "description": "The results."},
        },
    )
    def result(job_id: JobId, kind: ResultFormat = "csv") -> FileResponse:
        """Return the results in a format; 409 while there are none."""
        state = _find(jobs, job_id)
        if state.status != "done":
            raise Problem(409, f"the job is {state.status}: it has no results", job=state.status)
        path = jobs.files.result(job_id, kind)
        if path is None:
            there = ", ".join(jobs.files.kinds(job_id))
            raise Problem(406, f"no '{kind}' of several recordings; there are {there}")
        headers = describe_results(
            state.name,
            kind,
            state.data_source or "simulated",
            seen=state.in_sample,
            problems=state.problems,
        )
        headers |= name_model(state.bundle, state.model)
        return FileResponse(path, media_type=MEDIA_TYPES[kind], headers=headers)

    @routes.delete(
        "/{job_id}", status_code=204, summary="Delete a job", responses=may_answer(404, 422)
    )
    def delete(job_id: JobId) -> None:
        """Delete a job, its upload and its results; what is under way comes to nothing."""
        if not jobs.files.delete(job_id):
            raise Problem(404, "no such job; those that are over expire")


def _find(jobs: Jobs, job_id: str) -> JobState:
    state = jobs.files.read(job_id)
    if state is None:
        raise Problem(404, "no such job; those that are over expire")
    return state


def _answer(jobs: Jobs, request: Request, state: JobState, *, keep_s: float) -> JobAnswer:
    address = _address(request, state.id)
    over = state.finished_at
    keep = timedelta(seconds=keep_s)
    kinds = jobs.files.kinds(state.id) if state.status == "done" else []
    return JobAnswer(
        id=state.id,
        status=state.status,
        stage=state.stage,
        percent=state.percent,
        file=state.name,
        bundle=state.bundle,
        model=state.model,
        created_at=state.created_at.isoformat(),
        finished_at=over.isoformat() if over else None,
        expires_at=(over + keep).isoformat() if over else None,
        data_source=state.data_source,
        in_sample=state.in_sample,
        problems=state.problems,
        error=state.error,
        results={kind: f"{address}/result?format={kind}" for kind in kinds},
    )


def _address(request: Request, job_id: str) -> str:
    return request.url_for("job", job_id=job_id).path


def _measure(service: Service, jobs: Jobs) -> None:
    service.metrics.watch_jobs(jobs.count, STATES)
