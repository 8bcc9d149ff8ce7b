"""`GET /download`: the Sleep-EDFx download as a service, waited for or in the background.

A GET that does something is what users of the original service call. It takes no address and no
path from its caller: both are the operator's. It has no authentication of its own.
"""

from __future__ import annotations

import threading
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import ValidationError

from epochal.downloads import DownloadError, sleep_edfx
from epochal.downloads.progress import Tally
from epochal.downloads.sleep_edfx import Options
from epochal.errors import EpochalError
from epochal.serving.messages.documented import may_answer
from epochal.serving.service.state import Service

Status = Literal["waiting", "running", "done", "failed"]
_KEPT_JOBS = 50


class Job:
    """One download of a subset, made by a thread of its own."""

    def __init__(self, options: Options) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.options = options
        self.tally = Tally()
        self.over = threading.Event()
        self.status: Status = "waiting"
        self.summary: dict[str, Any] | None = None
        self.error: str | None = None

    def run(self, turn: threading.Lock) -> None:
        """Download when it is its turn: one at a time, for the folder is one."""
        try:
            with turn:
                self.status = "running"
                self.summary = sleep_edfx.download(self.options, self.tally).as_dict()
            self.status = "done"
        except EpochalError as error:
            self.error, self.status = str(error), "failed"
        except Exception as error:  # a job must never be left as running for ever
            self.error, self.status = f"internal error ({type(error).__name__})", "failed"
        finally:
            self.over.set()

    def as_dict(self) -> dict[str, Any]:
        """Return the job as it stands, ready for JSON."""
        return {
            "job": self.id,
            "subset": self.options.subset,
            "status": self.status,
            "progress": self.tally.as_dict(),
            "summary": self.summary,
            "error": self.error,
        }


class Jobs:
    """The jobs of a service; a request for what is being fetched already joins that job."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def start_or_join(self, options: Options) -> Job:
        """Start a job, unless the same is waiting or running."""
        with self._lock:
            for job in self._jobs.values():
                if job.options == options and not job.over.is_set():
                    return job
            job = Job(options)
            self._forget_old()
            self._jobs[job.id] = job
        # A daemon: a server that stops waits for no gigabytes, and nothing is left half-written.
        threading.Thread(target=job.run, args=(self._turn,), daemon=True).start()
        return job

    def get(self, job_id: str) -> Job | None:
        """Return a job by its id."""
        with self._lock:
            return self._jobs.get(job_id)

    def _forget_old(self) -> None:
        over = [job.id for job in self._jobs.values() if job.over.is_set()]
        for job_id in over[: max(len(self._jobs) - _KEPT_JOBS + 1, 0)]:
            del self._jobs[job_id]


def offer(service: Service) -> APIRouter:
    """Return the routes where the operator offers them, else none."""
    return router() if service.options.download else APIRouter()


def router(options: Options | None = None) -> APIRouter:
    """Return the routes `/download` and `/download/{job}`.

    `options` are the operator's: `base_url`, `folder`, how many connections, how patient.
    """
    chosen, jobs, routes = options or Options(), Jobs(), APIRouter(tags=["download"])

    @routes.get(
        "/download",
        summary="Fetch a subset of Sleep-EDFx",
        responses={
            **may_answer(422, 502),
            202: {"description": "It was begun, or is under way: `status_url` says how it stands."},
        },
    )
    def download(
        request: Request,
        response: Response,
        subset: Annotated[sleep_edfx.Subset, Query(description="Which of the two studies.")],
        sync: Annotated[bool, Query(description="Wait for the end.")] = False,
        round_retries: Annotated[int, Query(ge=0, le=100)] = chosen.round_retries,
        ignore_hash: Annotated[bool, Query(description="Believe no earlier hash.")] = False,
        subjects: Annotated[str | None, Query(description="0,1,5-9; default: all.")] = None,
    ) -> dict[str, Any]:
        """Fetch what is missing; with `sync=false`, answer 202 at once with the job to ask for."""
        job = jobs.start_or_join(
            _combine(
                chosen,
                subjects,
                subset=subset,
                round_retries=round_retries,
                ignore_hash=ignore_hash,
            )
        )
        if sync:
            job.over.wait()
        response.status_code = _code(job, sync=sync)
        url = request.url_for("download_status", job_id=job.id).path
        return {**job.as_dict(), "status_url": url}

    @routes.get(
        "/download/{job_id}",
        name="download_status",
        summary="How a download stands",
        responses=may_answer(404, 422),
    )
    def download_status(job_id: str) -> dict[str, Any]:
        """Return a job's status, progress and throughput."""
        job = jobs.get(job_id)
        if job is None:
            raise HTTPException(404, f"No download '{job_id}'")
        return job.as_dict()

    return routes


def _code(job: Job, *, sync: bool) -> int:
    """200 done, 202 under way; 502: the files' own server, or the folder, let us down."""
    if not sync:
        return 202
    return 502 if job.status == "failed" else 200


def _combine(chosen: Options, subjects: str | None, **asked: Any) -> Options:
    try:
        numbers = None if subjects is None else sleep_edfx.parse_subjects(subjects)
        return Options(**{**chosen.model_dump(), **asked, "subjects": numbers})
    except (DownloadError, ValidationError) as error:
        raise HTTPException(422, str(error)) from error
