import logging

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from pydantic import BaseModel

from epochal.errors import EpochalError, RecordingError
from epochal.serving.service.problems import MEDIA_TYPE, Problem, install, problem_response


class Body(BaseModel):
    rows: int


@pytest.fixture
def client():
    app = FastAPI()
    install(app)

    @app.post("/fail/{kind}")
    def fail(kind: str):
        raise {
            "problem": Problem(429, "too many", n_places=3),
            "fault": EpochalError("no such\nmodel"),
            "file": RecordingError("/secret/upload-1.edf", "it is empty"),
            "http": HTTPException(418, "a teapot", headers={"X-Pot": "tea"}),
            "bug": KeyError("secret"),
        }[kind]

    @app.post("/rows")
    def rows(body: Body):
        return body

    return TestClient(app, raise_server_exceptions=False)


def fail(client, kind):
    answer = client.post(f"/fail/{kind}")
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["status"] == answer.status_code
    return answer


def test_a_problem_has_the_members_of_the_standard_and_its_own(client):
    answer = fail(client, "problem")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "too many",
        "n_places": 3,
    }


def test_who_is_told_to_wait_is_told_for_how_long(client):
    assert fail(client, "problem").headers["retry-after"] == "1"
    assert "retry-after" not in fail(client, "fault").headers


def test_a_users_fault_is_one_line_and_no_500(client):
    answer = fail(client, "fault")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "no such model"


def test_the_path_of_an_upload_is_not_told(client):
    assert fail(client, "file").json()["detail"] == "it is empty"


def test_an_http_error_keeps_its_status_and_its_headers(client):
    answer = fail(client, "http")
    assert answer.status_code == 418
    assert answer.json()["detail"] == "a teapot"
    assert answer.headers["x-pot"] == "tea"


def test_an_invalid_body_names_each_fault_and_where(client):
    answer = client.post("/rows", json={"rows": "many"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "body.rows"
    assert "body.rows" in answer.json()["detail"]


def test_an_address_that_is_not_there_is_a_problem_too(client):
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert answer.json()["title"] == "Not Found"


def test_an_unforeseen_failure_tells_the_log_and_not_the_caller(client, caplog):
    with caplog.at_level(logging.ERROR):
        answer = fail(client, "bug")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "KeyError" in caplog.text


def test_a_problem_can_be_sent_from_outside_the_routes():
    answer = problem_response(413, "too large", headers={"Connection": "close"}, allowed=5)
    assert answer.status_code == 413
    assert b'"allowed":5' in answer.body
    assert answer.headers["connection"] == "close"
