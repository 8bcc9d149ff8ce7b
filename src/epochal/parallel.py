"""Work by the piece: calls side by side, with progress, none lost to another's failure."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from epochal.errors import EpochalError, explain, fault_of
from epochal.threads import as_threads_finish

Backend = Literal["sequential", "threads", "processes", "dask"]


class ParallelOptions(BaseModel):
    """How pieces of work run side by side."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: Backend = Field(
        "threads",
        description="`threads` suits work that numpy, scipy or LightGBM do outside the "
        "interpreter's lock; `processes` suits pure Python; `dask` needs a running cluster.",
    )
    n_jobs: int = Field(-1, description="Workers; -1 for one per core. A cluster has its own.")
    address: str | None = Field(
        None,
        description="Of the Dask scheduler (`tcp://127.0.0.1:8786`, or the path of a scheduler "
        "file, `….json`); null takes the process's own `dask.distributed.Client`.",
    )
    table_memory_mb: float | None = Field(
        None,
        ge=0,
        description="A table of features with more numbers than fit in this is not held, but read "
        "from a temporary file as it is needed; null: always held.",
    )
    progress: bool = Field(True, description="Show a progress bar on a terminal.")

    @model_validator(mode="after")
    def _check(self) -> ParallelOptions:
        """Refuse a cluster that would not be asked, and a number of workers that is none."""
        if self.n_jobs < -1 or self.n_jobs == 0:
            raise EpochalError(
                f"parallel.n_jobs: -1 (one per core) or a number of workers, and not {self.n_jobs} "
                "(globals.yml)"
            )
        if self.address is not None and self.backend != "dask":
            raise EpochalError(
                f"parallel.address is for backend: dask, and this is {self.backend} "
                "(EPOCHAL_DASK, EPOCHAL_BACKEND)"
            )
        return self

    @property
    def n_workers(self) -> int:
        """The number of workers on this machine."""
        return (os.cpu_count() or 1) if self.n_jobs == -1 else self.n_jobs


def run_pieces(
    pieces: Mapping[str, Callable[[], Any]],
    *,
    description: str,
    options: ParallelOptions | None = None,
) -> dict[str, BaseException]:
    """Call every piece and return the failures by name; the others have all been done.

    What a piece returns is thrown away: a piece stores its own result. After Ctrl-C the
    pieces under way in threads are finished, and no other is begun.
    """
    options = options or ParallelOptions()
    failures: dict[str, BaseException] = {}
    with _one_thread_inside(), closing(_outcomes(pieces, options)) as outcomes:
        for name, error in _with_progress(outcomes, len(pieces), description, options):
            if error is not None:
                failures[name] = error
    return failures


def _outcomes(pieces: Mapping[str, Callable[[], Any]], options: ParallelOptions) -> Any:
    """Return a generator of `(name, error or None)` as the pieces finish, in any order."""
    if options.backend == "dask" and pieces:
        from epochal.cluster import outcomes_on_cluster

        return outcomes_on_cluster(pieces, _attempt, options.address)
    n_workers = min(options.n_workers, len(pieces))
    if options.backend == "sequential" or n_workers <= 1:
        return (_attempt(name, piece) for name, piece in pieces.items())
    if options.backend == "threads":
        return as_threads_finish([partial(_attempt, *piece) for piece in pieces.items()], n_workers)
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=n_workers, backend="loky", return_as="generator_unordered")
    return pool(delayed(_attempt)(name, piece) for name, piece in pieces.items())


def _attempt(name: str, piece: Callable[[], Any]) -> tuple[str, BaseException | None]:
    try:
        piece()
    except Exception as error:  # one failure must not lose the others; the caller reports all
        return name, _portable(fault_of(error) or error)  # pickling would cut the chain off
    return name, None


def _portable(error: BaseException) -> BaseException:
    """Return the error, or its text where it would not survive the way back from a process."""
    try:
        pickle.loads(pickle.dumps(error))  # nosec B301
    except Exception:  # anything may go wrong while a foreign class is pickled
        return EpochalError(explain(error))
    return error


def _one_thread_inside() -> AbstractContextManager[Any]:
    """Keep BLAS to one thread a piece: spinning threads starve their neighbours.

    joblib sees to its worker processes itself.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # the core alone has no threadpoolctl
        return nullcontext()
    return threadpool_limits(limits=1)


def _with_progress(outcomes: Any, total: int, description: str, options: ParallelOptions) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:  # the core alone has no progress bar
        return outcomes
    hidden = None if options.progress else True  # None: no bar where there is no terminal
    return tqdm(outcomes, total=total, desc=description, unit="piece", disable=hidden, leave=False)
