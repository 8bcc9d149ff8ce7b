import asyncio

import pytest
from starlette.requests import Request

from epochal.serving.messages.requests import PredictRequest
from epochal.serving.service.bodies import parse, read_json
from epochal.serving.service.problems import Problem


def request_of(*pieces: bytes, kind: str = "application/json", told: bool = True, **headers: str):
    messages = [{"type": "http.request", "body": one, "more_body": True} for one in pieces]
    messages.append({"type": "http.request", "body": b""} if told else {"type": "http.disconnect"})

    async def take():
        return messages.pop(0)

    given = {"content-type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
    listed = [(name.encode(), value.encode()) for name, value in given.items()]
    return Request({"type": "http", "method": "POST", "headers": listed}, take)


def read(*pieces: bytes, max_bytes: int = 100, **how) -> bytes:
    return asyncio.run(read_json(request_of(*pieces, **how), max_bytes=max_bytes))


def refusal(*pieces: bytes, **how) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        read(*pieces, **how)
    return refused.value.status, str(refused.value)


def test_a_body_comes_in_pieces():
    assert read(b'{"a"', b": 1}") == b'{"a": 1}'


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/x+json"])
def test_json_has_several_names(kind):
    assert read(b"{}", kind=kind) == b"{}"


@pytest.mark.parametrize("kind", ["text/plain", "", "multipart/form-data"])
def test_other_kinds_are_refused(kind):
    status, said = refusal(b"{}", kind=kind)
    assert status == 415
    assert "takes application/json" in said


def test_a_body_that_grows_too_long_is_refused():
    assert refusal(b"x" * 60, b"x" * 60) == (413, "more than 100 bytes; no more are taken")


def test_a_body_that_says_so_is_refused_unread():
    assert refusal(content_length="101")[0] == 413
    assert refusal(content_length="9" * 5000)[0] == 413


def test_a_body_that_breaks_off_is_refused():
    assert refusal(b"{", told=False) == (400, "the body broke off")


def test_what_is_wrong_is_said_first_and_listed():
    with pytest.raises(Problem) as refused:
        parse(PredictRequest, b'{"features": {"a": NaN, "b": "x"}}')
    assert refused.value.status == 422
    assert "features.row.a: NaN and Infinity are no JSON numbers" in str(refused.value)
    assert [fault["where"] for fault in refused.value.members["errors"]] == [
        "features.row.a",
        "features.row.b",
    ]


def test_no_more_than_twenty_faults_are_listed():
    body = "{" + ", ".join(f'"x{n}": 1' for n in range(100)) + "}"
    with pytest.raises(Problem) as refused:
        parse(PredictRequest, body.encode())
    assert len(refused.value.members["errors"]) == 20
