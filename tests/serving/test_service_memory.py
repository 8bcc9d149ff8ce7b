"""The service's memory does not grow with the requests it answers, good or bad."""

import json
import sys
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from threading import Thread

import pytest

from rest_material import columns, rows, signals
from service_material import NAME, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]
N_WARM, N_MORE, N_CLIENTS = 600, 900, 4
MOST_GROWTH_MB = 4  # 5 kB a request would be too much
_KIND = {"content-type": "application/json"}


def requests() -> list[tuple[str, str, bytes, int]]:
    """Return what is sent in turn: method, address, body, and the status it must have."""
    n = len(columns())
    tensor = {"name": "features", "shape": [2, n], "datatype": "FP32", "data": [0.5] * (2 * n)}
    good = {"features": rows(0)[0]}
    said = [
        ("POST", "/predict", json.dumps(good), 200),
        ("POST", "/predict_batch", json.dumps({"samples": [good] * 3}), 200),
        ("POST", f"/v2/models/{NAME}/infer", json.dumps({"inputs": [tensor]}), 200),
        ("POST", "/predict", json.dumps(good), 200),
        ("POST", "/predict", '{"features":{"no_such_column":1}}', 422),
        ("POST", "/predict", '{"features":', 422),
        ("POST", "/predict_batch", '{"features":{"a":NaN}}', 422),
        ("GET", "/api/bundle", "", 200),
        ("GET", "/nowhere", "", 404),
        ("POST", "/predict", json.dumps(signals("W")), 200),
    ]
    return [(method, address, body.encode(), status) for method, address, body, status in said]


def ask(port: int, n_requests: int, wrong: list) -> None:
    """Send so many requests over one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for method, address, body, status in islice(cycle(requests()), n_requests):
        connection.request(method, address, body, _KIND if body else {})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != status:
            wrong.append((address, answer.status, content[:200]))
    connection.close()


def ask_side_by_side(port: int, n_requests: int) -> None:
    wrong: list = []
    each = n_requests // N_CLIENTS
    threads = [Thread(target=ask, args=(port, each, wrong)) for _ in range(N_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def resident_mb(server) -> float:
    """Return how much memory a process holds now."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = [one for one in status.splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def test_memory_does_not_grow_with_requests(tmp_path):
    with running(tmp_path, cold=True) as server:  # its memory is its own
        ask_side_by_side(server.port, N_WARM)
        warm_mb = resident_mb(server)
        ask_side_by_side(server.port, N_MORE)
        grown_mb = resident_mb(server) - warm_mb
        assert grown_mb < MOST_GROWTH_MB
        assert warm_mb < 400
