import io
import json
import logging
import sys

import pytest
from fastapi.testclient import TestClient

from epochal.serving.app import create_app
from epochal.serving.service import logs
from epochal.serving.service.options import ServiceOptions

PERSON = "Jane-Doe"
KEY = "0123456789abcdef"


@pytest.fixture
def lines(monkeypatch):
    """Return what is logged, as JSON; the process's own logging is as before at the end."""
    root, written = logging.getLogger(), io.StringIO()
    before, level = list(root.handlers), root.level
    own = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
    held = [(one, list(one.handlers), one.propagate, one.level) for one in own]
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # as another server may have left it
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure("json")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # the tests' client logs what it asks
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    for one, handlers, propagate, own_level in held:
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(own_level)


@pytest.fixture
def client():
    app = create_app(ServiceOptions(api_keys=(KEY,)))

    @app.get("/note/{name}")
    def note(name: str) -> str:
        logs.note(bundle="sleep", n_epochs=12)
        logging.getLogger("epochal.test").info("within")
        return "ok"

    @app.get("/work")
    async def work() -> str:
        await app.state.service.run(logging.getLogger("epochal.test").info, "in a worker")
        return "ok"

    @app.get("/fail/{name}")
    def fail(name: str) -> None:
        raise ValueError(f"{name} cannot be read")

    return TestClient(app, raise_server_exceptions=False)


def requests_of(lines):
    return [one for one in lines() if one["message"] == "request"]


@pytest.mark.slow
def test_a_request_is_one_line_with_its_template_and_what_was_done(lines, client):
    client.get(f"/note/{PERSON}")
    (line,) = requests_of(lines)
    assert line["method"] == "GET"
    assert line["route"] == "/note/{name}"
    assert line["status"] == 200
    assert line["ms"] >= 0
    assert (line["bundle"], line["n_epochs"]) == ("sleep", 12)
    assert line["level"] == "info"
    assert line["time"].endswith("+00:00")


def test_nothing_that_a_caller_sends_is_written(lines, client):
    client.get(
        f"/note/{PERSON}",
        params={"token": PERSON, "file": f"{PERSON}.edf"},
        headers={"User-Agent": PERSON, "X-API-Key": PERSON, "X-Request-ID": f"{PERSON} {PERSON}"},
    )
    client.get(f"/fail/{PERSON}")
    client.get(f"/{PERSON}")
    client.post("/api/alerts", content=PERSON, headers={"X-API-Key": PERSON})
    assert len(requests_of(lines)) == 4
    assert PERSON not in json.dumps(lines())


def test_a_failure_is_told_by_its_kind_and_place_but_not_its_words(lines, client):
    client.get(f"/fail/{PERSON}")
    failure = next(one for one in lines() if "exception" in one)
    assert failure["exception"] == "ValueError"
    assert failure["at"][-1].startswith("service/test_service_logs.py:")
    assert requests_of(lines)[0]["level"] == "error"
    assert requests_of(lines)[0]["status"] == 500


def test_who_debugs_is_shown_the_words(lines, client, monkeypatch):
    monkeypatch.setenv("EPOCHAL_DEBUG", "1")
    client.get("/fail/thing")
    assert any(one.get("reason") == "thing cannot be read" for one in lines())


def test_a_requests_id_is_taken_from_the_caller_and_given_back(lines, client):
    answer = client.get("/health", headers={"X-Request-ID": "trace-1.a_b"})
    assert answer.headers["x-request-id"] == "trace-1.a_b"
    assert requests_of(lines)[0]["request_id"] == "trace-1.a_b"


@pytest.mark.parametrize("given", ["", "with space", "a" * 65, 'in"ject', "line\\n", "é"])
def test_an_id_that_could_hold_anything_is_replaced(client, given):
    answer = client.get("/health", headers={"X-Request-ID": given.encode()})
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.headers["x-request-id"] != given


def test_every_line_within_a_request_names_it_in_worker_threads_too(lines, client):
    for path in ("/note/x", "/work"):
        request_id = client.get(path).headers["x-request-id"]
        line = next(one for one in reversed(lines()) if one["logger"] == "epochal.test")
        assert line["request_id"] == request_id
    assert line["message"] == "in a worker"


def test_outside_of_a_request_a_note_is_lost_and_lines_have_no_id(lines):
    logs.note(bundle="sleep")
    logging.getLogger("epochal.test").warning("on its own")
    (line,) = lines()
    assert (line["message"], line["level"]) == ("on its own", "warning")
    assert "request_id" not in line


def test_refusals_and_their_reasons_are_no_errors_of_the_service(lines, client):
    client.get("/api/alerts")
    (line,) = requests_of(lines)
    assert (line["status"], line["level"]) == (401, "info")


def test_the_servers_own_words_go_the_same_way_and_its_lines_of_access_do_not(lines):
    logging.getLogger("uvicorn.error").info("Started\nwell")
    logging.getLogger("uvicorn.access").info("GET /?token=secret")
    assert [one["message"] for one in lines()] == ["Started well"]


@pytest.mark.slow
def test_a_socket_is_one_line_too(lines):
    from fastapi import WebSocket

    app = create_app(ServiceOptions())

    @app.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        logs.note(n_epochs=3)
        await websocket.close()

    with TestClient(app).websocket_connect("/socket?token=secret") as one:
        assert dict(one.extra_headers)[b"x-request-id"]
    (line,) = requests_of(lines)
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/socket", 101)
    assert line["n_epochs"] == 3
    assert "secret" not in json.dumps(lines())


def test_for_people_a_line_reads_as_a_sentence_with_facts():
    record = logging.LogRecord("epochal", logging.INFO, "", 0, "request", (), None)
    record.facts = {"route": "/health", "status": 200}
    text = logs.PlainLines().format(record)
    assert text.endswith("info    request route=/health status=200")


def test_a_request_without_an_answer_is_told_as_broken_off():
    """As when the caller went away before there was one."""
    import asyncio

    from epochal.serving.service.metrics import Metrics

    async def silent(scope, receive, send):
        return

    metrics = Metrics()
    asyncio.run(logs.RequestLog(silent, metrics)(_scope(), None, None))
    labels = {"method": "GET", "route": logs.UNROUTED, "status": "499"}
    assert metrics.registry.get_sample_value("epochal_request_seconds_count", labels) == 1


def _scope():
    return {"type": "http", "method": "GET", "headers": [], "path": "/"}


def test_work_on_a_job_is_known_by_the_job_and_told_when_it_is_over(lines):
    assert logs.source() == "unknown"
    with logs.working_on("job-1"):
        assert logs.source() == "job-1"
        logs.note(n_epochs=4)
        logging.getLogger("epochal.test").info("within")
    assert logs.source() == "unknown"
    within, over = lines()
    assert within["job"] == "job-1"
    assert (over["message"], over["job"], over["n_epochs"]) == ("job", "job-1", 4)
    assert over["ms"] >= 0
