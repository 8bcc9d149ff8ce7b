from types import SimpleNamespace

import pytest

import waiting
from waiting import until


@pytest.fixture
def rests(monkeypatch):
    """A clock that goes on only while somebody sleeps; how long each slept."""
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr(waiting, "time", clock)
    return slept


def test_the_first_true_answer_is_returned_and_nothing_is_asked_after_it(rests):
    answers = iter([0, "", None, "it", "another"])
    assert until(lambda: next(answers)) == "it"
    assert next(answers) == "another"
    assert len(rests) == 3


def test_an_answer_may_have_to_be_more_than_true(rests):
    answers = iter(["waiting", "running", "done"])
    assert until(lambda: next(answers), lambda answer: answer == "done") == "done"


def test_what_does_not_come_in_time_fails_with_the_last_answer(rests):
    with pytest.raises(AssertionError, match=r"not within 3 s; the last answer was 'waiting'"):
        until(lambda: "waiting", {"done"}.__contains__, within_s=3, pause_s=1)
    assert rests == [1, 1, 1]


def test_after_a_pause_that_took_too_long_it_is_asked_once_more(rests):
    answers = iter([False, True])
    assert until(lambda: next(answers), within_s=1, pause_s=100)


def test_what_is_raised_while_asking_is_not_waited_out(rests):
    with pytest.raises(LookupError):
        until(lambda: {}["absent"])
    assert rests == []
