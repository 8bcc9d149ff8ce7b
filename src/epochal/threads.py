"""Calls in threads that are waited for, whatever happens to who asked for them."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


def as_threads_finish(calls: Sequence[Callable[[], Result]], n_threads: int) -> Iterator[Result]:
    """Yield what the calls return as they finish, in any order.

    When the iteration is left before its end, by Ctrl-C as well, no other call is begun and those
    under way are waited for: a thread that went on while the interpreter ends could hold HDF5's
    lock, and the process would stand still for ever. A second Ctrl-C kills the process, unless it
    is a notebook's.
    """
    pool = ThreadPoolExecutor(n_threads)
    futures: list[Future[Result]] = []
    try:
        futures += [pool.submit(call) for call in calls]
        for future in as_completed(futures):
            yield future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        with _killed_by_ctrl_c(sum(not future.done() for future in futures)):
            pool.shutdown()
        raise
    pool.shutdown()


@contextmanager
def _killed_by_ctrl_c(n_left: int) -> Iterator[None]:
    """Say what is waited for, and let Ctrl-C kill the process meanwhile."""
    is_main = threading.current_thread() is threading.main_thread()
    if not n_left or not is_main or hasattr(sys, "ps1"):  # the last: in a notebook, or a console
        yield
        return
    logger.warning("%d under way are finished first; Ctrl-C again kills them", n_left)
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
