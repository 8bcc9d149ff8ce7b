from datetime import UTC, datetime, timedelta

import pytest

from builders import make_night
from epochal.recording import read_recording
from epochal.serving.service.job_files import STATE, JobFolder, JobState, write_whole

ID = "0" * 32


@pytest.fixture
def files(tmp_path) -> JobFolder:
    return JobFolder(tmp_path)


def accept(files: JobFolder, job_id: str = ID, *, name: str = "night.edf", **facts) -> JobState:
    folder = files.root.parent / "uploads" / job_id
    folder.mkdir(parents=True)
    (folder / "received").mkdir()
    (folder / "received" / name).write_bytes(b"signals")
    state = JobState(id=job_id, file=f"received/{name}", name=name, bundle=None, **facts)
    files.accept(folder, state)
    return state


def test_what_is_accepted_is_there_with_its_upload(files):
    state = accept(files)
    assert files.read(ID) == state
    assert files.upload(state).read_bytes() == b"signals"
    assert list((files.root.parent / "uploads").iterdir()) == []


def test_a_new_service_finds_the_jobs_of_the_old_one(files, tmp_path):
    state = accept(files)
    assert list(JobFolder(tmp_path).states()) == [state]


def test_jobs_are_listed_the_oldest_first(files):
    now = datetime.now(UTC)
    for number, minutes in enumerate([5, 10, 1]):
        accept(files, str(number) * 32, created_at=now - timedelta(minutes=minutes))
    assert [state.id[0] for state in files.states()] == ["1", "0", "2"]


def test_results_stay_and_the_upload_goes(files):
    state = accept(files)
    (files.upload(state).parent / "unpacked").mkdir()
    assert files.keep_results(state, {"csv": b"a", "json": b"b"})
    files.drop_upload(state)
    assert files.kinds(ID) == ["csv", "json"]
    path = files.result(ID, "csv")
    assert path is not None
    assert path.read_bytes() == b"a"
    left = {one.name for one in path.parent.iterdir()}
    assert left == {STATE, "result.csv", "result.json"}


@pytest.mark.parametrize("name", ["result.csv", "signals.000.h5", "unpacked.zip"])
def test_an_upload_is_taken_for_nothing_of_the_jobs_own(files, name):
    state = accept(files, name=name)
    assert (files.kinds(ID), files.signals(ID)) == ([], [])
    files.drop_upload(state)
    assert [path.name for path in (files.root / ID).iterdir()] == [STATE]


def test_signals_are_kept_where_they_are_asked_for(files):
    state = accept(files, keep_signals=True)
    night = make_night(["W"])
    files.keep_signals(state, [night])
    files.drop_upload(state)
    (path,) = files.signals(ID)
    found = read_recording(path)
    assert found.channels[0].data[:10].tolist() == night.channels[0].data[:10].tolist()
    assert found.annotations.empty


def test_a_deleted_job_takes_nothing_more(files):
    state = accept(files)
    assert files.delete(ID)
    assert not files.delete(ID)
    assert files.read(ID) is None
    assert not files.write(state)
    assert not files.keep_results(state, {"csv": b"a"})
    assert list(files.states()) == []
    assert list(files.root.iterdir()) == []


def test_what_was_over_for_long_is_swept_away(files):
    now = datetime.now(UTC)
    for number, age_s in enumerate([10, 1000]):
        accept(files, str(number) * 32, finished_at=now - timedelta(seconds=age_s))
    accept(files, "2" * 32)  # not over: it stays however old
    assert files.sweep(100) == ["1" * 32]
    assert [state.id[0] for state in files.states()] == ["0", "2"]


def test_what_a_broken_off_delete_left_is_no_job_and_is_swept(files):
    state = accept(files)
    (files.root / state.id).rename(files.root / ".gone-1")
    assert list(files.states()) == []
    files.sweep(100)
    assert list(files.root.iterdir()) == []


def test_a_state_that_is_none_is_passed_over(files):
    (files.root / "x").mkdir()
    (files.root / "x" / STATE).write_text("{")
    assert files.read("x") is None
    assert list(files.states()) == []


def test_a_file_is_there_whole_or_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_whole(path, b"old")

    def fail(_):
        raise OSError("power cut")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="power cut"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
