import contextlib
import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from service_material import free_port
from warm_process import WarmProcess, call_script

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("slow_service.py")


class Process:
    """A real service, and what it logged."""

    def __init__(self, log, **options):
        self.port, self.log = free_port(), log
        given = {f"EPOCHAL_SERVE_{name.upper()}": str(value) for name, value in options.items()}
        env = {**os.environ, **given}
        self.process = WarmProcess(call_script, SCRIPT, str(self.port), env=env, log=log)
        self.url = f"http://127.0.0.1:{self.port}"

    def wait(self):
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"{self.url}/health") and self
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def get(self, path, **params):
        return httpx.get(f"{self.url}{path}", params=params, timeout=30)

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def start(tmp_path):
    made = []

    def start(**options):
        made.append(Process(tmp_path / "log", **options))
        return made[-1].wait()

    yield start
    for one in made:
        one.process.kill()
        one.process.wait()


def wait_until_under_way(process, n):
    """Wait until so many requests are being worked on or waiting."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if f"epochal_queue_requests {n:.1f}" in process.get("/metrics").text:
            return
        time.sleep(0.05)
    raise AssertionError("the requests never came")


def test_a_service_that_is_told_to_stop_says_so_and_finishes_what_it_has(start):
    process = start(n_workers=1, drain_s=1.5)
    with ThreadPoolExecutor(3) as crowd:
        under_way = [crowd.submit(process.get, "/slow", seconds=1) for _ in range(3)]
        wait_until_under_way(process, 3)
        process.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        ready = process.get("/ready")
        late = crowd.submit(process.get, "/slow", seconds=0.1)  # before anybody knew
        answers = [one.result() for one in under_way] + [late.result()]
    assert ready.status_code == 503
    assert ready.json()["ready"] is False
    assert [one.text for one in answers] == ['"done"'] * 4
    assert process.process.wait(30) in {0, -signal.SIGTERM}
    with pytest.raises(httpx.TransportError):
        process.get("/health")


def test_control_c_does_not_wait_for_a_balancer(start):
    process = start(drain_s=60)
    process.process.send_signal(signal.SIGINT)
    assert process.process.wait(15) == 0


def test_a_real_server_logs_only_lines_of_json_without_queries(start):
    process = start(drain_s=0)
    process.get("/slow", seconds=0, token="secret")
    process.process.terminate()
    process.process.wait(15)
    lines = process.lines()
    (line,) = [one for one in lines if one.get("route") == "/slow"]
    assert line["status"] == 200
    assert "secret" not in json.dumps(lines)
    assert {one["logger"] for one in lines} >= {"uvicorn.error", "epochal.serving.access"}


def send_slowly(port, head, pieces, *, pause_s):
    """Send a request in pieces over a bare connection, and return what is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head)
        for piece in pieces:
            time.sleep(pause_s)
            try:
                connection.sendall(piece)
            except OSError:  # it was answered, and closed, before all was sent
                break
        with contextlib.suppress(OSError):
            return connection.recv(65536)
    return b""


HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_a_client_that_drips_is_told_408_by_a_real_server(start):
    process = start(read_timeout_s=0.5)
    head = HEAD + b"Content-Length: 1000\r\n\r\n"
    answer = send_slowly(process.port, head, [b"{"] * 12, pause_s=0.1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer


def test_a_body_without_length_is_cut_off_by_a_real_server_as_it_comes(start):
    process = start(max_body_bytes=2048)
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    piece = b"400\r\n" + b"x" * 1024 + b"\r\n"
    answer = send_slowly(process.port, head, [piece] * 4, pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 413")
    assert process.get("/health").status_code == 200
