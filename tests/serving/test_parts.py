import stat
import zipfile
from pathlib import Path

import pytest

from epochal.errors import RecordingError
from epochal.serving.parts import N_MEMBERS, find_recording, open_parts

E4 = {"BVP.csv": "1\n", "EDA.csv": "1\n", "tags.csv": ""}


def pack(path: Path, files: dict[str, str | bytes], **options) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def open_all(tmp_path: Path, files: dict[str, str | bytes], **options) -> Path:
    path = pack(tmp_path / "recording.zip", files, **options)
    return open_parts(path, "night", max_bytes=10**9)


def test_an_e4_folder_at_the_top_is_called_as_the_zip_was(tmp_path):
    found = open_all(tmp_path, E4)
    assert found.name == "night"
    assert {one.name for one in found.iterdir()} == set(E4)


def test_an_e4_folder_below_keeps_its_name(tmp_path):
    assert open_all(tmp_path, {f"S07/{name}": text for name, text in E4.items()}).name == "S07"


def test_the_one_recording_is_found_among_what_lies_beside_it(tmp_path):
    beside = ["EMG.mat", "night_labels.csv", "readme.txt", "__MACOSX/night.edf", ".hidden.edf"]
    found = open_all(tmp_path, {"a/night.edf": "x", **dict.fromkeys(beside, "y")})
    assert found.name == "night.edf"
    assert found.read_text() == "x"


def test_what_an_earlier_try_left_is_cleared_away(tmp_path):
    open_all(tmp_path, {"old.edf": "x"})
    assert open_all(tmp_path, {"new.edf": "x"}).name == "new.edf"


def test_several_recordings_are_refused_by_name(tmp_path):
    with pytest.raises(RecordingError, match=r"2 recordings in one zip: a.edf, b/c.mat"):
        open_all(tmp_path, {"a.edf": "x", "b/c.mat": "y"})


def test_no_recording_is_refused_with_what_would_be_one(tmp_path):
    with pytest.raises(
        RecordingError, match=r"no recording in the zip: no E4 files and no .*\.edf"
    ):
        open_all(tmp_path, {"readme.txt": "x"})


@pytest.mark.parametrize(
    "name", ["../night.edf", "/etc/night.edf", "a/../../night.edf", "..\\night.edf", "C:night.edf"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(RecordingError, match="leads out of the folder"):
        open_all(tmp_path, {name: "x"})
    assert not list(tmp_path.rglob("*.edf"))


def test_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("night.edf")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "recording.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(RecordingError, match="is a link"):
        open_parts(tmp_path / "recording.zip", "night", max_bytes=10**9)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with pytest.raises(RecordingError, match="fold, as only a bomb does"):
        open_all(tmp_path, {"night.edf": b"0" * 20_000_000}, compression=zipfile.ZIP_DEFLATED)
    assert not list((tmp_path / "unpacked/night").iterdir())


def test_more_than_the_service_takes_is_refused(tmp_path):
    path = pack(tmp_path / "recording.zip", {"night.edf": b"x" * 1000})
    with pytest.raises(RecordingError, match="unpacked, over"):
        open_parts(path, "night", max_bytes=500)


def test_a_flood_of_files_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="2001 members"):
        open_all(tmp_path, {f"{number}.csv": "" for number in range(N_MEMBERS + 1)})


def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path):
    with pytest.raises(RecordingError, match="cannot be unpacked"):
        open_all(tmp_path, {"night.edf": "x", "night.edf/a.edf": "y"})


def test_a_zip_that_is_cut_off_is_refused(tmp_path):
    path = pack(tmp_path / "recording.zip", {"night.edf": "x" * 1000})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(RecordingError, match="not a whole zip file"):
        open_parts(path, "night", max_bytes=10**9)


def test_a_damaged_member_is_refused(tmp_path):
    path = pack(tmp_path / "recording.zip", {"night.edf": "x" * 1000})
    content = bytearray(path.read_bytes())
    content[500] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(RecordingError, match="not a whole zip file"):
        open_parts(path, "night", max_bytes=10**9)


def test_a_zip_within_a_zip_is_not_opened(tmp_path):
    (tmp_path / "inner.zip").write_bytes(b"PK")
    with pytest.raises(RecordingError, match="no recording"):
        find_recording(tmp_path)
