"""The bundles of a service by name; one that changes on disk is taken up between requests."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from epochal.errors import EpochalError, did_you_mean, explain
from epochal.serving.bundle import MANIFEST, Scorer, read_bundle
from epochal.serving.service.problems import Problem
from epochal.serving.service.timed import TimedScorer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shelved:
    """A loaded bundle; a request that holds it keeps it, whatever the shelf takes up."""

    name: str
    scorer: Scorer
    stamp: tuple[int, int, int]
    loaded_at: float


class Shelf:
    """Loaded bundles by name, the first the default one.

    `tell` hears each model's time; the rest is how a `Scorer` runs (`n_threads`, `provider` …).
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        *,
        tell: Callable[[str, str, float], None] = lambda bundle, model, seconds: None,
        **runs: Any,
    ) -> None:
        self._folders = dict(folders)
        self._runs, self._tell = runs, tell
        self._lock = threading.Lock()
        self.errors: dict[str, str] = {}
        self._shelved: dict[str, Shelved] = {}
        for name in self._folders:
            self._shelved[name] = self._load(name)

    @property
    def names(self) -> list[str]:
        """The names of the bundles, the default one first."""
        return list(self._shelved)

    def get(self, name: str | None = None) -> Shelved:
        """Return a bundle by name, or the default one; none of that name is a 404 `Problem`."""
        if not self._shelved:
            raise Problem(503, "this service has no bundle")
        if name is None:
            return next(iter(self._shelved.values()))
        if name not in self._shelved:
            raise Problem(404, f"no bundle '{name}'{did_you_mean(name, self._shelved)}")
        return self._shelved[name]

    def refresh(self) -> list[str]:
        """Take up what changed on disk and name it; what cannot be read stays as it was.

        Why it stayed is in `errors` until it can be read again.
        """
        with self._lock:
            return [name for name, folder in self._folders.items() if self._renew(name, folder)]

    def _renew(self, name: str, folder: Path) -> bool:
        try:
            if _stamp(folder) == self._shelved[name].stamp:
                self.errors.pop(name, None)
                return False
            loaded = self._load(name)
        except (EpochalError, OSError) as error:
            if self.errors.get(name) != explain(error):
                logger.warning("bundle %s stays as it was: %s", name, explain(error))
            self.errors[name] = explain(error)
            return False
        self._shelved = {**self._shelved, name: loaded}  # one step: readers need no lock
        self.errors.pop(name, None)
        logger.info("bundle %s taken up anew", name)
        return True

    def _load(self, name: str) -> Shelved:
        folder = self._folders[name]
        stamp = _stamp(folder) if (folder / MANIFEST).is_file() else (0, 0, 0)
        tell = partial(self._tell, name)
        scorer = TimedScorer(read_bundle(folder), tell=tell, **self._runs)
        return Shelved(name, scorer, stamp, time.time())


class Watcher:
    """A thread that refreshes a shelf every so many seconds until it is stopped."""

    def __init__(self, shelf: Shelf, every_s: float) -> None:
        self._shelf, self._every_s = shelf, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="bundle watcher")

    def start(self) -> None:
        """Begin, unless it is to look never."""
        if self._every_s > 0:
            self._thread.start()

    def stop(self) -> None:
        """Stop at once."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            self._shelf.refresh()


def _stamp(folder: Path) -> tuple[int, int, int]:
    """Say by what a manifest is known to be another one: its file, its time, its size."""
    status = (folder / MANIFEST).stat()
    return status.st_ino, status.st_mtime_ns, status.st_size
