"""Calls in threads: as they finish, and what becomes of them when nobody wants them any more."""

import threading
from functools import partial

import pytest

from epochal.threads import as_threads_finish
from waiting import until


def test_results_come_as_they_finish_and_not_in_order():
    first_is_done = threading.Event()

    def wait():
        assert first_is_done.wait(60)
        return "slow"

    results = as_threads_finish([wait, lambda: "quick"], n_threads=2)
    assert next(results) == "quick"
    first_is_done.set()
    assert list(results) == ["slow"]


def test_what_a_call_raises_is_raised():
    with pytest.raises(ValueError, match="no"):
        list(as_threads_finish([lambda: int("no")], n_threads=1))


def test_what_is_under_way_is_finished_and_nothing_else_begun_when_the_iteration_is_left():
    begun, finished, may_end = [], [], threading.Event()

    def work(name):
        begun.append(name)
        assert may_end.wait(60)
        finished.append(name)

    results = as_threads_finish([lambda: "first", *(partial(work, i) for i in range(6))], 2)
    assert next(results) == "first"
    until(lambda: len(begun) == 2)
    threading.Timer(0.2, may_end.set).start()
    results.close()
    assert sorted(begun) == sorted(finished) == [0, 1]
