from functools import partial

import pytest

from epochal.divided import Divided, Part
from parallel_pieces import add

SUM = Divided(
    {
        "one": Part(partial(add, 1)),
        "two": Part(partial(add, 2)),
        "three": Part(add, needs=("one", "two")),
        "four": Part(partial(add, 4)),
        "all": Part(partial(add, 100), needs=("three", "four")),
    }
)


def test_called_it_does_its_parts_one_after_the_other():
    assert SUM() == 107


def test_a_rounds_parts_need_only_the_rounds_before_and_the_last_part_is_alone():
    assert SUM.rounds() == [["one", "two", "four"], ["three"], ["all"]]


def test_the_last_part_is_alone_even_where_it_needs_nothing():
    loose = Divided({"one": Part(partial(add, 1)), "all": Part(partial(add, 2))})
    assert loose.rounds() == [["one"], ["all"]]
    assert loose() == 2


def test_a_piece_may_be_one_part():
    assert Divided({"all": Part(partial(add, 2))}).rounds() == [["all"]]


def test_a_part_before_what_it_needs_is_an_error():
    with pytest.raises(KeyError, match="later"):
        Divided({"all": Part(add, needs=("later",))}).rounds()
