import hashlib
import os

import pytest

from epochal.checksums import checksum, list_files


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_known_by_its_sha256(tmp_path):
    path = tmp_path / "a.edf"
    path.write_bytes(b"signal")
    assert checksum([path]) == digest(b"signal")


def test_several_files_are_known_by_theirs_in_the_given_order(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    both = [tmp_path / "a", tmp_path / "b"]
    assert checksum(both) == digest((digest(b"a") + digest(b"b")).encode())
    assert checksum(both[::-1]) != checksum(both)


def test_a_folder_stands_for_all_files_below_it_in_order(tmp_path):
    (tmp_path / "deeper").mkdir()
    for name in ("z", "a", "deeper/m"):
        (tmp_path / name).write_bytes(b"")
    names = [path.relative_to(tmp_path).as_posix() for path in list_files([tmp_path])]
    assert names == ["a", "deeper/m", "z"]


@pytest.mark.parametrize("kept_time", [False, True])
def test_a_changed_file_has_another_checksum_once_its_time_says_so(tmp_path, kept_time):
    path = tmp_path / "a.edf"
    path.write_bytes(b"one")
    before, at = checksum([path]), path.stat()
    path.write_bytes(b"two")
    later = at.st_mtime_ns + (0 if kept_time else 1)
    os.utime(path, ns=(at.st_atime_ns, later))
    assert (checksum([path]) == before) is kept_time
