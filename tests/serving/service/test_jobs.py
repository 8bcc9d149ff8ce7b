import shutil

import pytest

from epochal.serving.service import jobs as jobs_module
from epochal.serving.service.job_files import JobState
from epochal.serving.service.jobs import MAX_ATTEMPTS, Jobs, jobs_of
from epochal.serving.service.problems import Problem
from epochal.serving.service.state import Service
from service_material import make_options, write_night
from waiting import until


@pytest.fixture
def service(tmp_path):
    made = Service(make_options(tmp_path))
    yield made
    made.workers.stop()


def hand_in(jobs: Jobs, tmp_path, number: int = 0, **facts) -> JobState:
    folder = tmp_path / "work/uploads" / str(number)
    (folder / "received").mkdir(parents=True)
    write_night(folder / "received/night.edf")
    given = {"bundle": None, "name": "night.edf", "file": "received/night.edf", **facts}
    state = JobState(id=f"{number:032x}", **given)
    jobs.files.accept(folder, state)
    return state


def wait_for(jobs: Jobs, state: JobState) -> JobState:
    def is_over(found):
        return found is not None and found.is_over

    return until(lambda: jobs.files.read(state.id), is_over, within_s=300)


@pytest.mark.slow
def test_what_an_earlier_process_left_is_taken_up_at_the_start(service, tmp_path):
    jobs = Jobs(service)
    waiting = hand_in(jobs, tmp_path)
    running = hand_in(jobs, tmp_path, 1, status="running", attempts=1)
    jobs.start()
    for state in (waiting, running):
        ended = wait_for(jobs, state)
        assert (ended.status, ended.percent, ended.bundle) == ("done", 100, "tiny")
        assert jobs.files.kinds(state.id) == ["csv", "edf", "json", "report"]
    jobs.stop()


def test_an_upload_that_nobody_was_promised_is_cleared_away(service, tmp_path):
    left = service.work_folder / "uploads" / "half"
    left.mkdir(parents=True)
    jobs = Jobs(service)
    jobs.start()
    assert not left.exists()
    jobs.stop()


def test_a_second_service_in_the_folder_leaves_the_jobs_alone(service, tmp_path):
    first, second = Jobs(service), Jobs(service)
    first.start()
    hand_in(second, tmp_path)
    second.start()
    assert second._queue.qsize() == 0
    first.stop()
    second.stop()


def test_a_job_that_ends_the_process_again_and_again_is_given_up(service, tmp_path):
    jobs = Jobs(service)
    state = hand_in(jobs, tmp_path, status="running", attempts=MAX_ATTEMPTS)
    jobs.start()
    ended = wait_for(jobs, state)
    assert ended.status == "failed"
    assert "given up" in ended.error["detail"]
    jobs.stop()


def test_a_failure_that_nobody_foresaw_ends_one_job_alone(service, tmp_path, monkeypatch):
    jobs = Jobs(service)
    good = jobs_module.score_upload

    def score(service, path, name, **more):
        if name == "bad.edf":
            raise ZeroDivisionError
        return good(service, path, name, **more)

    monkeypatch.setattr(jobs_module, "score_upload", score)
    bad, fine = hand_in(jobs, tmp_path, name="bad.edf"), hand_in(jobs, tmp_path, 1)
    jobs.start()
    assert wait_for(jobs, bad).error == {
        "status": 500,
        "detail": "an unforeseen failure (ZeroDivisionError)",
    }
    assert wait_for(jobs, fine).status == "done"
    jobs.stop()


def test_a_job_that_is_deleted_while_it_runs_leaves_nothing(service, tmp_path, monkeypatch):
    jobs = Jobs(service)
    good = jobs_module.score_upload

    def score(*given, **more):
        found = good(*given, **more)
        assert jobs.files.delete(state.id)
        return found

    monkeypatch.setattr(jobs_module, "score_upload", score)
    state = hand_in(jobs, tmp_path)
    jobs._do(state.id)
    assert list(jobs.files.root.iterdir()) == []


def test_the_stages_follow_one_another(service, tmp_path, monkeypatch):
    jobs = Jobs(service)
    told = []
    monkeypatch.setattr(
        jobs.files, "write", lambda state: told.append((state.stage, state.percent)) or True
    )
    jobs._do(hand_in(jobs, tmp_path).id)
    assert [stage for stage, _ in dict.fromkeys(told)] == [
        "waiting", "reading", "scoring", "writing", "done",
    ]  # fmt: skip
    percents = [percent for _, percent in told]
    assert percents == sorted(percents)


def test_results_expire(tmp_path):
    service = Service(make_options(tmp_path, keep_jobs_s=0.2))
    jobs = Jobs(service)
    state = hand_in(jobs, tmp_path)
    jobs.start()
    until(lambda: jobs.files.read(state.id) is None)
    jobs.stop()
    service.workers.stop()


def test_too_many_waiting_jobs_are_refused(tmp_path, monkeypatch):
    service = Service(make_options(tmp_path, max_waiting=1))
    jobs = Jobs(service)
    jobs.check_room()
    for number in range(2):
        jobs._queue.put(str(number))
    with pytest.raises(Problem, match="2 jobs are waiting") as refused:
        jobs.check_room()
    assert refused.value.status == 429
    service.workers.stop()


def test_a_service_has_one_set_of_jobs(service):
    assert jobs_of(service) is jobs_of(service)


def test_a_temporary_work_folder_has_nothing_to_take_up(tmp_path):
    service = Service(make_options(tmp_path).model_copy(update={"work_folder": None}))
    jobs = Jobs(service)
    jobs.start()
    assert "work_folder" not in service.__dict__  # none was made for it
    jobs.stop()
    service.workers.stop()
    shutil.rmtree(service.work_folder)
