from types import SimpleNamespace

import pytest

from epochal.serving.stream.holding import HeldStreams


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def streams(clock):
    return HeldStreams(2, 60.0, clock)


def test_each_stream_has_a_token_that_nobody_guesses(streams):
    one, other = (streams.hold(object(), "line") for _ in range(2))
    assert one.token != other.token
    assert len(one.token) >= 32


def test_there_are_no_more_than_so_many(streams):
    for line in ("a", "b"):
        assert streams.has_room()
        assert streams.hold(object(), line) is not None
    assert not streams.has_room()
    assert streams.hold(object(), "c") is None


def test_none_at_all_may_be_allowed():
    assert not HeldStreams(0, 60.0).has_room()


def test_a_broken_one_is_taken_up_by_its_token(streams, clock):
    held = streams.hold("stream", "a")
    streams.leave(held, "a")
    clock.now_s = 59
    assert streams.take_up(held.token, "b") == (held, None)
    assert held.line == "b"


def test_a_broken_one_is_kept_for_so_long(streams, clock):
    held = streams.hold("stream", "a")
    streams.leave(held, "a")
    clock.now_s = 61
    assert streams.take_up(held.token, "b") == (None, None)
    assert len(streams) == 0


def test_one_that_is_listened_to_is_kept_however_long(streams, clock):
    held = streams.hold("stream", "a")
    clock.now_s = 1e6
    assert streams.take_up(held.token, "b") == (held, "a")


def test_a_line_that_was_replaced_does_not_leave_the_stream(streams):
    held = streams.hold("stream", "a")
    streams.take_up(held.token, "b")
    streams.leave(held, "a")
    assert held.line == "b"


def test_the_one_that_broke_first_makes_room(streams, clock):
    first, second = streams.hold(1, "a"), streams.hold(2, "b")
    streams.leave(second, "b")
    clock.now_s = 1
    streams.leave(first, "a")
    third = streams.hold(3, "c")
    assert streams.take_up(second.token, "d") == (None, None)
    assert streams.take_up(first.token, "d")[0] is first
    assert third is not None


def test_one_that_is_over_is_forgotten(streams):
    held = streams.hold("stream", "a")
    streams.drop(held)
    streams.drop(held)
    assert streams.take_up(held.token, "b") == (None, None)


def test_epochs_that_a_client_missed_are_said_again(streams):
    held = streams.hold("stream", "a")
    for number in range(5):
        assert held.work(lambda one: [{"epoch": one}], number) == [{"epoch": number}]
    assert [one["epoch"] for one in held.missed(3)] == [3, 4]


def test_alerts_are_kept_with_the_epochs_that_raised_them(streams):
    held = streams.hold("stream", "a")
    held.watch = lambda epochs: [SimpleNamespace(epoch=one["epoch"]) for one in epochs]
    for number in range(5):
        held.work(lambda one: [{"epoch": one}], number)
    assert [one.epoch for one in held.alerts_from(3)] == [3, 4]
