"""What the service may use of memory, from the files of Linux's control groups."""

import pytest

from epochal.serving.service.memory_limit import read_memory_limit

GIB = 1024.0**3
UNLIMITED_V1 = "9223372036854771712"


@pytest.fixture
def read(tmp_path):
    """Return a reading of groups: the process's own lines, and limits by file."""

    def read(own, files, machine=16 * GIB):
        for name, text in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        (tmp_path / "own").write_text(own)
        return read_memory_limit(machine, groups=tmp_path / "groups", own=tmp_path / "own")

    return read


def test_a_container_under_version_2_sees_its_limit_at_the_root(read):
    assert read("0::/\n", {"memory.max": int(2 * GIB)}) == 2 * GIB


def test_a_group_without_a_limit_leaves_the_machines_memory(read):
    assert read("0::/\n", {"memory.max": "max"}) == 16 * GIB
    assert read("4:memory:/\n", {"memory/memory.limit_in_bytes": UNLIMITED_V1}) == 16 * GIB


def test_a_limit_beyond_the_machines_memory_is_none(read):
    assert read("0::/\n", {"memory.max": int(64 * GIB)}) == 16 * GIB


def test_a_unit_of_the_machine_is_bound_by_its_own_group_and_all_around_it(read):
    files = {
        "system.slice/epochal.service/memory.max": "max",
        "system.slice/memory.max": int(3 * GIB),
        "other.slice/memory.max": int(1 * GIB),
    }
    assert read("0::/system.slice/epochal.service\n", files) == 3 * GIB


def test_a_container_under_version_1_sees_its_limit_at_the_root_of_memory(read):
    own = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n"
    files = {
        "memory/memory.limit_in_bytes": int(4 * GIB),
        "cpu/memory.limit_in_bytes": int(1 * GIB),
    }
    assert read(own, files) == 4 * GIB


def test_a_limit_is_told_where_the_machines_memory_is_not(read):
    assert read("0::/\n", {"memory.max": int(GIB)}, machine=None) == GIB


def test_where_nothing_tells_there_is_none(tmp_path):
    nowhere = {"groups": tmp_path / "groups", "own": tmp_path / "own"}
    assert read_memory_limit(None, **nowhere) is None
    assert read_memory_limit(GIB, **nowhere) == GIB
