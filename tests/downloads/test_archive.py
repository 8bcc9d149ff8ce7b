import contextlib
import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.downloads import DownloadError
from epochal.downloads.archive import DamagedError, Limits, is_unpacked, open_archive, unpack
from epochal.errors import RecordingError

SMALL = Limits(n_members=10, n_bytes=100_000, ratio=50, ratio_from_bytes=1000)


def write_zip(path: Path, members: dict[str, bytes], *, packed: bool = False) -> Path:
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return path


def refusal(path: Path, limits: Limits = SMALL) -> str:
    with pytest.raises(RecordingError) as caught, open_archive(path, limits):
        raise AssertionError("it was opened")
    return caught.value.reason


def unpack_all(path: Path, folder: Path, limits: Limits = SMALL) -> None:
    with open_archive(path, limits) as archive:
        members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        unpack(archive, members, folder)


def test_members_come_whole_in_their_folders(tmp_path):
    unpack_all(write_zip(tmp_path / "a.zip", {"S2/a": b"one", "b": b"two"}), tmp_path / "out")
    assert (tmp_path / "out/S2/a").read_bytes() == b"one"
    assert (tmp_path / "out/b").read_bytes() == b"two"


def test_every_byte_is_told(tmp_path):
    heard: list[int] = []
    with open_archive(write_zip(tmp_path / "a.zip", {"a": b"12345"}), SMALL) as archive:
        unpack(archive, {"a": archive.infolist()[0]}, tmp_path, on_bytes=heard.append)
    assert sum(heard) == 5


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "S2/../../a",
        "/etc/passwd",
        "\\windows\\a",
        "S2\\..\\..\\a",
        "C:/a",
        "a:b",
        "S2/\x01",
    ],
)
def test_a_name_that_leads_elsewhere_refuses_the_whole_zip(tmp_path, name):
    path = write_zip(tmp_path / "a.zip", {"good": b"1", name: b"2"})
    assert "leads out of the folder" in refusal(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_refuse_the_whole_zip(tmp_path, kind):
    info = zipfile.ZipInfo("S2/S2.pkl")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "is a link or a device" in refusal(tmp_path / "a.zip")


def test_a_zip_that_needs_a_password_is_refused(tmp_path):
    data = bytearray(write_zip(tmp_path / "a.zip", {"a": b"1"}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    assert "needs a password" in refusal(tmp_path / "a.zip")


def test_a_bomb_is_refused_before_a_byte_is_written(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a": b"0" * 90_000}, packed=True)
    assert "as only a bomb does" in refusal(path)


def test_many_members_that_are_too_much_together_are_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {str(n): b"0123456789" * 1500 for n in range(9)})
    assert refusal(path) == "135.0 kB unpacked, over 100.0 kB"


def test_too_many_members_are_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {str(n): b"" for n in range(11)})
    assert refusal(path) == "11 members, more than 10"


def test_two_members_of_one_name_are_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"A": b"1", "a": b"2"})
    assert refusal(path) == "two members of one name"


def test_a_file_that_is_no_zip_is_refused_by_name(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"not a zip at all")
    with pytest.raises(RecordingError, match=r"a\.zip: not a whole zip file"):
        unpack_all(tmp_path / "a.zip", tmp_path)


def test_a_zip_that_is_not_there_is_refused_by_name(tmp_path):
    assert refusal(tmp_path / "absent.zip") == "no such file"


def test_a_truncated_zip_is_refused_as_not_whole(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a": b"1" * 1000})
    path.write_bytes(path.read_bytes()[:-30])
    assert "not a whole zip file" in refusal(path)


def test_a_damaged_member_leaves_nothing_and_keeps_the_others(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a": b"whole", "b": b"DAMAGED"})
    path.write_bytes(path.read_bytes().replace(b"DAMAGED", b"damaged"))
    with pytest.raises(DamagedError, match="Bad CRC-32 for file 'b'"):
        unpack_all(path, tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a"]


def test_a_lie_about_the_size_is_found_out(tmp_path):
    """The directory says 7 bytes, 7,000 are packed: no more than 7 are ever written."""
    data = bytearray(write_zip(tmp_path / "a.zip", {"a": bytes(7000)}, packed=True).read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 24 : central + 28] = (7).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DamagedError):
        unpack_all(tmp_path / "a.zip", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_packing_that_is_not_supported_is_refused(tmp_path):
    data = bytearray(write_zip(tmp_path / "a.zip", {"a": b"1"}).read_bytes())
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + offset] = 97
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(RecordingError, match="packed in a way that is not supported"):
        unpack_all(tmp_path / "a.zip", tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a": b"1"})
    (tmp_path / "out/a").mkdir(parents=True)
    with pytest.raises(DownloadError, match="cannot be written"):
        unpack_all(path, tmp_path / "out")


def test_a_file_is_known_as_unpacked_by_size_and_checksum(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a": b"12345"})
    with open_archive(path, SMALL) as archive:
        member, target = archive.infolist()[0], tmp_path / "a"
        assert not is_unpacked(member, target)
        target.write_bytes(b"1234")
        assert not is_unpacked(member, target)
        target.write_bytes(b"54321")
        assert not is_unpacked(member, target)
        target.write_bytes(b"12345")
        assert is_unpacked(member, target)


def a_good_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("S2/S2.pkl", bytes(range(256)) * 4)
        archive.writestr("S2/S2_quest.csv", b"# Subj;S2")
    return buffer.getvalue()


GOOD = a_good_zip()


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.integers(0, len(GOOD) - 1), st.integers(0, 255), max_size=6),
       end=st.integers(0, len(GOOD)))  # fmt: skip
def test_no_damage_whatever_ends_in_a_traceback_or_a_half_written_file(tmp_path, changes, end):
    data = bytearray(GOOD)
    for at, value in changes.items():
        data[at] = value
    (tmp_path / "a.zip").write_bytes(data[: end or None])
    with contextlib.suppress(RecordingError, DownloadError):
        unpack_all(tmp_path / "a.zip", tmp_path / "out")
    assert not list(tmp_path.rglob("*.part"))
