"""Many recordings, one after the other or in several processes; one's failure stops no other."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import (
    active_children,
    get_all_start_methods,
    get_context,
    resource_tracker,
)
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from epochal.errors import explain
from epochal.recording import Recording
from epochal.serving.bundle import Scorer, read_bundle
from epochal.serving.burden import burden_columns, tell_burden
from epochal.serving.inputs import Input
from epochal.serving.reading import read_all
from epochal.serving.scoring import Scored, score_recording
from epochal.serving.sliding import with_step
from epochal.serving.writing import Extras, write_results

_PRELOADED = ["epochal.serving.batch", "epochal.serving.summary_table", "onnxruntime"]
IN_SAMPLE = "IN-SAMPLE: the bundle was trained on this recording"
_HEARD_S = 0.1  # until a process is told again to end
_DIED = "the process that scored it died (out of memory?); try --jobs 1"


class Job(NamedTuple):
    """What is done with every recording."""

    bundle: Path
    out: Path
    extras: Extras = Extras()
    metadata: dict[str, Any] = {}  # noqa: RUF012, never written to: what is given of the lights
    substitute: bool = False
    step_s: float | None = None


class Outcome(NamedTuple):
    """What came of an input: what to tell and the summary's row for each recording, or a reason."""

    input: Input
    told: tuple[str, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    failure: str | None = None


def load(job: Job) -> Scorer:
    """Return the job's models, with one thread."""
    return Scorer(with_step(read_bundle(job.bundle), job.step_s))


def score_inputs(
    inputs: Sequence[Input], job: Job, scorer: Scorer, *, n_jobs: int
) -> Iterator[Outcome]:
    """Score all inputs and yield what came of each as soon as it is known.

    Each of `n_jobs` processes loads the bundle for itself. When the iteration is left, by Ctrl-C
    as well, what is being written is taken away and no process remains.
    """
    if n_jobs == 1 or len(inputs) < 2:
        yield from (score_input(one, job, scorer) for one in inputs)
        return
    with _workers(job, min(n_jobs, len(inputs))) as pool:
        with _ctrl_c_waits():
            futures = {pool.submit(_score_in_worker, one): one for one in inputs}
        for future in as_completed(futures):
            yield _outcome_of(future, futures[future])


def score_input(given: Input, job: Job, scorer: Scorer) -> Outcome:
    """Score and write the recordings of one input; what goes wrong is the outcome's failure."""
    told: list[str] = []
    rows: list[dict[str, Any]] = []
    try:
        for recording in read_all(given.path, scorer.manifest):
            name = base_name(given, recording)
            row, scored = _score_one(recording, name, job, scorer)
            rows.append(row)
            told += [*tell(given.path, scored), *tell_lights(row)]
    except Exception as error:  # one recording's failure must not stop the others
        reason = getattr(error, "reason", None) or explain(error)
        return Outcome(given, tuple(told), tuple(rows), reason)
    return Outcome(given, tuple(told), tuple(rows))


def base_name(given: Input, recording: Recording) -> str:
    """Return what a recording's results are called: the input's stem, and its id in a table."""
    alone = recording.recording_id == given.path.stem
    return given.stem if alone else f"{given.stem}.{recording.recording_id}"


def tell(path: Path, scored: Scored) -> list[str]:
    """Return the lines that tell what came out of a recording."""
    summary = scored.summary
    counts = ", ".join(f"{name} {n}" for name, n in summary["epochs_per_class"].items())
    lines = [
        f"{path}: {summary['n_epochs']} epochs ({counts}), {summary['n_flagged']} flagged; "
        f"{summary['data_source']}, model {summary['model']}"
    ]
    if summary["in_sample"]:
        lines.append(f"  {IN_SAMPLE}")
    for problem in summary["problems"]:
        lines.append(f"  {_name_problem(problem, scored)}: {problem}")
    unlike = tell_unlike(summary)
    if unlike:
        lines.append(f"  {unlike}")
    if "burden" in summary:
        lines += [f"  {line}" for line in tell_burden(summary["burden"])]
    return lines


def _name_problem(problem: str, scored: Scored) -> str:
    """Say what was done about a problem."""
    if problem in scored.doubts:
        return "doubtful"
    return "substituted" if "stands in for" in problem else "repaired"


def tell_lights(row: dict[str, Any]) -> list[str]:
    """Return why the times of the lights were not used, where they were given and could not be."""
    reason = row.get("lights_not_used")
    return [f"  {reason}"] if reason else []


def tell_unlike(summary: dict[str, Any]) -> str:
    """Return what of a recording's labels the training subjects' were not like; '' for nothing."""
    confidence = (summary.get("drift") or {}).get("confidence") or {}
    unlike = ", ".join(confidence.get("unlike", ()))
    return f"unlike whole recordings of left-out subjects: {unlike}" if unlike else ""


def count_jobs(wanted: int | None, n_inputs: int) -> int:
    """Return how many processes to use: those wanted, else one for each core and input."""
    return wanted or max(1, min(_count_cores(), n_inputs))


def _count_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _score_one(
    recording: Recording, name: str, job: Job, scorer: Scorer
) -> tuple[dict[str, Any], Scored]:
    from epochal.serving.summary_table import summarise

    recording = replace(recording, metadata={**recording.metadata, **job.metadata})
    scored = score_recording(recording, scorer, allow_substitution=job.substitute)
    write_results(recording, scored, scorer, base=job.out / name, extras=job.extras)
    row = summarise(name, recording, scored, scorer.manifest)
    return row | burden_columns(scored.summary.get("burden")), scored


def _outcome_of(future: Future[Outcome], given: Input) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        return Outcome(given, failure=_DIED)


@contextmanager
def _workers(job: Job, n_workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes that have loaded the bundle; end them at once when something goes wrong."""
    before = set(active_children())
    pool = ProcessPoolExecutor(n_workers, _context(), initializer=_start_worker, initargs=(job,))
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        _end(set(active_children()) - before)
        pool.shutdown(cancel_futures=True)
        raise


def _end(workers: Iterable[BaseProcess]) -> None:
    """End processes; who was told just before it began to wait for another has not heard it."""
    while alive := [worker for worker in workers if worker.is_alive()]:
        for worker in alive:
            worker.terminate()
        alive[0].join(_HEARD_S)


def _context() -> BaseContext:
    """Return a way to start processes that copies no thread, and imports once where it can."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Let Ctrl-C wait until the workers are there to be ended; they themselves never hear it.

    The signal mask is handed down: a worker, or the process that starts them, that heard Ctrl-C in
    the middle of an import would print a traceback, and one that is only about to start when we
    end would be nobody's.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it unmasks Ctrl-C when it starts: before we mask it
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


_worker: dict[str, Any] = {}  # of this process: the job, and the bundle's models loaded once


def _start_worker(job: Job) -> None:
    """Load the bundle; until then nothing is half written and SIGTERM may end the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not blocked already
    _worker.update(job=job, scorer=load(job), writes=False, leaves=False)
    signal.signal(signal.SIGTERM, _end_worker)


def _end_worker(*_: object) -> None:
    """End this process: out of a recording, so that what is half written goes, else at once.

    An exception while the pool sends a result back would leave its lock shut, and all stand still.
    """
    if not _worker["writes"]:
        os._exit(1)
    if not _worker["leaves"]:  # a second one must not break off the clearing away
        _worker["leaves"] = True
        sys.exit(1)


def _score_in_worker(given: Input) -> Outcome:
    try:
        _worker["writes"] = True
        outcome = score_input(given, _worker["job"], _worker["scorer"])
        _worker["writes"] = False
    except SystemExit:  # what was half written is gone; the pool would go on with the next input
        os._exit(1)
    return outcome
