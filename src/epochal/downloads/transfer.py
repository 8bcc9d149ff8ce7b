"""One attempt over HTTP: bytes into a partial file from where it stops, or a short text."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from epochal import __version__
from epochal.downloads import DownloadError, load_http
from epochal.downloads.plan import RemoteFile

if TYPE_CHECKING:
    import httpx

_MAX_TEXT_BYTES = 16_000_000
_TRANSIENT = {408, 421, 423, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}


class TransientError(DownloadError):
    """A failure that may be gone at the next attempt; `retry_after_s` as the server asked."""

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Cancelled(DownloadError):
    """The download was stopped by its user."""


class TransferOptions(BaseModel, extra="forbid", frozen=True):
    """How long a connection may take to do nothing."""

    connect_s: float = Field(15.0, gt=0, description="Seconds to connect.")
    stall_s: float = Field(60.0, gt=0, description="Seconds without a byte: the attempt is over.")
    slowest_bytes_per_s: float = Field(
        512.0, ge=0, description="Slower than this over `stall_s`: the attempt is over as well."
    )


class Line:
    """The connection that attempts share: a client, its limits, and whether to stop."""

    def __init__(self, client: httpx.Client, options: TransferOptions) -> None:
        self.client, self.options = client, options
        self.stop = threading.Event()

    def check(self) -> None:
        """Raise `Cancelled` once the download is to stop."""
        if self.stop.is_set():
            raise Cancelled("stopped")


@contextmanager
def open_line(options: TransferOptions, *, n_connections: int = 4) -> Iterator[Line]:
    """Open a client with timeouts and a limit on connections; it may be shared by threads."""
    httpx = load_http()
    with httpx.Client(
        timeout=httpx.Timeout(options.stall_s, connect=options.connect_s, pool=None),
        limits=httpx.Limits(max_connections=n_connections),
        follow_redirects=True,
        # A compressed body could not be resumed by byte ranges.
        headers={"Accept-Encoding": "identity", "User-Agent": f"epochal/{__version__}"},
    ) as client:
        yield Line(client, options)


def fetch_text(line: Line, url: str) -> str | None:
    """Return a short text, or `None` where the server has none (404)."""
    blocks, n_bytes = [], 0
    with _opened(line, "GET", url) as response:
        if response.status_code in (404, 410):
            return None
        _check_status(response)
        for block in _paced(line, response):
            blocks.append(block)
            n_bytes += len(block)
            if n_bytes > _MAX_TEXT_BYTES:
                raise DownloadError(f"{url}: more than {_MAX_TEXT_BYTES} bytes, not a listing")
    return b"".join(blocks).decode("utf-8", errors="replace")


def fetch_size(line: Line, url: str) -> int | None:
    """Ask for a file's size without the file; `None` where the server does not say."""
    with _opened(line, "HEAD", url) as response:
        if response.status_code in _TRANSIENT:
            _check_status(response)
        length = response.headers.get("Content-Length", "")
        return int(length) if response.status_code == 200 and length.isdigit() else None


def receive(line: Line, file: RemoteFile, part: Path, on_bytes: Callable[[int], None]) -> None:
    """Add to `part` what is missing of a file, in one request; what came stays there.

    `on_bytes` hears of every change of the partial file's length (negative: started again).
    Raises `TransientError` when an attempt is worth repeating, `DownloadError` when it is not.
    """
    here = part.stat().st_size if part.exists() else 0
    if here and here == file.n_bytes:
        return
    headers = {"Range": f"bytes={here}-"} if here else {}
    with _opened(line, "GET", file.url, headers) as response:
        if _says_complete(response, here):
            return
        start, total = _extent(response, here)
        if start < 0:
            discard(part, on_bytes)
            raise TransientError(f"a range not asked for (HTTP {response.status_code})")
        _check_length(response, total, file)
        if start != here:  # only now: a web page in the file's stead must not cost what is here
            discard(part, on_bytes)
        n_bytes = _append(line, response, part, on_bytes, limit=total or file.n_bytes)
    expected = total or file.n_bytes
    if expected is not None and n_bytes < expected:
        raise TransientError(f"the connection closed at {n_bytes} of {expected} bytes")


def discard(part: Path, on_bytes: Callable[[int], None]) -> None:
    """Remove a partial file that cannot be continued."""
    if part.exists():
        on_bytes(-part.stat().st_size)
        part.unlink()


@contextmanager
def _opened(
    line: Line, method: str, url: str, headers: dict[str, str] | None = None
) -> Iterator[httpx.Response]:
    """Open a response; what can go wrong on the way becomes one sentence."""
    httpx = load_http()
    line.check()
    try:
        with line.client.stream(method, url, headers=headers) as response:
            yield response
    except httpx.TimeoutException as error:
        connecting = isinstance(error, httpx.ConnectTimeout)
        limit = line.options.connect_s if connecting else line.options.stall_s
        raise TransientError(f"nothing came for {limit:g} s") from error
    except httpx.UnsupportedProtocol as error:
        raise DownloadError(f"{url}: {_reason(error)}") from error
    except httpx.TransportError as error:
        raise TransientError(f"the connection failed ({_reason(error)})") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise DownloadError(f"{url}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _says_complete(response: httpx.Response, here: int) -> bool:
    told = response.headers.get("Content-Range", "")
    return response.status_code == 416 and told.strip() == f"bytes */{here}"


def _extent(response: httpx.Response, here: int) -> tuple[int, int | None]:
    """Return where the body starts in the file (−1: nowhere useful), and the file's length."""
    if response.status_code == 206:
        told = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", told.strip())
        if match is None or int(match[1]) != here:
            return -1, None
        return here, None if match[3] == "*" else int(match[3])
    if response.status_code == 416:
        return -1, None
    _check_status(response)
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None  # a plain 200 ignores the range asked for


def _check_length(response: httpx.Response, total: int | None, file: RemoteFile) -> None:
    """Refuse a body that cannot be the file: a portal's log-in page comes with a 200 too."""
    if total is not None and file.n_bytes is not None and total != file.n_bytes:
        kind = response.headers.get("Content-Type", "no type").split(";")[0]
        raise TransientError(
            f"the server sends {total} bytes ({kind}) where its listing says {file.n_bytes}"
        )


def _check_status(response: httpx.Response) -> None:
    code = response.status_code
    if code in _TRANSIENT:
        asked = response.headers.get("Retry-After", "")
        raise TransientError(f"HTTP {code} from {response.url}", _retry_after_s(asked))
    if code not in (200, 206):
        raise DownloadError(f"HTTP {code} from {response.url}")


def _retry_after_s(asked: str) -> float:
    """Read `Retry-After`, in seconds or as a date; anything else asks for nothing."""
    if re.fullmatch(r"\d{1,9}", asked):
        return float(asked)
    try:
        return max((parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return 0.0


def _append(
    line: Line,
    response: httpx.Response,
    part: Path,
    on_bytes: Callable[[int], None],
    *,
    limit: int | None,
) -> int:
    """Write the body behind what is in `part`, and return the length reached."""
    with part.open("ab", buffering=0) as file:  # unbuffered: a killed process loses nothing
        length = file.tell()
        for block in _paced(line, response):
            if limit is not None and length + len(block) > limit:
                raise TransientError(f"more than the {limit} bytes that were announced")
            file.write(block)
            length += len(block)
            on_bytes(len(block))
    return length


def _paced(line: Line, response: httpx.Response) -> Iterator[bytes]:
    """Yield the body as it comes; a trickle is as good as a stall, and ends the attempt.

    A read timeout alone would let a byte a minute through for ever.
    """
    options, since, n_bytes = line.options, time.monotonic(), 0
    for block in response.iter_raw():
        line.check()
        yield block
        n_bytes += len(block)
        elapsed_s = time.monotonic() - since
        if elapsed_s >= options.stall_s:
            if n_bytes < options.slowest_bytes_per_s * elapsed_s:
                raise TransientError(f"only {n_bytes} bytes came in {elapsed_s:.0f} s")
            since, n_bytes = time.monotonic(), 0
