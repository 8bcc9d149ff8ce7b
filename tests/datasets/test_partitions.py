"""Work by the piece: made, kept, removed, resumed."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from epochal.datasets.partitions import Partitions
from epochal.errors import EpochalError, RecordingError


def double(number: int, log: str) -> int:
    with Path(log).open("a") as file:
        file.write(f"{number}\n")
    return 2 * number


def fail(message: str) -> int:
    raise ValueError(message)


def refuse(path: str) -> int:
    raise RecordingError(path, "it is empty")


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "log.txt")


def calls(log: str) -> list[str]:
    return Path(log).read_text().split() if Path(log).exists() else []


def partitions(tmp_path, **more) -> Partitions:
    return Partitions(
        path=str(tmp_path / "pieces"),
        dataset="pickle.PickleDataset",
        filename_suffix=".pkl",
        parallel={"backend": "sequential", "progress": False},
        **more,
    )


def values(dataset: Partitions) -> dict[str, int]:
    return {name: piece() for name, piece in dataset.load().items()}


def whole_pieces(tmp_path) -> dict[str, int]:
    return {path.stem: pickle.loads(path.read_bytes()) for path in tmp_path.rglob("*.pkl")}


def test_pieces_are_made_and_loaded_when_called(tmp_path, log):
    dataset = partitions(tmp_path)
    dataset.save({"a": partial(double, 1, log), "b": partial(double, 2, log)})
    assert values(dataset) == {"a": 2, "b": 4}
    assert dataset.exists()


def test_an_unchanged_piece_is_kept_and_a_changed_one_is_made_again(tmp_path, log):
    dataset = partitions(tmp_path)
    dataset.save({"a": partial(double, 1, log), "b": partial(double, 2, log)})
    dataset.save({"a": partial(double, 1, log), "b": partial(double, 3, log)})
    assert values(dataset) == {"a": 2, "b": 6}
    assert calls(log) == ["1", "2", "3"]


def test_a_piece_that_is_no_longer_listed_is_removed(tmp_path, log):
    dataset = partitions(tmp_path)
    dataset.save({"a": partial(double, 1, log), "b": partial(double, 2, log)})
    dataset.save({"b": partial(double, 2, log)})
    assert values(dataset) == {"b": 4}
    assert not (tmp_path / "pieces/a.pkl").exists()


def test_a_piece_whose_file_was_deleted_is_made_again(tmp_path, log):
    dataset = partitions(tmp_path)
    dataset.save({"a": partial(double, 1, log)})
    (tmp_path / "pieces/a.pkl").unlink()
    dataset.save({"a": partial(double, 1, log)})
    assert values(dataset) == {"a": 2}


@pytest.mark.parametrize("removed", [["a.pkl"], [".a.key"], ["a.pkl", ".a.key"]])
def test_a_complete_dataset_that_has_lost_a_piece_is_missing_and_never_loaded_in_part(
    tmp_path, log, removed
):
    dataset = partitions(tmp_path)
    dataset.save({"a": partial(double, 1, log), "b": partial(double, 2, log)})
    for name in removed:
        (tmp_path / "pieces" / name).unlink()
    assert not dataset.exists()
    with pytest.raises(Exception, match=r"a\.pkl: it, or its key .* --only-missing-outputs"):
        dataset.load()
    dataset.save({"a": partial(double, 1, log), "b": partial(double, 2, log)})
    assert values(dataset) == {"a": 2, "b": 4}
    assert calls(log) == ["1", "2", "1"]


def test_pieces_that_a_broken_off_run_left_are_not_taken_for_all(tmp_path, log):
    dataset = partitions(tmp_path)
    with pytest.raises(Exception, match="pieces: not there, or not complete"):
        dataset.load()
    with pytest.raises(Exception, match="1 of 2 pieces"):
        dataset.save({"a": partial(fail, "no"), "b": partial(double, 2, log)})
    with pytest.raises(Exception, match="pieces: not there, or not complete"):
        dataset.load()


def test_a_piece_of_which_a_byte_has_flipped_is_refused_by_name(tmp_path, log):
    dataset = partitions(tmp_path)
    dataset.save({"a": partial(double, 1, log), "b": partial(double, 2, log)})
    file = tmp_path / "pieces/a.pkl"
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    pieces = dataset.load()
    assert pieces["b"]() == 4
    with pytest.raises(EpochalError, match=r"a\.pkl: not as it was written .*: remove it; kedro"):
        pieces["a"]()


def test_pieces_whose_keys_have_no_checksum_yet_are_taken_as_they_are(tmp_path, log):
    dataset = partitions(tmp_path)
    dataset.save({"a": partial(double, 1, log)})
    for key_file in (tmp_path / "pieces").glob(".[ac]*"):
        key_file.write_text(key_file.read_text().split("\n")[0])
    assert dataset.exists()
    assert values(dataset) == {"a": 2}
    dataset.save({"a": partial(double, 1, log)})
    assert calls(log) == ["1"]
    (tmp_path / "pieces/a.pkl").unlink()
    assert not dataset.exists()


def test_pieces_of_another_run_are_refused_by_name(tmp_path, log):
    one, two = partitions(tmp_path), partitions(tmp_path)
    for dataset, key in ((one, "one"), (two, "two")):
        dataset.expect(key)
        dataset.save({"a": partial(double, 1, log)})
    with pytest.raises(DatasetError, match=r"pieces: another run has written it since: .*; kedro"):
        one.load()
    assert values(two) == {"a": 2}
    assert values(partitions(tmp_path)) == {"a": 2}  # outside a run


@pytest.mark.parametrize("name", ["a", "c"])
def test_a_piece_that_another_run_makes_after_the_mark_is_refused_by_name(tmp_path, log, name):
    dataset = partitions(tmp_path)
    pieces = {"a": partial(double, 1, log), "b": partial(double, 2, log)}
    dataset.save(pieces)
    mark = dataset.key_path.read_text()
    partitions(tmp_path).save(pieces | {name: partial(double, 3, log)})
    dataset.key_path.write_text(mark)  # the other had begun before, and ends later
    with pytest.raises(DatasetError, match=rf"{name}\.pkl: another run has .*: remove it; kedro"):
        dataset.load()


def test_a_piece_that_another_run_makes_before_it_is_read_is_refused(tmp_path, log):
    dataset = partitions(tmp_path)
    dataset.save({"a": partial(double, 1, log), "b": partial(double, 2, log)})
    pieces = dataset.load()
    partitions(tmp_path).save({"a": partial(double, 3, log), "b": partial(double, 2, log)})
    assert pieces["b"]() == 4
    with pytest.raises(EpochalError, match=r"a\.pkl: another run has written it since"):
        pieces["a"]()


def test_one_failure_loses_none_of_the_others_and_all_failures_are_named(tmp_path, log):
    dataset = partitions(tmp_path)
    with pytest.raises(Exception, match="2 of 3 pieces") as caught:
        dataset.save(
            {"a": partial(fail, "first"), "b": partial(double, 2, log), "c": partial(fail, "last")}
        )
    message = str(caught.value)
    assert "a: first" in message
    assert "c: last" in message
    assert whole_pieces(tmp_path) == {"b": 4}
    assert not dataset.exists()


def test_a_resume_after_a_failure_makes_only_what_is_missing(tmp_path, log):
    dataset = partitions(tmp_path)
    with pytest.raises(Exception, match="1 of 2 pieces"):
        dataset.save({"a": partial(fail, "no"), "b": partial(double, 2, log)})
    dataset.save({"a": partial(double, 1, log), "b": partial(double, 2, log)})
    assert calls(log) == ["2", "1"]
    assert dataset.exists()


def test_a_bad_recording_is_tolerated_where_the_catalog_says_so_and_written_down(tmp_path, log):
    dataset = partitions(tmp_path, tolerate_bad_recordings=True)
    dataset.save({"a": partial(refuse, "a.edf"), "b": partial(double, 2, log)})
    assert dataset.failures() == {"a": "a.edf: it is empty"}
    assert values(dataset) == {"b": 4}
    assert dataset.exists()


def test_when_no_recording_is_good_the_run_fails(tmp_path):
    dataset = partitions(tmp_path, tolerate_bad_recordings=True)
    with pytest.raises(Exception, match=r"a\.edf: it is empty"):
        dataset.save({"a": partial(refuse, "a.edf")})


def test_an_empty_dataset_saves_and_loads_as_empty(tmp_path):
    dataset = partitions(tmp_path)
    dataset.save({})
    assert dataset.load() == {}
    assert dataset.exists()


def test_a_ready_value_is_saved_as_it_is(tmp_path):
    dataset = partitions(tmp_path)
    dataset.save({"a": 5})
    assert values(dataset) == {"a": 5}


def test_the_dataset_exists_only_under_the_key_that_is_expected(tmp_path, log):
    dataset = partitions(tmp_path)
    dataset.expect("made from this")
    dataset.save({"a": partial(double, 1, log)})
    assert dataset.exists()
    again = partitions(tmp_path)
    again.expect("made from something else")
    assert not again.exists()


def test_a_loaded_piece_says_what_it_was_made_from_and_survives_pickling(tmp_path, log):
    dataset = partitions(tmp_path)
    dataset.save({"a": partial(double, 1, log)})
    before = dataset.load()["a"]
    dataset.save({"a": partial(double, 7, log)})
    after = pickle.loads(pickle.dumps(dataset.load()["a"]))
    assert before.key != after.key
    assert after() == 14


def test_pieces_are_made_in_worker_processes_too(tmp_path, log):
    dataset = Partitions(
        path=str(tmp_path / "pieces"),
        dataset="pickle.PickleDataset",
        filename_suffix=".pkl",
        parallel={"backend": "processes", "n_jobs": 2, "progress": False},
    )
    with pytest.raises(Exception, match="c: no") as caught:
        dataset.save({"a": partial(pow, 2, 3), "b": partial(pow, 2, 4), "c": partial(fail, "no")})
    assert isinstance(caught.value.__cause__, EpochalError)
    assert whole_pieces(tmp_path) == {"a": 8, "b": 16}


def test_tables_are_pieces_like_any_other(tmp_path):
    dataset = Partitions(
        path=str(tmp_path / "tables"), dataset="pandas.ParquetDataset", filename_suffix=".parquet"
    )
    dataset.save({"night": partial(pd.DataFrame, {"x": [1, 2]})})
    assert dataset.load()["night"]()["x"].tolist() == [1, 2]


SLOW_SAVE = """
    import sys, time
    from functools import partial
    from epochal.datasets.partitions import Partitions

    def piece(number):
        if number == 3:
            print("hanging", flush=True)
            time.sleep(600)
        return number

    Partitions(path=sys.argv[1], dataset="pickle.PickleDataset", filename_suffix=".pkl",
               parallel={"backend": "sequential", "progress": False}).save(
        {str(number): partial(piece, number) for number in range(5)})
"""


@pytest.mark.slow
def test_after_kill_9_whole_pieces_stay_and_nothing_is_half_written(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(textwrap.dedent(SLOW_SAVE))
    folder = tmp_path / "pieces"
    process = subprocess.Popen(
        [sys.executable, script, folder], stdout=subprocess.PIPE, env={**os.environ}
    )
    assert process.stdout.readline() == b"hanging\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert whole_pieces(tmp_path) == {"0": 0, "1": 1, "2": 2}
    dataset = partitions(tmp_path)
    assert not dataset.exists()


def test_what_a_kill_left_half_written_goes_with_a_later_save(tmp_path):
    left = tmp_path / "pieces" / ".part-1-night.pkl"
    left.parent.mkdir()
    left.write_bytes(b"half")
    os.utime(left, (time.time() - 3700,) * 2)
    partitions(tmp_path).save({"a": 1})
    assert not left.exists()
