import hashlib
import json
import os
from pathlib import Path

import pytest

from epochal.downloads import DownloadError
from epochal.downloads.ledger import (
    LEDGER,
    Ledger,
    locked,
    mark_processed,
    read_ledger,
    sha256_of,
)

DATA = b"a night of sleep"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.edf"
    path.write_bytes(DATA)
    return path


def saved(file: Path) -> Ledger:
    ledger = Ledger()
    ledger.record("a.edf", file, DIGEST)
    ledger.save(file.parent)
    return read_ledger(file.parent)


def test_a_folder_without_a_ledger_has_an_empty_one(tmp_path):
    assert read_ledger(tmp_path).files == {}


def test_a_recorded_file_is_known_after_a_round_trip(file):
    assert saved(file).knows("a.edf", file, DIGEST)


def test_a_file_whose_time_changed_is_known_no_more(file):
    ledger = saved(file)
    os.utime(file, ns=(1, 1))
    assert not ledger.knows("a.edf", file, DIGEST)


def test_a_file_whose_size_changed_is_known_no_more(file):
    ledger, time_ns = saved(file), file.stat().st_mtime_ns
    file.write_bytes(DATA + b"!")
    os.utime(file, ns=(time_ns, time_ns))
    assert not ledger.knows("a.edf", file, DIGEST)


def test_a_file_is_not_known_under_another_published_hash(file):
    assert not saved(file).knows("a.edf", file, "0" * 64)


def test_downloaded_is_not_yet_processed(file):
    assert not saved(file).is_processed("a.edf", DIGEST)


def test_a_file_marked_as_processed_is_so_by_its_hash_alone(file):
    saved(file)
    assert mark_processed(file.parent) == ["a.edf"]
    file.unlink()
    ledger = read_ledger(file.parent)
    assert ledger.is_processed("a.edf", DIGEST)
    assert not ledger.is_processed("a.edf", "0" * 64)
    assert not ledger.is_processed("a.edf", None)


def test_recording_the_same_content_again_keeps_it_processed(file):
    saved(file)
    mark_processed(file.parent, ["a.edf"])
    ledger = read_ledger(file.parent)
    ledger.record("a.edf", file, DIGEST)
    assert ledger.is_processed("a.edf", DIGEST)
    ledger.record("a.edf", file, "0" * 64)
    assert not ledger.is_processed("a.edf", "0" * 64)


def test_marking_a_file_that_was_never_verified_is_refused_by_name(file):
    saved(file)
    with pytest.raises(DownloadError, match=r"never downloaded and verified: b\.edf"):
        mark_processed(file.parent, ["a.edf", "b.edf"])


def test_marking_in_an_empty_folder_writes_nothing(tmp_path):
    assert mark_processed(tmp_path) == []
    assert not (tmp_path / LEDGER).exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 2}', '{"files": {"a": 1}}', "[" * 100_000, "\x00"],
)
def test_a_damaged_ledger_is_refused_by_name_unless_it_is_to_be_ignored(tmp_path, text):
    (tmp_path / LEDGER).write_text(text)
    with pytest.raises(DownloadError, match=r"epochal-downloads\.json: cannot be read"):
        read_ledger(tmp_path)
    assert read_ledger(tmp_path, ignore_damage=True).files == {}


def test_a_ledger_is_json_that_holds_no_more_than_hashes_sizes_and_times(file):
    saved(file)
    entry = json.loads((file.parent / LEDGER).read_text())["files"]["a.edf"]
    assert set(entry) == {"sha256", "n_bytes", "mtime_ns", "processed"}


def test_the_hash_is_that_of_the_standard_library(file):
    assert sha256_of(file) == DIGEST


@pytest.mark.skipif(os.name != "posix", reason="POSIX locks only")
def test_a_second_download_in_a_folder_is_refused(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(DownloadError, match="another download is writing here"),
        locked(tmp_path),
    ):
        raise AssertionError("unreachable")
    with locked(tmp_path):  # and the lock goes with the first
        assert list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_needs_no_lock(tmp_path):
    with locked(tmp_path / "absent"):
        assert not (tmp_path / "absent").exists()
