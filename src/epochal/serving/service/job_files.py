"""A job on disk: a folder with its state, the upload while it is needed, and its results.

What is acknowledged is on disk first: files are written under another name, flushed, and renamed.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from epochal.recording import Recording, no_annotations, write_recording
from epochal.serving.messages.answers import JobStatus

FOLDER, STATE = "jobs", "job.json"
_RESULT, _SIGNALS = "result.", "signals."


class JobState(BaseModel):
    """All that is known of a job."""

    id: str
    file: str = Field(description="Where the upload lies in the job's folder.")
    name: str = Field(description="The sender's name of it, made harmless.")
    bundle: str | None
    model: str | None = Field(None, description="As asked for; once it is done, what answered.")
    substitute: bool = False
    keep_signals: bool = Field(False, description="Until the job expires, for the dashboard.")
    status: JobStatus = "waiting"
    stage: str = "waiting"
    percent: int = 0
    attempts: int = 0
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    finished_at: datetime | None = None
    data_source: str | None = None
    in_sample: bool | None = None
    problems: list[str] = Field(default_factory=list)
    error: dict[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in {"done", "failed"}


class JobFolder:
    """The folders of all jobs of a service."""

    def __init__(self, work_folder: Path) -> None:
        self.root = work_folder / FOLDER
        self.root.mkdir(parents=True, exist_ok=True)

    def accept(self, folder: Path, state: JobState) -> None:
        """Make an upload's folder a job: once this returns, it survives a power cut."""
        _sync(folder / state.file)
        _sync((folder / state.file).parent)
        write_whole(folder / STATE, state.model_dump_json().encode())
        folder.rename(self.root / state.id)
        _sync(self.root)

    def read(self, job_id: str) -> JobState | None:
        """Return a job as it stands; None where there is none of that id."""
        try:
            return JobState.model_validate_json((self._of(job_id) / STATE).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, state: JobState) -> bool:
        """Write a job as it stands; False where it was deleted meanwhile."""
        try:
            write_whole(self._of(state.id) / STATE, state.model_dump_json().encode())
        except FileNotFoundError:
            return False
        return True

    def states(self) -> Iterator[JobState]:
        """Yield all jobs, the oldest first."""
        found = (self.read(path.name) for path in self.root.glob("[!.]*"))
        yield from sorted((one for one in found if one), key=lambda one: one.created_at)

    def upload(self, state: JobState) -> Path:
        """Return where a job's upload lies."""
        return self._of(state.id) / state.file

    def keep_results(self, state: JobState, results: dict[str, bytes]) -> bool:
        """Write the results; False where the job was deleted meanwhile."""
        folder = self._of(state.id)
        try:
            for kind, content in results.items():
                write_whole(folder / f"{_RESULT}{kind}", content)
        except FileNotFoundError:
            return False
        return True

    def drop_upload(self, state: JobState) -> None:
        """Delete all but the state and the results: what was sent is not kept."""
        for path in self._of(state.id).iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != STATE and not path.name.startswith((_RESULT, _SIGNALS)):
                path.unlink(missing_ok=True)

    def keep_signals(self, state: JobState, recordings: list[Recording]) -> None:
        """Write the recordings' signals, without labels; they go when the job does."""
        for place, recording in enumerate(recordings):
            path = self._of(state.id) / f"{_SIGNALS}{place:03d}.h5"
            part = path.with_name(f"part-{path.name}")
            write_recording(part, replace(recording, annotations=no_annotations(), table=None))
            part.replace(path)

    def signals(self, job_id: str) -> list[Path]:
        """Return the files of a job's recordings, in their order; none where they were not kept."""
        return sorted(self._of(job_id).glob(f"{_SIGNALS}*.h5"))

    def result(self, job_id: str, kind: str) -> Path | None:
        """Return a result's file; None where there is none."""
        path = self._of(job_id) / f"{_RESULT}{kind}"
        return path if path.is_file() else None

    def kinds(self, job_id: str) -> list[str]:
        """Return the formats that a job's results are there in."""
        return sorted(path.name[len(_RESULT) :] for path in self._of(job_id).glob(f"{_RESULT}*"))

    def delete(self, job_id: str) -> bool:
        """Delete a job with all its files; False where there is none."""
        gone = self.root / f".gone-{uuid.uuid4().hex}"
        try:
            self._of(job_id).rename(gone)  # at once: nobody sees half of it
        except OSError:
            return False
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def sweep(self, keep_s: float) -> list[str]:
        """Delete what has been over for longer, and name it; and what a delete left behind."""
        limit = datetime.now(UTC) - timedelta(seconds=keep_s)
        old = [one.id for one in self.states() if one.finished_at and one.finished_at < limit]
        for path in self.root.glob(".gone-*"):
            shutil.rmtree(path, ignore_errors=True)
        return [job_id for job_id in old if self.delete(job_id)]

    def _of(self, job_id: str) -> Path:
        return self.root / job_id


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or as it was, whatever happens meanwhile."""
    part = path.with_name(f".{path.name}.part-{uuid.uuid4().hex[:8]}")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
