from functools import partial

import pytest
from kedro.io import DatasetError

from epochal.datasets.partitions import Partitions
from epochal.datasets.parts import PartFolder
from epochal.divided import Divided, Part
from epochal.errors import EpochalError
from parallel_pieces import add, fail


def partitions(folder, backend="sequential"):
    return Partitions(
        path=str(folder),
        dataset="pickle.PickleDataset",
        filename_suffix=".pkl",
        parallel={"backend": backend, "n_jobs": 2, "progress": False},
    )


LAST = partial(add, 100)


def divide(log, *numbers, last=LAST):
    """Return the sum of the numbers and 100, one part a number."""
    parts = {f"part_{n}": Part(partial(add, n, log=str(log))) for n in numbers}
    return Divided({**parts, "sum": Part(last, needs=tuple(parts))})


def logged(log):
    return sorted(map(int, log.read_text().split())) if log.exists() else []


@pytest.mark.parametrize("backend", ["sequential", "threads", "processes"])
def test_parts_make_the_piece_and_leave_nothing_behind(tmp_path, backend):
    log, dataset = tmp_path / "log", partitions(tmp_path / "pieces", backend)
    dataset.save({"a": divide(log, 1, 2, 3), "b": divide(log, 4), "c": partial(add, 7)})
    assert {name: piece() for name, piece in dataset.load().items()} == {
        "a": 106, "b": 104, "c": 7,
    }  # fmt: skip
    assert logged(log) == [1, 2, 3, 4]
    assert not (tmp_path / "pieces" / ".parts").exists()
    assert dataset.exists()


def test_a_piece_that_is_there_is_not_made_again_and_one_whose_part_changed_is(tmp_path):
    log, dataset = tmp_path / "log", partitions(tmp_path / "pieces")
    dataset.save({"a": divide(log, 1, 2), "b": divide(log, 3)})
    dataset.save({"a": divide(log, 1, 2), "b": divide(log, 4)})
    assert logged(log) == [1, 2, 3, 4]
    assert dataset.load()["b"]() == 104


def test_what_was_done_before_a_failure_is_not_done_again(tmp_path):
    log, dataset = tmp_path / "log", partitions(tmp_path / "pieces")
    broken = divide(log, 1, 2, last=partial(fail, ValueError("no")))
    with pytest.raises(DatasetError, match=r"1 of 2 pieces of 'pieces' failed: a: no"):
        dataset.save({"a": broken, "b": divide(log, 5)})
    dataset.save({"a": divide(log, 1, 2), "b": divide(log, 5)})
    assert logged(log) == [1, 2, 5]
    assert {name: piece() for name, piece in dataset.load().items()} == {"a": 103, "b": 105}


def test_of_a_piece_whose_part_fails_the_later_parts_are_left_and_the_first_error_is_told(tmp_path):
    log = tmp_path / "log"
    parts = {
        "bad": Part(partial(fail, EpochalError("the first"))),
        "worse": Part(partial(fail, EpochalError("the second"))),
        "after": Part(partial(add, 1, log=str(log)), needs=("bad",)),
    }
    piece = Divided({**parts, "sum": Part(add, needs=("after", "worse"))})
    with pytest.raises(DatasetError, match=r"a: the first$"):
        partitions(tmp_path / "pieces").save({"a": piece})
    assert logged(log) == []


def test_a_part_is_made_again_where_one_that_it_needs_has_changed(tmp_path):
    def chain(first):
        return Divided(
            {
                "first": Part(partial(add, first)),
                "second": Part(partial(add, 10), needs=("first",)),
                "sum": Part(partial(fail, ValueError("no")), needs=("second",)),
            }
        )

    log, dataset = tmp_path / "log", partitions(tmp_path / "pieces")
    for first in (1, 2):
        with pytest.raises(DatasetError, match="a: no"):
            dataset.save({"a": chain(first)})
    parts = dict(chain(2).parts) | {"sum": Part(partial(add, log=str(log)), needs=("second",))}
    dataset.save({"a": Divided(parts)})
    assert logged(log) == [12]


def test_a_part_that_another_run_has_replaced_is_refused_by_name(tmp_path):
    ours, others = (PartFolder(tmp_path, "a", {"one": key}) for key in ("ours", "others"))
    ours.make("one", Part(partial(add, 1)))
    assert ours.call(Part(add, needs=("one",))) == 1
    others.make("one", Part(partial(add, 2)))
    with pytest.raises(EpochalError, match=r"one\.pkl: another run has written it since"):
        ours.call(Part(add, needs=("one",)))
