"""What listens to a download: a bar on a terminal, lines in a log, numbers for a service."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from epochal.downloads import as_size, load_extra
from epochal.downloads.plan import Plan, summarise

if TYPE_CHECKING:
    from epochal.downloads.outcome import Outcome


class Progress:
    """Listens to a download, from one thread at a time. This one keeps still."""

    def start(self, plan: Plan) -> None:
        """Hear of the plan before anything is fetched."""

    def advance(self, n_bytes: int) -> None:
        """Hear that so many bytes came (negative: a file was started again)."""

    def finish(self, outcome: Outcome) -> None:
        """Hear of a file that is whole and verified, or has failed in this round."""

    def close(self) -> None:
        """Hear that the download is over, however it ended."""


class Bar(Progress):
    """A bar of bytes with throughput, on the terminal."""

    def __init__(self) -> None:
        self._tqdm = load_extra("tqdm").tqdm
        self._bar: Any = None

    def start(self, plan: Plan) -> None:
        """Draw the bar; what is here of partial files counts as missing no more."""
        self._bar = self._tqdm(
            total=plan.n_bytes_missing, unit="B", unit_scale=True, desc=f"{len(plan.pending)} files"
        )

    def advance(self, n_bytes: int) -> None:
        """Move the bar, backwards too."""
        self._bar.update(n_bytes)

    def finish(self, outcome: Outcome) -> None:
        """Name what failed above the bar."""
        if outcome.reason:
            self._bar.write(describe_outcome(outcome), file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


class Lines(Progress):
    """A line a file on standard error, for logs."""

    def start(self, plan: Plan) -> None:
        """Write the plan's sums."""
        print(summarise(plan), file=sys.stderr)

    def finish(self, outcome: Outcome) -> None:
        """Write what became of a file, with its throughput."""
        print(describe_outcome(outcome), file=sys.stderr, flush=True)


class Tally(Progress):
    """Running numbers that another thread may ask for at any time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = self._ended = 0.0
        self._numbers = {"n_files": 0, "n_files_done": 0, "n_files_failed": 0}
        self._bytes = {"n_bytes": 0, "n_bytes_done": 0}

    def start(self, plan: Plan) -> None:
        """Note how much there is to do."""
        with self._lock:
            self._started = time.monotonic()
            self._numbers["n_files"] = len(plan.pending)
            self._bytes["n_bytes"] = plan.n_bytes_missing

    def advance(self, n_bytes: int) -> None:
        """Count bytes."""
        with self._lock:
            self._bytes["n_bytes_done"] += n_bytes

    def finish(self, outcome: Outcome) -> None:
        """Count files; one that fails in several rounds counts as often."""
        with self._lock:
            self._numbers["n_files_failed" if outcome.reason else "n_files_done"] += 1

    def close(self) -> None:
        """Stop the clock."""
        with self._lock:
            self._ended = time.monotonic()

    def as_dict(self) -> dict[str, float]:
        """Return the numbers as they stand, with the throughput so far."""
        with self._lock:
            now = self._ended or time.monotonic()
            seconds = now - self._started if self._started else 0.0
            speed = max(self._bytes["n_bytes_done"], 0) / seconds if seconds else 0.0
            return {**self._numbers, **self._bytes, "seconds": seconds, "bytes_per_s": speed}


def describe_outcome(outcome: Outcome) -> str:
    """Write what became of a file in one line."""
    file = outcome.file
    if outcome.reason:
        return f"failed   {file.path}: {outcome.reason}"
    checked = "verified" if file.sha256 else "fetched, no published hash"
    speed = as_size(outcome.n_bytes / max(outcome.seconds, 1e-9))
    return f"{checked} {file.path}, {as_size(outcome.n_bytes)}, {speed}/s"
