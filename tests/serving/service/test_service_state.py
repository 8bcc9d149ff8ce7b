import asyncio
import threading

import pytest

from epochal.serving.service.options import ServiceOptions
from epochal.serving.service.problems import Problem
from epochal.serving.service.state import Service, Workers


@pytest.fixture
def service(tmp_path):
    made = Service(ServiceOptions(work_folder=tmp_path / "work", timeout_s=60))
    yield made
    made.stop()


def test_work_is_done_in_another_thread_and_its_result_comes_back(service):
    def work(one, *, other):
        return threading.current_thread().name, one + other

    name, total = asyncio.run(service.run(work, 1, other=2))
    assert name.startswith("worker")
    assert total == 3


def test_what_the_work_raises_is_raised_to_who_asked(service):
    def fail():
        raise ValueError("as it was")

    with pytest.raises(ValueError, match="as it was"):
        asyncio.run(service.run(fail))
    assert service.workers.n_taken == 0


@pytest.mark.slow
def test_work_that_takes_too_long_is_told_so(tmp_path):
    service = Service(ServiceOptions(work_folder=tmp_path, timeout_s=0.05))
    over = threading.Event()
    with pytest.raises(Problem, match=r"not done within 0\.05 s") as raised:
        asyncio.run(service.run(over.wait, 60))
    over.set()
    service.stop()
    assert raised.value.status == 504


def test_a_full_queue_is_said_to_be_full_and_empties_again():
    workers, go = Workers(1, 1), threading.Event()
    first, second = workers.submit(go.wait), workers.submit(lambda: "second")
    with pytest.raises(Problem, match="2 requests are under way or waiting") as raised:
        workers.submit(lambda: "third")
    assert raised.value.status == 429
    go.set()
    assert first.result() is True
    assert second.result() == "second"
    workers.stop()
    assert workers.n_taken == 0


def test_stopping_finishes_what_is_under_way():
    workers, begun, go, done = Workers(1, 1), threading.Event(), threading.Event(), []

    def work():
        begun.set()
        go.wait()
        done.append(True)

    workers.submit(work)
    assert begun.wait(60)
    threading.Timer(0.05, go.set).start()
    workers.stop()
    assert done == [True]


def test_the_work_folder_is_made_when_it_is_needed(tmp_path, service):
    assert not (tmp_path / "work").exists()
    assert service.work_folder.is_dir()


def test_without_a_given_folder_work_lies_in_a_temporary_one_that_goes_with_the_service():
    service = Service(ServiceOptions())
    (service.work_folder / "upload").write_text("of somebody")
    service.stop()
    assert not service.work_folder.exists()


def test_corrections_in_a_temporary_folder_outlive_the_service_which_says_where(caplog, tmp_path):
    service = Service(ServiceOptions())
    service.__dict__["work_folder"] = tmp_path / "made"
    trail = service.review_folder / "of-a-job" / "corrections.jsonl"
    untouched = service.review_folder / "only-begun" / "epochs.csv"
    signals = service.work_folder / "jobs" / "1" / "signals.h5"
    for path in (trail, untouched, signals, service.work_folder / "upload"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("of somebody")
    service.stop()
    assert [path for path in service.work_folder.rglob("*") if path.is_file()] == [trail]
    (line,) = caplog.messages
    assert f"corrections lie in {service.review_folder};" in line


def test_a_given_folder_stays_with_what_is_in_it(tmp_path):
    service = Service(ServiceOptions(work_folder=tmp_path))
    (service.work_folder / "job").write_text("accepted")
    service.stop()
    assert (tmp_path / "job").exists()


def test_every_option_is_read_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("EPOCHAL_SERVE_BUNDLES", f'{{"night": "{tmp_path}"}}')
    monkeypatch.setenv("EPOCHAL_SERVE_MAX_WAITING", "7")
    options = ServiceOptions()
    assert options.bundles == {"night": tmp_path}
    assert options.max_waiting == 7


def test_every_option_is_described():
    fields = ServiceOptions.model_fields.items()
    assert [name for name, field in fields if not field.description] == []
