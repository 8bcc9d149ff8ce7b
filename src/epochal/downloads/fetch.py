"""Files fetched side by side, each attempt repeated with growing pauses, none half-written."""

from __future__ import annotations

import os
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from epochal.downloads import DownloadError
from epochal.downloads.ledger import Ledger, sha256_of
from epochal.downloads.outcome import Outcome
from epochal.downloads.plan import Plan, Planned, RemoteFile, part_of
from epochal.downloads.progress import Progress
from epochal.downloads.transfer import (
    Line,
    TransferOptions,
    TransientError,
    discard,
    open_line,
    receive,
)

_T = TypeVar("_T")
_GAIN_BYTES = 65536  # an attempt that brought this much more than any before is no failure
_LONGEST_WAIT_S = 300.0  # whatever a server's Retry-After says


class FetchOptions(TransferOptions):
    """How many files at once, and how stubbornly."""

    concurrency: int = Field(
        4, ge=1, le=16, description="Files at once. PhysioNet limits the speed of each connection."
    )
    retries: int = Field(4, ge=0, le=100, description="Attempts in a round after the first.")
    round_retries: int = Field(
        2, ge=0, le=100, description="Further rounds over the files that failed, after all others."
    )
    backoff_s: float = Field(
        1.0,
        ge=0,
        description="The pause before a second attempt; it doubles with each further one.",
    )
    longest_backoff_s: float = Field(60.0, ge=0, description="No pause is longer.")


def persist(
    attempt: Callable[[], _T],
    options: FetchOptions,
    *,
    line: Line,
    reached: Callable[[], int] = lambda: 0,
) -> _T:
    """Repeat an attempt that fails transiently, with exponential back-off and jitter.

    `reached` tells how far it got: getting clearly further than ever before starts the count anew,
    so that a connection that drops every few megabytes still brings a large file home.
    """
    n_failures, furthest = 0, reached()
    while True:
        try:
            return attempt()
        except TransientError as error:
            gained = reached() - furthest >= _GAIN_BYTES
            furthest = max(furthest, reached())
            n_failures = 0 if gained else n_failures + 1
            if n_failures > options.retries:
                raise
            _pause(n_failures, options, line=line, asked_s=error.retry_after_s)


def _pause(n_failures: int, options: FetchOptions, *, line: Line, asked_s: float = 0.0) -> None:
    longest_s = min(
        options.backoff_s * 2.0 ** min(max(n_failures - 1, 0), 30), options.longest_backoff_s
    )
    # The jitter keeps connections that broke together from coming back together.
    wait_s = max(longest_s * random.uniform(0.5, 1.0), min(asked_s, _LONGEST_WAIT_S))
    line.stop.wait(wait_s)
    line.check()


def fetch_plan(
    plan: Plan, options: FetchOptions, *, ledger: Ledger, progress: Progress | None = None
) -> dict[str, Outcome]:
    """Fetch what a plan has pending, and return the last outcome of each file by path.

    Each verified file is renamed and entered in the ledger at once; an interruption loses nothing.
    """
    progress = progress or Progress()
    progress.start(plan)
    try:
        with open_line(options, n_connections=options.concurrency) as line:
            return _fetch_rounds(plan, options, line=line, ledger=ledger, progress=progress)
    finally:
        progress.close()


def _fetch_rounds(
    plan: Plan, options: FetchOptions, *, line: Line, ledger: Ledger, progress: Progress
) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    pending = plan.pending
    for n_round in range(1 + options.round_retries):
        if not pending:
            break
        if n_round:
            _pause(n_round, options, line=line)
        for outcome in _fetch_round(pending, plan.folder, options, line=line, hear=progress):
            outcomes[outcome.file.path] = outcome
            _enter(outcome, plan.folder, ledger)
        pending = [item for item in pending if outcomes[item.file.path].again]
    return outcomes


def _enter(outcome: Outcome, folder: Path, ledger: Ledger) -> None:
    if outcome.sha256:
        ledger.record(outcome.file.path, folder / outcome.file.path, outcome.sha256)
        ledger.save(folder)


def _fetch_round(
    pending: list[Planned], folder: Path, options: FetchOptions, *, line: Line, hear: Progress
) -> Iterator[Outcome]:
    """Yield outcomes as files are done.

    The threads are daemons of our own: an executor would wait at Ctrl-C for a stalled connection.
    """
    work: queue.SimpleQueue[Planned] = queue.SimpleQueue()
    done: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    lock = threading.Lock()

    def advance(n_bytes: int) -> None:
        with lock:
            hear.advance(n_bytes)

    for item in pending:
        work.put(item)
    for _ in range(min(options.concurrency, len(pending))):
        arguments = (work, done, folder, options, line, advance)
        threading.Thread(target=_work, args=arguments, daemon=True).start()
    try:
        for _ in pending:
            outcome = done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            with lock:
                hear.finish(outcome)
            yield outcome
    except BaseException:
        line.stop.set()
        raise


def _work(
    work: queue.SimpleQueue[Planned],
    done: queue.SimpleQueue[Outcome | BaseException],
    folder: Path,
    options: FetchOptions,
    line: Line,
    advance: Callable[[int], None],
) -> None:
    try:
        while not line.stop.is_set():
            file = work.get_nowait().file
            done.put(_fetch_file(file, folder, options, line=line, advance=advance))
    except queue.Empty:
        return
    except BaseException as error:  # a defect must end the download, not hang it
        done.put(error)


def _fetch_file(
    file: RemoteFile,
    folder: Path,
    options: FetchOptions,
    *,
    line: Line,
    advance: Callable[[int], None],
) -> Outcome:
    started, came = time.monotonic(), 0

    def hear(n_bytes: int) -> None:
        nonlocal came
        came += n_bytes
        advance(n_bytes)

    digest, reason, again = "", "", False
    try:
        digest = _complete(file, folder / file.path, options, line=line, advance=hear)
    except DownloadError as error:
        reason, again = str(error), isinstance(error, TransientError)
    except OSError as error:  # the disk is full, or may not be written
        reason = f"cannot be written here ({error.strerror or error})"
    seconds = time.monotonic() - started
    return Outcome(file, sha256=digest, reason=reason, again=again, n_bytes=came, seconds=seconds)


def _complete(
    file: RemoteFile,
    target: Path,
    options: FetchOptions,
    *,
    line: Line,
    advance: Callable[[int], None],
) -> str:
    """Attempt a file until it is here, and return its SHA-256."""
    part = part_of(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    return persist(
        lambda: _attempt(file, target, line=line, advance=advance),
        options,
        line=line,
        reached=lambda: part.stat().st_size if part.exists() else 0,
    )


def _attempt(file: RemoteFile, target: Path, *, line: Line, advance: Callable[[int], None]) -> str:
    """Complete the partial file, verify it, and only then give it its name; return its SHA-256."""
    part = part_of(target)
    if not file.sha256:  # nothing would tell that two halves belong to one file
        discard(part, advance)
    receive(line, file, part, advance)
    digest = sha256_of(part)
    if file.sha256 and digest != file.sha256:
        discard(part, advance)
        raise TransientError(f"SHA-256 is {digest}, published is {file.sha256}")
    with part.open("rb") as whole:
        os.fsync(whole.fileno())
    part.replace(target)
    return digest


def raise_failures(outcomes: dict[str, Outcome], folder: Path) -> None:
    """Raise one `DownloadError` naming every file that failed; nothing failed: nothing happens."""
    failed = [outcome for outcome in outcomes.values() if outcome.reason]
    if failed:
        reasons = "; ".join(f"{outcome.file.path}: {outcome.reason}" for outcome in failed)
        raise DownloadError(f"{folder}: {len(failed)} of {len(outcomes)} files failed: {reasons}")
