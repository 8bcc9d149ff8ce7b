"""Jobs: files that are scored in the background, one after the other, and survive the process.

Their state lies on disk (`job_files`); a service that starts takes up what is not over.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import threading
from collections import Counter
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from epochal.errors import EpochalError
from epochal.serving.scored_files import (
    ScoredOne,
    Work,
    in_sample,
    problems_of,
    source_of,
    write_answer,
)
from epochal.serving.service import logs
from epochal.serving.service.job_files import JobFolder, JobState
from epochal.serving.service.problems import Problem, reason_of
from epochal.serving.service.scoring_work import score_upload
from epochal.serving.service.state import Service
from epochal.serving.service.uploads import FOLDER as UPLOADS

logger = logging.getLogger(__name__)
STATES = ("waiting", "running", "done", "failed")
MAX_ATTEMPTS = 3  # one that ends the process again and again is given up
RETENTION = "The upload was deleted once it was scored; these results are deleted at `expires_at`."
WITH_SIGNALS = RETENTION.replace("these results", "its signals and these results")
_LONGEST_NAP_S = 60.0
# where each stage lies in a hundred
_PERCENT = {"reading": (5, 10), "scoring": (10, 85), "writing": (85, 99)}


class Jobs:
    """The jobs of a service, and the thread that works them off."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._sole: IO[bytes] | None = None

    @cached_property
    def files(self) -> JobFolder:
        """Where the jobs lie."""
        return JobFolder(self._service.work_folder)

    def start(self) -> None:
        """Take up what an earlier process left, and clear away what nobody was promised.

        Where another process works in the same folder, its jobs are left to it; in a temporary
        folder there are none.
        """
        if self._service.options.work_folder is None:
            return
        self._sole = _hold(self._service.work_folder / "in-use")
        if self._sole is not None:
            shutil.rmtree(self._service.work_folder / UPLOADS, ignore_errors=True)
            for state in self.files.states():
                if not state.is_over:
                    self._queue.put(state.id)
            self._begin()

    def stop(self) -> None:
        """Take up no more; what is under way is taken up again at the next start."""
        self._queue.put(None)
        if self._sole is not None:
            self._sole.close()

    def check_room(self) -> None:
        """Refuse a job while too many wait: a 429 `Problem`."""
        waiting, allowed = self._queue.qsize(), self._service.options.max_waiting
        if waiting > allowed:
            raise Problem(429, f"{waiting} jobs are waiting; try again later")

    def accept(self, folder: Path, state: JobState) -> None:
        """Take a job on: it is on disk when this returns."""
        self.files.accept(folder, state)
        self._queue.put(state.id)
        self._begin()

    def count(self) -> Counter[str]:
        """Return how many jobs are in each state."""
        return Counter(state.status for state in self.files.states())

    def _begin(self) -> None:
        """Begin the thread, a daemon: a service that stops waits for no long job."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="jobs")
                self._thread.start()

    def _work(self) -> None:
        keep_s = self._service.options.keep_jobs_s
        while True:
            try:
                job_id = self._queue.get(timeout=min(keep_s / 2, _LONGEST_NAP_S))
                if job_id is None:
                    return
                self._do(job_id)
            except queue.Empty:
                pass
            except Exception:  # the next job must not suffer
                logger.exception("a job's own failure")
            with contextlib.suppress(OSError):
                self.files.sweep(keep_s)

    def _do(self, job_id: str) -> None:
        state = self.files.read(job_id)
        if state is None or state.is_over:
            return
        state = state.model_copy(update={"attempts": state.attempts + 1, "status": "running"})
        if state.attempts > MAX_ATTEMPTS:
            detail = f"given up: the service ended {MAX_ATTEMPTS} times while it was at work on it"
            self._fail(state, 500, detail)
        elif self.files.write(state):
            with logs.working_on(job_id):
                self._score(state)

    def _score(self, state: JobState) -> None:
        try:
            work, done = score_upload(
                self._service,
                self.files.upload(state),
                state.name,
                bundle=state.bundle,
                model=state.model,
                allow_substitution=state.substitute,
                tell=lambda stage, share: self._tell(state, stage, share),
            )
            self._tell(state, "writing", 0.0)
            if state.keep_signals:
                self.files.keep_signals(state, [one.recording for one in done])
            told = WITH_SIGNALS if state.keep_signals else RETENTION
            if self.files.keep_results(state, _write_all(work, done, told)):
                self._finish(state, work, done)
        except EpochalError as error:
            status, members = (
                (error.status, error.members) if isinstance(error, Problem) else (422, {})
            )
            self._fail(state, status, reason_of(error), **members)
        except Exception as error:
            logger.exception("a job failed")
            self._fail(state, 500, f"an unforeseen failure ({type(error).__name__})")

    def _tell(self, state: JobState, stage: str, share: float) -> None:
        low, high = _PERCENT[stage]
        percent = round(low + share * (high - low))
        self.files.write(state.model_copy(update={"stage": stage, "percent": percent}))

    def _finish(self, state: JobState, work: Work, done: list[ScoredOne]) -> None:
        self._end(
            state,
            status="done",
            percent=100,
            bundle=work.bundle,
            model=work.scorer.manifest.headline,
            data_source=source_of(done),
            in_sample=in_sample(done),
            problems=problems_of(done),
        )

    def _fail(self, state: JobState, status: int, detail: str, **members: Any) -> None:
        self._end(state, status="failed", error={"status": status, "detail": detail, **members})

    def _end(self, state: JobState, **facts: object) -> None:
        ended = {**facts, "stage": facts["status"], "finished_at": datetime.now(UTC)}
        if self.files.write(state.model_copy(update=ended)):
            self.files.drop_upload(state)


def jobs_of(service: Service) -> Jobs:
    """Return the jobs of a service, which all its routes share."""
    jobs = service.__dict__.get("jobs")
    if not isinstance(jobs, Jobs):
        jobs = service.__dict__["jobs"] = Jobs(service)
    return jobs


def _write_all(work: Work, done: list[ScoredOne], retention: str) -> dict[str, bytes]:
    """Return the results in every format that there is for them."""
    kinds = ("csv", "json", "edf", "report") if len(done) == 1 else ("csv", "json")
    return {kind: write_answer(work, done, kind, retention) for kind in kinds}


def _hold(path: Path) -> IO[bytes] | None:
    """Return a file that this process alone holds until it ends; None where another does."""
    try:
        import fcntl
    except ImportError:  # not on this system: one process is the rule
        return path.open("wb")
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
