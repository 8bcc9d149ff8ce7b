"""A server on 127.0.0.1 that lists and serves files as PhysioNet does, and fails as told."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

ROOT = "/files/sleep-edfx/1.0.0/"
LONGEST_STALL_S = 300.0  # beyond every limit of a test; `hold` ends it


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Kinds: `drop` and `stall` after `n_bytes` of the body, `unsized` (closes early without having
    told a length), `corrupt`, `ignore_range`, `wrong_range`, `page` (a web page in the file's
    stead), `trickle`, `endless`, `status` (with `code` and perhaps `retry_after`).
    """

    kind: str
    n_bytes: int = 0
    code: int = 503
    retry_after: str = ""


@dataclass
class Remote:
    """The server's files by path, its faults in order by path, and what was asked of it."""

    files: dict[str, bytes]
    with_sums: bool = True
    with_index: bool = True
    with_sizes: bool = True
    with_records: bool = True
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Fault] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    base_url: str = ""

    def fail(self, path: str, *faults: Fault) -> None:
        """Let the next requests of a path fail, each in its own way."""
        self.faults[path].extend(faults)

    def requests(self, path: str, method: str = "GET") -> list[str]:
        """Return the `Range` headers with which a path was asked for."""
        return [ranged for asked, name, ranged in self.asked if (asked, name) == (method, path)]

    def document(self, path: str) -> bytes | None:
        """Return a file or a listing."""
        if path in self.files:
            return self.files[path]
        if path == "SHA256SUMS.txt" and self.with_sums:
            lines = [f"{sha256(data)} {name}\n" for name, data in sorted(self.files.items())]
            return "".join(lines).encode()
        if path == "RECORDS" and self.with_records:
            return "".join(f"{p}\n" for p in sorted(self.files) if p.endswith("-PSG.edf")).encode()
        if (path == "" or path.endswith("/")) and self.with_index:
            return self.index(path)
        return None

    def index(self, folder: str) -> bytes:
        """Return a folder's index as nginx writes it."""
        rows = ['<a href="../">../</a>']
        inside = [path.removeprefix(folder) for path in sorted(self.files) if folder in path]
        for name in sorted({name.split("/")[0] + "/" * ("/" in name) for name in inside}):
            size = len(self.files.get(folder + name, b""))
            told = "-" if name.endswith("/") else str(size) if self.with_sizes else "46M"
            rows.append(f'<a href="{name}">{name[:40]}</a>  24-Oct-2013 15:24  {told:>12}')
        title = f"Index of {ROOT}{folder}"
        body = "\r\n".join(rows)
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><hr><pre>"
        return f"{page}{body}</pre><hr></body></html>".encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def serving(remote: Remote) -> Iterator[Remote]:
    """Serve until the block ends; requests are answered side by side."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(remote))
    server.daemon_threads = False  # server_close waits for them: no socket is left open
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    remote.base_url = f"http://127.0.0.1:{server.server_port}{ROOT}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield remote
    finally:
        remote.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(remote: Remote) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.remote = remote
    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    remote: Remote

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer("HEAD")

    def do_GET(self) -> None:
        self._answer("GET")

    def _answer(self, method: str) -> None:
        remote = self.remote
        path = unquote(self.path.split("?")[0]).removeprefix(ROOT)
        ranged = self.headers.get("Range", "")
        with remote.lock:
            remote.asked.append((method, path, ranged))
            queued = remote.faults[path]
            fault = queued.popleft() if queued else remote.always.get(path, Fault("none"))
        self._send(method, remote.document(path), fault, ranged)

    def _send(self, method: str, data: bytes | None, fault: Fault, ranged: str) -> None:
        if fault.kind == "status" or data is None:
            return self._refuse(fault)
        if fault.kind == "page":
            data, ranged = b"<html>Please log in</html>", ""
        if fault.kind == "corrupt":
            data = bytes(byte ^ 0xFF for byte in data)
        start = self._start(ranged, fault)
        if start >= len(data) > 0:
            return self._beyond(len(data))
        self.send_response(206 if start else 200)
        if start:
            first = start + 1 if fault.kind == "wrong_range" else start
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Type", "text/html" if fault.kind == "page" else "text/plain")
        if fault.kind in ("unsized", "endless"):
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if method == "GET":
            self._body(data[start:], fault)

    def _start(self, ranged: str, fault: Fault) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", ranged)
        return int(match[1]) if match and fault.kind != "ignore_range" else 0

    def _refuse(self, fault: Fault) -> None:
        self.send_response(fault.code if fault.kind == "status" else 404)
        if fault.retry_after:
            self.send_header("Retry-After", fault.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _beyond(self, n_bytes: int) -> None:
        self.send_response(416)
        self.send_header("Content-Range", f"bytes */{n_bytes}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self, data: bytes, fault: Fault) -> None:
        hold = self.remote.hold
        if fault.kind == "trickle":
            for byte in data:
                self.wfile.write(bytes([byte]))
                if hold.wait(0.02):
                    self.close_connection = True
                    break
        elif fault.kind == "endless":
            while not hold.is_set():
                self.wfile.write(b"x" * 65536)
        elif fault.kind in ("drop", "stall", "unsized"):
            self.wfile.write(data[: fault.n_bytes])
            self.wfile.flush()
            if fault.kind == "stall":
                hold.wait(LONGEST_STALL_S)
            self.close_connection = True
        else:
            self.wfile.write(data)
