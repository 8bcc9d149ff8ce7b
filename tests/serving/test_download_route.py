import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from downloads.physionet import Fault, Remote, serving
from downloads.small_edfx import small_edfx
from epochal.downloads import load_http
from epochal.downloads.ledger import mark_processed
from epochal.downloads.sleep_edfx import Options
from epochal.serving.routes import download as routes
from service_material import PATIENCE_S, in_thread
from waiting import until

Client = Any  # of httpx2 or httpx, whichever is installed
PSG = "sleep-cassette/SC4001E0-PSG.edf"


@pytest.fixture
def remote() -> Iterator[Remote]:
    with serving(Remote(small_edfx())) as running:
        yield running


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "raw"


@pytest.fixture
def client(remote, folder) -> Iterator[Client]:
    options = Options(base_url=remote.base_url, folder=folder, backoff_s=0.001, retries=0,
                      round_retries=0, stall_s=60)  # fmt: skip
    app = FastAPI()
    app.include_router(routes.router(options))
    with (
        in_thread(app, lifespan="off") as address,
        load_http().Client(base_url=f"http://{address}", timeout=PATIENCE_S) as running,
    ):
        yield running


def wait_for(client: Client, url: str, *statuses: str) -> dict:
    return until(lambda: client.get(url).json(), lambda job: job["status"] in statuses)


@pytest.mark.slow
@pytest.mark.parametrize(("subset", "n_recordings"), [("cassette", 8), ("telemetry", 4)])
def test_sync_waits_until_the_subset_is_here(client, folder, subset, n_recordings):
    answer = client.get(f"/download?subset={subset}&sync=true")
    assert answer.status_code == 200
    job = answer.json()
    assert (job["status"], job["subset"], job["error"]) == ("done", subset, None)
    assert len(list(folder.glob(f"sleep-{subset}/*.edf"))) == n_recordings
    assert job["summary"]["n_verified"] == n_recordings + 2
    assert job["summary"]["bytes_per_s"] > 0


@pytest.mark.slow
def test_async_answers_at_once_with_a_job_to_ask_for(client, remote, folder):
    remote.fail(PSG, Fault("stall", 100))
    answer = client.get("/download?subset=cassette&sync=false&round_retries=1")
    assert answer.status_code == 202
    url = answer.json()["status_url"]
    assert url == f"/download/{answer.json()['job']}"
    job = wait_for(client, url, "running")
    assert job["summary"] is None
    remote.hold.set()
    done = wait_for(client, url, "done", "failed")
    assert done["status"] == "done"
    assert done["progress"]["n_files"] == done["progress"]["n_files_done"] == 10
    assert done["progress"]["n_bytes_done"] == done["progress"]["n_bytes"]
    assert (folder / PSG).exists()


@pytest.mark.slow
def test_the_default_does_not_wait(client):
    answer = client.get("/download?subset=telemetry")
    assert answer.status_code == 202
    wait_for(client, answer.json()["status_url"], "done")


@pytest.mark.slow
def test_a_request_for_what_is_under_way_joins_it(client, remote):
    remote.fail(PSG, Fault("stall", 100))
    first = client.get("/download?subset=cassette&round_retries=1").json()
    again = client.get("/download?subset=cassette&round_retries=1").json()
    assert first["job"] == again["job"]
    remote.hold.set()
    wait_for(client, first["status_url"], "done")
    later = client.get("/download?subset=cassette&round_retries=1&sync=true").json()
    assert later["job"] != first["job"]
    assert later["summary"]["n_present"] == 10


@pytest.mark.slow
def test_another_subset_waits_for_its_turn(client, remote):
    remote.fail(PSG, Fault("stall", 100))
    first = client.get("/download?subset=cassette&round_retries=1").json()
    wait_for(client, first["status_url"], "running")
    second = client.get("/download?subset=telemetry").json()
    time.sleep(0.1)  # in which it would begin if it did not wait
    assert client.get(second["status_url"]).json()["status"] == "waiting"
    remote.hold.set()
    assert wait_for(client, second["status_url"], "done", "failed")["status"] == "done"
    assert wait_for(client, first["status_url"], "done", "failed")["status"] == "done"


@pytest.mark.slow
def test_round_retries_bring_a_file_that_failed_at_first(client, remote):
    remote.fail(PSG, Fault("status", code=503))
    failed = client.get("/download?subset=cassette&sync=true&round_retries=0")
    assert failed.status_code == 502
    assert PSG in failed.json()["error"]
    remote.fail(PSG, Fault("status", code=503))
    assert client.get("/download?subset=cassette&sync=true&round_retries=1").status_code == 200


@pytest.mark.slow
def test_processed_files_are_skipped_unless_hashes_are_ignored(client, folder):
    client.get("/download?subset=cassette&sync=true")
    mark_processed(folder)
    (folder / PSG).unlink()
    skipped = client.get("/download?subset=cassette&sync=true").json()["summary"]
    assert (skipped["n_fetched"], skipped["n_processed"]) == (0, 1)
    fetched = client.get("/download?subset=cassette&sync=true&ignore_hash=true").json()["summary"]
    assert fetched["n_fetched"] == 1
    assert (folder / PSG).exists()


@pytest.mark.slow
def test_subjects_may_be_chosen(client, folder):
    job = client.get("/download?subset=cassette&sync=true&subjects=0-1").json()
    assert job["summary"]["n_files"] == 8
    assert not list(folder.glob("sleep-cassette/SC482*"))


def test_a_failure_is_told_with_its_reason(client, remote):
    remote.with_sums = remote.with_index = False
    answer = client.get("/download?subset=cassette&sync=true")
    assert answer.status_code == 502
    assert "neither SHA256SUMS.txt nor an index" in answer.json()["error"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "subset=casette",
        "subset=cassette&sync=perhaps",
        "subset=cassette&round_retries=-1",
        "subset=cassette&round_retries=many",
        "subset=cassette&subjects=one",
    ],
)
def test_a_wrong_request_is_a_422_and_starts_nothing(client, remote, query):
    assert client.get(f"/download?{query}").status_code == 422
    assert remote.asked == []


@pytest.mark.slow
def test_nobody_but_the_operator_chooses_address_and_folder(client, remote, folder, tmp_path):
    elsewhere = f"base_url=http://127.0.0.1:9/&folder={tmp_path / 'other'}"
    assert client.get(f"/download?subset=telemetry&sync=true&{elsewhere}").status_code == 200
    assert not (tmp_path / "other").exists()
    assert list(folder.glob("sleep-telemetry/*.edf"))


def test_a_job_that_nobody_started_is_a_404(client):
    answer = client.get("/download/nothing")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "No download 'nothing'"}


def test_a_defect_fails_the_job_instead_of_leaving_it_running(client, monkeypatch):
    def defect(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("epochal.downloads.sleep_edfx.download", defect)
    job = client.get("/download?subset=cassette&sync=true").json()
    assert (job["status"], job["error"]) == ("failed", "internal error (ZeroDivisionError)")


@pytest.mark.slow
def test_old_jobs_are_forgotten(client, monkeypatch):
    monkeypatch.setattr(routes, "_KEPT_JOBS", 2)
    jobs = [client.get("/download?subset=telemetry&sync=true").json()["job"] for _ in range(4)]
    codes = [client.get(f"/download/{job}").status_code for job in jobs]
    assert codes == [404, 404, 200, 200]


def test_the_api_documents_the_routes(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/download", "/download/{job_id}"}
    names = {parameter["name"] for parameter in paths["/download"]["get"]["parameters"]}
    assert names == {"subset", "sync", "round_retries", "ignore_hash", "subjects"}


def test_without_options_the_server_is_physionets():
    assert {route.path for route in routes.router().routes} == {"/download", "/download/{job_id}"}
