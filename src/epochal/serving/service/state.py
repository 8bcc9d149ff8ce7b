"""What the routes of a service share."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from epochal.places import remove
from epochal.serving.messages.alerts import Alert
from epochal.serving.reviewing import find_corrected
from epochal.serving.scoring import Scored
from epochal.serving.service import logs
from epochal.serving.service.access import Access
from epochal.serving.service.alerts import Alerts
from epochal.serving.service.metrics import Metrics
from epochal.serving.service.options import ServiceOptions
from epochal.serving.service.problems import Problem
from epochal.serving.service.shelf import Shelf, Shelved, Watcher

logger = logging.getLogger(__name__)
REVIEWS = "reviews"  # in the work folder, where no other place is named


class Service:
    """The bundles, the workers and the folders of one running service."""

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options
        self.started_at = time.time()
        self.metrics = Metrics()
        self.shelf = Shelf(
            options.bundles,
            tell=self.metrics.inferred,
            n_threads=options.n_threads,
            provider=options.provider,
            precision=options.precision,
        )
        self.watcher = Watcher(self.shelf, options.watch_s)
        self.workers = Workers(options.n_workers, options.max_waiting)
        self.access = Access(options)
        self.metrics.watch_shelf(self.shelf)
        self.metrics.watch_queue(lambda: self.workers.n_taken, self.workers.n_places)
        self.alerts = Alerts(options, shelf=self.shelf, metrics=self.metrics)
        self.stopping = False

    @cached_property
    def work_folder(self) -> Path:
        """Where uploads and jobs lie meanwhile."""
        given = self.options.work_folder
        folder = Path(tempfile.mkdtemp(prefix="epochal-")) if given is None else given
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def review_folder(self) -> Path:
        """Where corrections are kept."""
        return self.options.review_folder or self.work_folder / REVIEWS

    async def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a function in a worker thread and return what it returns.

        Too many requests waiting raise a 429 `Problem`, one that takes too long a 504.
        """
        asked = partial(function, *args, **kwargs)
        work = self.workers.submit(partial(copy_context().run, asked))  # its log has the request
        try:
            return await asyncio.wait_for(asyncio.wrap_future(work), self.options.timeout_s)
        except TimeoutError as error:
            seconds = self.options.timeout_s
            raise Problem(504, f"not done within {seconds:g} s; send it as a job") from error

    def take_down(self, shelved: Shelved, scored: Scored, *, source: str) -> list[Alert]:
        """Measure a scored recording, note it in the log, and return the alerts it raises.

        `source` is the id of the request, job or stream, never the name of a file.
        """
        epochs, summary = scored.epochs, scored.summary
        self.metrics.scored(shelved.name, epochs, summary.get("drift"))
        logs.note(bundle=shelved.name, n_epochs=len(epochs))
        return self.alerts.see_recording(
            shelved, epochs, source=source, data_source=summary["data_source"]
        )

    def start(self) -> None:
        """Begin to watch the bundles and to deliver alerts."""
        self.watcher.start()
        self.alerts.start()

    def stop(self) -> None:
        """Finish what is being worked on and take no more."""
        self.stopping = True
        self.watcher.stop()
        self.workers.stop()
        self.alerts.stop()
        if self.options.work_folder is None and "work_folder" in self.__dict__:
            self._clear_away()

    def _clear_away(self) -> None:
        """Remove the temporary work folder, but for what people corrected: nobody has it twice."""
        reviews = self.work_folder / REVIEWS
        kept = find_corrected(reviews)
        if not kept:
            shutil.rmtree(self.work_folder, ignore_errors=True)
            return
        for one in (*self.work_folder.iterdir(), *reviews.iterdir()):
            if one not in (reviews, *kept):
                with suppress(OSError):
                    remove(one)
        told = "corrections lie in %s; name it in EPOCHAL_SERVE_REVIEW_FOLDER to go on with them"
        logger.warning(told, reviews)


class Workers:
    """So many threads, and so many requests that may wait for one."""

    def __init__(self, n_workers: int, max_waiting: int) -> None:
        self._pool = ThreadPoolExecutor(n_workers, thread_name_prefix="worker")
        self._places = threading.BoundedSemaphore(n_workers + max_waiting)
        self.n_places = n_workers + max_waiting
        self._lock, self.n_taken = threading.Lock(), 0

    def submit(self, function: Callable[[], Any]) -> Any:
        """Return the future of a function; a full queue is a 429 `Problem`."""
        if not self._places.acquire(blocking=False):
            raise Problem(429, f"{self.n_places} requests are under way or waiting; try again")
        try:
            future = self._pool.submit(function)
        except RuntimeError as error:  # the pool takes no more
            self._places.release()
            raise Problem(503, "this service is about to stop") from error
        self._count(1)
        future.add_done_callback(self._leave)
        return future

    def stop(self) -> None:
        """Wait for what is under way; what only waits is cancelled."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _leave(self, _: Any) -> None:
        self._count(-1)
        self._places.release()

    def _count(self, change: int) -> None:
        with self._lock:
            self.n_taken += change
