"""A real server, its connections and its disk, in the hands of who means no good."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from epochal.serving.service.connections import MAX_HEAD_BYTES
from service_material import NAME, PATIENCE_S, ended, running, write_night
from waiting import until

pytestmark = pytest.mark.slow
BOUNDARY = "cut"
PART = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="night.edf"\r\n\r\n'
).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("abused")


@pytest.fixture(scope="module")
def server(folder):
    """Give a service that is not patient."""
    with running(folder, read_timeout_s="1.5") as made:
        yield made


@pytest.fixture(scope="module")
def night(folder) -> bytes:
    return write_night(folder / "night.edf", ["W", "N2", "REM"] * 200).read_bytes()


def connect(server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)


def say(connection: socket.socket, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send pieces until the server has had enough, and return all that it answers."""
    with contextlib.suppress(OSError):
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)
    answer = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(65536):
            answer += piece
    return answer


def is_well(server) -> bool:
    """Say whether it answers: not patient, it may hang up on who is held up while he asks."""
    return bool(until(lambda: server.get("/health").status_code == 200))


def uploads(folder) -> list:
    return list((folder / "work" / "uploads").glob("*"))


def open_files(server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_who_says_nothing_is_hung_up_on(server):
    began_s = time.monotonic()
    with connect(server) as connection:
        answer = say(connection)
    assert 1 < time.monotonic() - began_s < 25  # a patient one: 30 s
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer


def test_a_head_that_drips_is_not_waited_for(server):
    head = b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 30
    began_s = time.monotonic()
    with connect(server) as connection:
        answer = say(connection, *(head[at : at + 8] for at in range(0, len(head), 8)), pause_s=0.1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began_s < 25


def test_a_head_without_end_is_cut_off(server):
    lines = b"X-Much: " + b"x" * 8000 + b"\r\n"
    with connect(server) as connection:
        n_sent = 200
        answer = say(connection, b"GET / HTTP/1.1\r\n", *[lines] * n_sent, pause_s=0.002)
    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400")) or answer == b""
    assert n_sent * len(lines) > 10 * MAX_HEAD_BYTES
    assert is_well(server)


def test_many_who_say_nothing_leave_room_for_who_does_and_nothing_behind(server):
    before = open_files(server)
    silent = [connect(server) for _ in range(150)]
    assert is_well(server)
    until(lambda: open_files(server) <= before + 5)
    for one in silent:
        one.close()


def keeps(server) -> bool:
    """Say whether a connection is kept between requests, for longer than a head may take in all."""
    with contextlib.closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)) as line:
        line.connect()
        first = line.sock
        try:
            for _ in range(4):
                line.request("GET", "/health")
                assert line.getresponse().read().startswith(b'{"status":"ok"')
                time.sleep(0.6)
        except (OSError, HTTPException):
            return False
        return line.sock is first


def test_a_connection_may_rest_between_requests(server):
    until(lambda: keeps(server))  # unless we are held up for 5 s, for which none is kept


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\0" * 1000,
        b"GET /\x00\xff HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"GET /" + b"a/" * 20_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_nonsense_is_refused_and_the_server_stays(server, nonsense):
    with connect(server) as connection:
        answer = say(connection, nonsense)
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert b"Traceback" not in answer
    assert is_well(server)


def test_a_client_that_goes_away_leaves_no_file(server, folder, night):
    head = (
        f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: {len(night) + 500}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()
    with connect(server) as connection:
        connection.sendall(head + PART + night[: len(night) // 2])
        until(lambda: uploads(folder))
    until(lambda: not uploads(folder))
    assert is_well(server)


def test_a_client_that_stops_sending_is_told_and_leaves_no_file(server, folder, night):
    head = (
        f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: {len(night) + 500}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()
    with connect(server) as connection:
        answer = say(connection, head + PART + night[:2000])
    assert answer.startswith(b"HTTP/1.1 408")
    until(lambda: not uploads(folder))


def test_uploads_beyond_the_queue_are_told_to_come_again(tmp_path, night):
    with (
        running(tmp_path, n_workers="1", max_waiting="1") as server,
        ThreadPoolExecutor(12) as pool,
    ):

        def crowd():
            files = {"file": ("n.edf", night)}
            asked = [pool.submit(server.post, "/score", files=files) for _ in range(12)]
            answers = {one.status_code: one for one in (one.result() for one in asked)}
            assert set(answers) <= {200, 429}
            return answers

        # who is held up may come when there is room again
        refused = until(crowd, lambda answers: set(answers) == {200, 429}, within_s=180)[429]
        assert refused.headers["Retry-After"] == "1"
        assert refused.headers["content-type"] == "application/problem+json"
        until(lambda: not uploads(tmp_path))
        assert is_well(server)


def test_an_upload_that_was_killed_is_cleared_away_and_one_acknowledged_is_done(tmp_path, night):
    """What a 202 was sent for survives kill -9; what was still coming leaves nothing."""
    head = (
        f"POST /api/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: {len(night) + 500}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()
    with running(tmp_path) as first:
        kept = first.post("/api/jobs", files={"file": ("n.edf", night)})
        assert kept.status_code == 202
        with connect(first) as connection:
            connection.sendall(head + PART + night[: len(night) // 2])
            until(lambda: uploads(tmp_path))
            os.kill(first.process.pid, signal.SIGKILL)
    with running(tmp_path) as second:
        address = kept.headers["location"]
        assert ended(second, address)["status"] == "done"
        until(lambda: not uploads(tmp_path))
        result = second.get(f"{address}/result?format=json").json()
        assert len(result["recordings"][0]["epochs"]) == 600
        assert result["bundle"] == NAME
