import shutil
from types import SimpleNamespace

import pytest

from downloads.small_wesad import members_of, write_wesad
from epochal.downloads import DownloadError
from epochal.downloads.archive import Limits
from epochal.downloads.wesad import (
    SUBJECTS,
    Options,
    check_folder,
    missing_files,
    plan_unpacking,
    unpack_wesad,
)
from epochal.errors import RecordingError


@pytest.fixture
def options(tmp_path) -> Options:
    return Options(folder=tmp_path / "raw", archive=write_wesad(tmp_path / "w.zip"))


def test_wesad_has_fifteen_subjects_without_s1_and_s12():
    assert len(SUBJECTS) == 15
    assert {"S1", "S12"}.isdisjoint(SUBJECTS)
    assert (SUBJECTS[0], SUBJECTS[-1]) == ("S2", "S17")


def test_all_subjects_come_in_the_original_layout(options):
    plan = unpack_wesad(options)
    assert plan.problems == ()
    assert sorted(path.name for path in options.folder.iterdir() if path.is_dir()) == sorted(
        SUBJECTS
    )
    assert (options.folder / "S17/S17.pkl").read_bytes() == b"S17.pkl"
    assert check_folder(options.folder) == []


@pytest.mark.parametrize("prefix", ["", "WESAD/", "downloads/2024/WESAD/"])
def test_the_folders_around_the_subjects_do_not_matter(tmp_path, prefix):
    archive = write_wesad(tmp_path / "w.zip", prefix=prefix)
    unpack_wesad(Options(folder=tmp_path / "raw", archive=archive))
    assert check_folder(tmp_path / "raw") == []


def test_the_zip_is_looked_for_in_the_folder_where_none_is_named(tmp_path):
    write_wesad(tmp_path / "WESAD.zip")
    unpack_wesad(Options(folder=tmp_path))
    assert (tmp_path / "S2/S2.pkl").exists()


def test_a_zip_that_is_not_there_says_where_to_get_it_and_makes_no_folder(tmp_path):
    with pytest.raises(RecordingError, match=r"WESAD\.zip: no such file; ask WESAD's authors"):
        unpack_wesad(Options(folder=tmp_path / "raw"))
    assert not (tmp_path / "raw").exists()


def test_missing_subjects_are_reported_by_name(tmp_path):
    some = [subject for subject in SUBJECTS if subject not in ("S3", "S16")]
    plan = unpack_wesad(Options(folder=tmp_path, archive=write_wesad(tmp_path / "w.zip", some)))
    assert plan.problems == ("missing subjects: S3, S16 of 15",)


def test_missing_files_of_a_subject_are_reported_by_name():
    paths = {name for subject in SUBJECTS for name in members_of(subject)}
    assert missing_files(paths - {"S5/S5_quest.csv"}) == ["missing files: S5/S5_quest.csv"]


def test_a_subject_that_wesad_does_not_have_is_reported(tmp_path):
    archive = write_wesad(tmp_path / "w.zip", [*SUBJECTS, "S12"])
    plan = plan_unpacking(Options(folder=tmp_path, archive=archive))
    assert plan.problems == ("S12 is no subject of WESAD's",)


def test_what_is_not_wesads_is_left_in_the_zip(tmp_path):
    extra = ["__MACOSX/WESAD/S2/S2.pkl", "WESAD/.DS_Store", "WESAD/S2/run.sh", "WESAD/S2/S3.pkl"]
    archive = write_wesad(tmp_path / "w.zip", extra=extra)
    unpack_wesad(Options(folder=tmp_path / "raw", archive=archive))
    names = {path.name for path in (tmp_path / "raw/S2").iterdir()}
    assert names == {name.split("/")[1] for name in members_of("S2")}


def test_another_zip_is_refused(tmp_path):
    archive = write_wesad(tmp_path / "w.zip", subjects=(), extra=["train.csv"])
    with pytest.raises(RecordingError, match=r"not WESAD: it holds no S2/S2\.pkl"):
        plan_unpacking(Options(folder=tmp_path, archive=archive))


def test_one_file_twice_under_two_folders_is_refused(tmp_path):
    archive = write_wesad(tmp_path / "w.zip", extra=["copy/S2/S2.pkl"])
    with pytest.raises(RecordingError, match=r"S2/S2\.pkl is in it twice"):
        plan_unpacking(Options(folder=tmp_path, archive=archive))


def test_a_slip_refuses_the_whole_zip(tmp_path):
    archive = write_wesad(tmp_path / "w.zip", extra=["WESAD/../../S2/S2.pkl"])
    with pytest.raises(RecordingError, match="leads out of the folder"):
        unpack_wesad(Options(folder=tmp_path / "raw", archive=archive))
    assert not list((tmp_path / "raw").rglob("*.pkl"))


def test_a_bomb_is_refused(tmp_path):
    archive = write_wesad(tmp_path / "w.zip")
    limits = Limits(n_bytes=100)
    with pytest.raises(RecordingError, match="unpacked, over 100 B"):
        unpack_wesad(Options(folder=tmp_path / "raw", archive=archive, limits=limits))


def test_a_second_run_unpacks_only_what_is_missing_or_damaged(options):
    unpack_wesad(options)
    (options.folder / "S2/S2.pkl").unlink()
    (options.folder / "S3/S3.pkl").write_bytes(b"S3.xxx")
    plan = unpack_wesad(options)
    assert list(plan.to_unpack) == ["S2/S2.pkl", "S3/S3.pkl"]
    assert plan.n_here == 73
    assert (options.folder / "S3/S3.pkl").read_bytes() == b"S3.pkl"


def test_a_plan_writes_nothing_and_tells_files_sizes_and_sums(options):
    lines = plan_unpacking(options).describe()
    assert not options.folder.exists()
    assert lines[0].split() == ["unpack", "7", "B", "S10/S10.pkl"]
    n_bytes = sum(len(data) for subject in SUBJECTS for data in members_of(subject).values())
    assert lines[-1] == f"{options.folder}: 75 files to unpack, {n_bytes} B; 0 here"


def test_a_disk_that_is_too_small_is_refused_and_told_in_the_plan(options, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(DownloadError, match="are to come, but only 10 B are free"):
        unpack_wesad(options)
    assert any(line.startswith("Note: ") for line in plan_unpacking(options).describe())


def test_real_recordings_never_go_beside_simulated_ones(options):
    options.folder.mkdir()
    (options.folder / "SIMULATED.txt").write_text("Simulated.\n")
    with pytest.raises(DownloadError, match="holds simulated data"):
        unpack_wesad(options)


def test_a_folder_without_any_subject_is_refused(tmp_path):
    with pytest.raises(DownloadError, match=r"holds no S2/S2\.pkl"):
        check_folder(tmp_path)


def test_a_folder_with_some_subjects_is_told_what_is_missing(options):
    unpack_wesad(options)
    shutil.rmtree(options.folder / "S17")
    assert check_folder(options.folder) == ["missing subjects: S17 of 15"]
