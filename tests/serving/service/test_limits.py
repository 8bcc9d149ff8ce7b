import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from fastapi import APIRouter, Request
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from epochal.serving.app import create_app
from epochal.serving.service import limits
from epochal.serving.service.limits import LEAST_BYTES_PER_S, Bodies, Buckets
from epochal.serving.service.metrics import Metrics
from epochal.serving.service.options import ServiceOptions
from service_material import client_of, write_night
from waiting import until

ORIGIN = "https://lab.example"
KEY = "0123456789abcdef"


def make_app(**options):
    """Return an application with more routes: for JSON, for uploads, and one held up until `go`."""
    app = create_app(ServiceOptions(**options))
    service, app.state.go = app.state.service, threading.Event()

    @app.post("/echo")
    async def echo(body: dict) -> dict:
        return body

    uploads = APIRouter(max_body_size=10**9)

    @uploads.post("/upload")
    async def upload(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @app.get("/held")
    async def held() -> str:
        await service.run(app.state.go.wait, 60)
        return "done"

    app.include_router(uploads)
    return app


def make_client(**options):
    return TestClient(make_app(**options), raise_server_exceptions=False)


def chunks(n_bytes, size=512):
    """Give a body in pieces, of which no length is declared."""
    for start in range(0, n_bytes, size):
        yield b"x" * min(size, n_bytes - start)


# Bodies


@pytest.mark.slow
def test_a_body_beyond_the_limit_is_told_413():
    answer = make_client(max_body_bytes=1024).post("/echo", json={"a": "x" * 2000})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.slow
def test_a_body_that_says_no_length_is_counted_as_it_comes():
    given = {"content": chunks(1_000_000), "headers": {"Content-Type": "application/json"}}
    answer = make_client(max_body_bytes=1024).post("/echo", **given)
    assert answer.status_code == 413
    assert answer.json()["status"] == 413


@pytest.mark.slow
def test_an_upload_has_a_limit_of_its_own():
    client = make_client(max_body_bytes=1024)
    assert client.post("/upload", content=chunks(4096)).json() == 4096
    assert client.post("/upload", content=b"x" * 4096).json() == 4096
    told = client.post("/echo", content=b"x" * 4096, headers={"Content-Type": "application/json"})
    assert told.json()["detail"] == "more than 1024 bytes; no more are taken here"


@pytest.mark.slow
def test_every_upload_that_is_larger_than_a_json_body_may_be_is_taken(tmp_path):
    """The limit of JSON must not cut off a night."""
    with client_of(tmp_path, max_body_bytes=1024, max_upload_bytes=10**7) as client:
        night = write_night(tmp_path / "night.edf").read_bytes()
        assert len(night) > 1024
        answer = client.post("/score", files={"file": ("night.edf", night)})
        large = client.post("/score", files={"file": ("night.edf", bytes(11_000_000))})
    assert answer.status_code == 200, answer.text
    assert large.status_code == 413


def test_who_may_not_ask_is_told_that_and_not_how_much_is_taken():
    client = make_client(max_body_bytes=1024, api_keys=(KEY,))
    assert client.request("GET", "/api/alerts", content=b"x" * 4096).status_code == 401


@pytest.mark.slow
def test_a_failure_has_an_id_and_the_headers_of_every_other_answer():
    app = make_app()

    @app.get("/fail")
    def fail() -> None:
        raise ValueError("Jane Doe")

    answer = TestClient(app).get("/fail", headers={"X-Request-ID": "mine"})
    assert answer.status_code == 500
    assert "Jane" not in answer.text
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["x-content-type-options"] == "nosniff"


def patience_of(messages, patience_s, metrics=None):
    """Return what an application reads of a body that comes as (pause, message)."""
    coming = iter(messages)

    async def receive():
        pause_s, message = next(coming)
        await asyncio.sleep(pause_s)
        return message

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200})

    told = []

    async def send(message):
        told.append(message["status"])

    made = Bodies(app, patience_s=patience_s, max_bytes=10**7, metrics=metrics or Metrics())
    asyncio.run(made({"type": "http", "headers": []}, receive, send))
    return told


def piece(n_bytes=1, more=True):
    return {"type": "http.request", "body": b"x" * n_bytes, "more_body": more}


def test_a_body_that_comes_in_time_is_read():
    assert patience_of([(0.01, piece()), (0.01, piece(more=False))], 60) == [200]


def test_a_silent_caller_is_not_waited_for():
    with pytest.raises(HTTPException) as raised:
        patience_of([(60, piece())], 0.05)
    assert raised.value.status_code == 408


def test_a_drip_uses_up_its_patience():
    metrics = Metrics()
    with pytest.raises(HTTPException):
        patience_of([(0.03, piece())] * 10, 0.1, metrics)
    assert metrics.registry.get_sample_value("epochal_turned_away_total", {"reason": "slow"}) == 1


def test_what_has_come_earns_patience():
    much = piece(int(60 * LEAST_BYTES_PER_S))
    parts = [(0, much), *[(0.03, piece())] * 6, (0, piece(more=False))]
    assert patience_of(parts, 0.05) == [200]


def test_when_the_body_is_whole_a_caller_is_waited_for_without_end():
    coming = iter([(0.0, piece(more=False)), (0.2, {"type": "http.disconnect"})])

    async def receive():
        pause_s, message = next(coming)
        await asyncio.sleep(pause_s)
        return message

    async def app(scope, receive, send):
        await receive()
        await send(await receive())

    told = []

    async def send(message):
        told.append(message["type"])

    made = Bodies(app, patience_s=0.05, max_bytes=10, metrics=Metrics())
    asyncio.run(made({"type": "http", "headers": []}, receive, send))
    assert told == ["http.disconnect"]


# Time and the queue


@pytest.mark.slow
def test_work_that_takes_too_long_is_answered_504():
    with make_client(timeout_s=0.1) as client:
        answer = client.get("/held")
        client.app.state.go.set()
    assert answer.status_code == 504
    assert "0.1 s" in answer.json()["detail"]


@pytest.mark.slow
def test_of_more_requests_than_there_are_places_the_rest_is_told_to_come_again():
    with make_client(n_workers=1, max_waiting=2) as client, ThreadPoolExecutor(12) as crowd:
        asked = [crowd.submit(client.get, "/held") for _ in range(12)]
        until(lambda: sum(one.done() for one in asked) == 9)
        client.app.state.go.set()
        answers = sorted((one.result() for one in asked), key=lambda one: one.status_code)
        assert [one.status_code for one in answers] == [200] * 3 + [429] * 9
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert client.get("/held").status_code == 200  # places are free again
        assert client.app.state.service.workers.n_taken == 0


# The rate


def test_a_bucket_is_full_at_first_and_refills_evenly():
    now = [0.0]
    buckets = Buckets(60, lambda: now[0])
    assert [buckets.take("a").allowed for _ in range(61)] == [True] * 60 + [False]
    now[0] = 1.0  # one a second
    assert [buckets.take("a").allowed for _ in range(2)] == [True, False]
    now[0] = 1000.0  # no more than a bucketful is saved up
    assert sum(buckets.take("a").allowed for _ in range(100)) == 60


def test_callers_have_buckets_of_their_own():
    buckets = Buckets(1, lambda: 0.0)
    assert [buckets.take(name).allowed for name in ("a", "b", "a")] == [True, True, False]


def test_an_empty_bucket_says_when_it_will_hold_one_again():
    buckets = Buckets(6, lambda: 0.0)
    told = [buckets.take("a") for _ in range(7)][-1]
    assert (told.allowed, told.left, told.again_s) == (False, 0, 10.0)


def test_callers_beyond_number_do_not_fill_the_memory():
    buckets = Buckets(5, lambda: 0.0)
    for number in range(20_000):
        buckets.take(str(number))
    assert len(buckets._buckets) == 10_000


@pytest.fixture
def still_clock(monkeypatch):
    """Let no time pass in which buckets would be refilled."""
    monkeypatch.setattr(limits, "Buckets", partial(Buckets, clock=lambda: 0.0))


@pytest.mark.usefixtures("still_clock")
def test_too_many_requests_are_told_when_to_come_again():
    client = make_client(requests_per_minute=3)
    answers = [client.get("/api/alerts") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [one.headers["ratelimit"] for one in answers[:2]] == [
        '"minute";r=2;t=20',
        '"minute";r=1;t=40',
    ]
    assert answers[3].headers["ratelimit-policy"] == '"minute";q=3;w=60'
    assert answers[3].headers["retry-after"] == "20"
    assert "3 requests in a minute" in answers[3].json()["detail"]


@pytest.mark.slow
def test_who_watches_the_service_is_never_turned_away():
    client = make_client(requests_per_minute=1)
    codes = [client.get(path).status_code for path in ["/health", "/ready", "/metrics"] * 3]
    assert 429 not in codes


@pytest.mark.usefixtures("still_clock")
def test_who_guesses_keys_is_limited_by_address_and_takes_nothing_from_who_has_one():
    client = make_client(requests_per_minute=2, api_keys=(KEY,))
    guesses = [client.get("/api/alerts", headers={"X-API-Key": str(n)}) for n in range(3)]
    assert [one.status_code for one in guesses] == [401, 401, 429]
    assert client.get("/api/alerts", headers={"X-API-Key": KEY}).status_code == 200


def test_without_the_option_there_is_no_rate():
    answer = make_client().get("/api/alerts")
    assert "ratelimit" not in answer.headers


# Other origins, and headers of safety


@pytest.mark.slow
def test_pages_of_other_origins_may_ask_only_where_the_operator_says_so():
    for origins, expected in (((), None), ((ORIGIN,), ORIGIN)):
        answer = make_client(cors_origins=origins).get("/health", headers={"Origin": ORIGIN})
        assert answer.headers.get("access-control-allow-origin") == expected


@pytest.mark.usefixtures("still_clock")
def test_a_page_of_another_origin_may_send_a_key_and_read_when_to_come_again():
    client = make_client(cors_origins=(ORIGIN,), api_keys=(KEY,), requests_per_minute=1)
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "X-API-Key",
    }
    assert client.options("/api/alerts", headers=asked).status_code == 200
    answers = [client.get("/api/alerts", headers={"Origin": ORIGIN}) for _ in range(2)]
    assert [one.status_code for one in answers] == [401, 429]
    for answer in answers:  # else a page would not even see the refusal
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


@pytest.mark.slow
def test_a_strange_origin_gets_no_leave():
    client = make_client(cors_origins=(ORIGIN,))
    answer = client.get("/health", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/health", "/nowhere", "/dashboard/"])
def test_no_answer_lets_scripts_of_elsewhere_or_of_the_page_itself_run(path):
    headers = make_client().get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.slow
def test_what_a_route_says_itself_of_caching_stands():
    client = make_client()
    assert client.get("/health").headers["cache-control"] == "no-store"
    assert client.get("/dashboard/").headers["cache-control"] == "no-cache"
