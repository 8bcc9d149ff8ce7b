import contextlib
import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from held_port import HeldPort
from service_material import PATIENCE_S
from waiting import until
from warm_process import WarmProcess, call_script

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("slow_service.py")


class Process:
    """A real service, and what it logged."""

    def __init__(self, log, **options):
        self.held, self.log = HeldPort(), log
        self.port = self.held.number
        given = {f"EPOCHAL_SERVE_{name.upper()}": str(value) for name, value in options.items()}
        env = {**os.environ, **given}
        self.process = WarmProcess(call_script, SCRIPT, str(self.port), env=env, log=log)
        self.url = f"http://127.0.0.1:{self.port}"

    def answers(self):
        try:
            return bool(self.get("/health"))
        except httpx.TransportError:
            return False

    def get(self, path, **params):
        return httpx.get(f"{self.url}{path}", params=params, timeout=PATIENCE_S)

    def signal(self, number):
        self.process.send_signal(number)

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.held.close()


@pytest.fixture
def start(tmp_path):
    made = []

    def start(**options):
        made.append(Process(tmp_path / "log", **options))
        until(made[-1].answers, within_s=180)
        return made[-1]

    yield start
    for one in made:
        one.end()


def wait_until_under_way(process, n):
    """Wait until so many requests are being worked on or waiting."""
    until(lambda: f"epochal_queue_requests {n:.1f}" in process.get("/metrics").text)


def test_a_service_that_is_told_to_stop_says_so_and_finishes_what_it_has(start, tmp_path):
    process, there = start(n_workers=1, drain_s=600), tmp_path / "there"
    with ThreadPoolExecutor(4) as crowd:
        ask = partial(crowd.submit, process.get, "/slow", until_there=there)
        asked = [ask() for _ in range(3)]
        wait_until_under_way(process, 3)
        process.signal(signal.SIGTERM)
        ready = until(lambda: process.get("/ready"), lambda answer: answer.status_code == 503)
        asked.append(ask())  # before anybody knew
        wait_until_under_way(process, 4)
        process.signal(signal.SIGTERM)  # a second one stops without the wait
        until(lambda: not process.answers())
        there.touch()
        answers = [one.result() for one in asked]
    assert ready.json()["ready"] is False
    assert [one.text for one in answers] == ['"done"'] * 4
    assert process.process.wait(PATIENCE_S) in {0, -signal.SIGTERM}


def test_a_service_that_is_told_once_stops_when_balancers_have_had_time(start):
    process = start(drain_s=0.2)
    process.signal(signal.SIGTERM)
    assert process.process.wait(PATIENCE_S) in {0, -signal.SIGTERM}


def test_control_c_does_not_wait_for_a_balancer(start):
    process = start(drain_s=600)
    process.signal(signal.SIGINT)
    assert process.process.wait(200) == 0


def test_a_real_server_logs_only_lines_of_json_without_queries(start, tmp_path):
    process = start(drain_s=0)
    process.get("/slow", until_there=tmp_path, token="secret")
    process.process.terminate()
    process.process.wait(PATIENCE_S)
    lines = process.lines()
    (line,) = [one for one in lines if one.get("route") == "/slow"]
    assert line["status"] == 200
    assert "secret" not in json.dumps(lines)
    assert {one["logger"] for one in lines} >= {"uvicorn.error", "epochal.serving.access"}


def send_slowly(port, head, pieces, *, pause_s):
    """Send a request in pieces over a bare connection, and return what is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
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
