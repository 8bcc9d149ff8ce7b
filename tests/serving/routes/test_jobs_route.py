import httpx
import pytest

from epochal.provenance import RESEARCH_USE
from epochal.serving.service.alert_rules import AlertRule
from service_material import LABELS, NAME, PATIENCE_S, Server, client_of, ended, write_night
from waiting import until


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def client(folder):
    with client_of(folder) as made:
        yield made


@pytest.fixture(scope="module")
def night(folder) -> bytes:
    return write_night(folder / "night.edf").read_bytes()


def submit(client, content: bytes, query: str = "", *, name: str = "night.edf"):
    return client.post(f"/api/jobs{query}", files={"file": (name, content)})


def score(client, content: bytes, query: str) -> bytes:
    return client.post(f"/score{query}", files={"file": ("night.edf", content)}).content


@pytest.mark.slow
def test_a_job_is_accepted_done_and_fetched_in_every_format(client, night):
    response = submit(client, night)
    assert response.status_code == 202
    location = response.headers["Location"]
    assert location == f"/api/jobs/{response.json()['id']}"
    done = ended(client, location)
    assert (done["status"], done["percent"], done["bundle"]) == ("done", 100, NAME)
    assert (done["data_source"], done["in_sample"]) == ("simulated", False)
    assert done["notice"] == RESEARCH_USE
    assert done["expires_at"] > done["finished_at"]
    for kind, address in done["results"].items():
        result = client.get(address)
        assert result.status_code == 200
        assert result.headers["X-Epochal-Data-Source"] == "simulated"
        shown = "inline" if kind == "report" else "attachment"
        assert result.headers["Content-Disposition"].startswith(f'{shown}; filename="night.')
        assert kind in address
    answer = client.get(done["results"]["json"]).json()
    assert [one["label"] for one in answer["recordings"][0]["epochs"]] == LABELS
    assert "expires_at" in answer["retention"]


@pytest.mark.slow
def test_the_json_of_a_job_has_its_alerts_by_the_jobs_id(tmp_path, night):
    rule = AlertRule(label="REM", probability=0.5, for_s=60)
    with client_of(tmp_path, alerts=(rule,)) as client:
        location = submit(client, night).headers["Location"]
        done = ended(client, location)
        answer = client.get(done["results"]["json"]).json()
    (alert,) = answer["recordings"][0]["alerts"]
    assert (alert["label"], alert["onset_s"], alert["source"]) == ("REM", 240.0, done["id"])


@pytest.mark.slow
def test_the_result_is_that_of_score(client, night):
    location = submit(client, night).headers["Location"]
    ended(client, location)
    direct = client.post("/score", files={"file": ("night.edf", night)})
    assert client.get(f"{location}/result").text == direct.text


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lightgbm", "stack_forward"])
def test_another_model_answers_a_job_in_every_format_as_score_does(client, night, model):
    response = submit(client, night, f"?model={model}")
    assert response.json()["model"] == model
    done = ended(client, response.headers["Location"])
    assert done["model"] == model
    assert sorted(done["results"]) == ["csv", "edf", "json", "report"]
    results = {kind: client.get(address) for kind, address in done["results"].items()}
    for kind, result in results.items():
        assert result.headers["X-Epochal-Bundle"] == NAME
        assert result.headers["X-Epochal-Model"] == model
        if kind != "json":  # which says when it expires
            assert result.content == score(client, night, f"?model={model}&format={kind}")
    answer = results["json"].json()
    assert answer["model"] == answer["recordings"][0]["summary"]["model"] == model
    assert results["csv"].content != score(client, night, "?format=csv")


@pytest.mark.slow
def test_a_job_that_names_no_model_says_which_one_answered(client, night):
    response = submit(client, night)
    assert response.json()["model"] is None
    headline = client.get("/api/bundle").json()["manifest"]["headline"]
    assert ended(client, response.headers["Location"])["model"] == headline


def test_a_model_that_the_bundle_lacks_makes_no_job_and_the_problem_is_that_of_score(client):
    before = len(client.get("/api/jobs").json())
    refused = submit(client, b"nothing", "?model=lightgm")
    direct = client.post("/score?model=lightgm", files={"file": ("night.edf", b"nothing")})
    assert refused.status_code == direct.status_code == 422
    assert "did you mean 'lightgbm'?" in refused.json()["detail"]
    assert refused.json()["detail"] == direct.json()["detail"]
    assert len(client.get("/api/jobs").json()) == before


def test_a_job_that_fails_says_why(client):
    failed = ended(client, submit(client, b"garbage").headers["Location"])
    assert failed["status"] == "failed"
    assert failed["error"]["status"] == 422
    assert "not an EDF" in failed["error"]["detail"]
    result = client.get(f"/api/jobs/{failed['id']}/result")
    assert result.status_code == 409
    assert "the job is failed" in result.json()["detail"]


@pytest.mark.slow
def test_jobs_are_listed_and_deleted(client, night):
    location = submit(client, night).headers["Location"]
    job_id = location.rsplit("/", 1)[1]
    assert job_id in {one["id"] for one in client.get("/api/jobs").json()}
    assert client.delete(location).status_code == 204
    assert client.get(location).status_code == 404
    assert client.get(f"{location}/result").status_code == 404
    assert client.delete(location).status_code == 404
    assert job_id not in {one["id"] for one in client.get("/api/jobs").json()}


@pytest.mark.slow
def test_the_upload_is_gone_once_it_is_scored(client, night, folder):
    job_id = submit(client, night, "?simulated=true").json()["id"]
    ended(client, f"/api/jobs/{job_id}")
    kept = {"job.json", "result.csv", "result.edf", "result.json", "result.report"}
    place = folder / "work/jobs" / job_id
    assert until(lambda: {one.name for one in place.iterdir()}, lambda left: left == kept)


@pytest.mark.parametrize("job_id", ["x", "0" * 31, "0" * 33, "..%2f..%2fetc", "G" * 32])
def test_an_id_that_is_none_reaches_no_file(client, job_id):
    assert client.get(f"/api/jobs/{job_id}").status_code in {404, 422}
    assert client.delete(f"/api/jobs/{job_id}").status_code in {404, 422}


def test_an_upload_that_is_wrong_is_no_job(client):
    before = len(client.get("/api/jobs").json())
    assert submit(client, b"", name="a.edf").status_code == 422
    assert submit(client, b"x", name="a.exe").status_code == 422
    assert submit(client, b"x", "?bundle=nix").status_code == 404
    assert len(client.get("/api/jobs").json()) == before


@pytest.mark.slow
def test_what_was_accepted_survives_the_death_of_the_server(tmp_path):
    night = write_night(tmp_path / "night.edf", LABELS * 40).read_bytes()
    server = Server(tmp_path).wait()
    try:
        accepted = []
        for number in range(4):
            files = {"file": (f"night{number}.edf", night)}
            response = server.post("/api/jobs", files=files)
            assert response.status_code == 202
            accepted.append(response.headers["Location"])
    finally:
        server.kill()  # -9, with jobs under way and waiting
    reborn = Server(tmp_path).wait()
    try:
        with httpx.Client(base_url=reborn.url, timeout=PATIENCE_S) as client:
            for number, location in enumerate(accepted):
                done = ended(client, location)
                assert (done["status"], done["file"]) == ("done", f"night{number}.edf")
                answer = client.get(done["results"]["json"]).json()
                labels = [one["label"] for one in answer["recordings"][0]["epochs"]]
                assert labels == LABELS * 40
    finally:
        reborn.kill()
