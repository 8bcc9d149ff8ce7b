import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from downloads.physionet import Fault, Remote, sha256
from epochal.downloads import DownloadError, load_extra, load_http, transfer
from epochal.downloads.plan import RemoteFile
from epochal.downloads.transfer import (
    Cancelled,
    Line,
    TransferOptions,
    TransientError,
    fetch_size,
    fetch_text,
    open_line,
    receive,
)
from waiting import until

PATH = "sleep-cassette/SC4001E0-PSG.edf"


class Attempt:
    """One file, one line, and what was heard of the bytes."""

    def __init__(self, remote: Remote, folder: Path, *, sized: bool = True, **limits) -> None:
        self.data = remote.files[PATH]
        self.options = TransferOptions(**{"stall_s": 60, **limits})
        self.file = RemoteFile(
            PATH, remote.base_url + PATH, sha256(self.data), len(self.data) if sized else None
        )
        self.part = folder / "a.part"
        self.heard: list[int] = []

    def run(self) -> bytes:
        with open_line(self.options) as line:
            receive(line, self.file, self.part, self.heard.append)
        return self.part.read_bytes()

    def fail(self, kind: type[Exception] = TransientError) -> str:
        with pytest.raises(kind) as caught:
            self.run()
        return str(caught.value)


@pytest.fixture
def attempt(remote, tmp_path):
    return Attempt(remote, tmp_path)


def test_a_file_comes_whole_and_every_byte_is_heard_of(attempt):
    assert attempt.run() == attempt.data
    assert sum(attempt.heard) == len(attempt.data)


def test_a_partial_file_is_continued_by_a_range_request(attempt, remote):
    attempt.part.write_bytes(attempt.data[:1000])
    assert attempt.run() == attempt.data
    assert remote.requests(PATH) == ["bytes=1000-"]
    assert sum(attempt.heard) == len(attempt.data) - 1000


def test_a_complete_partial_file_asks_for_nothing(attempt, remote):
    attempt.part.write_bytes(attempt.data)
    assert attempt.run() == attempt.data
    assert remote.requests(PATH) == []


def test_a_complete_partial_file_of_unknown_size_is_recognised(remote, tmp_path):
    attempt = Attempt(remote, tmp_path, sized=False)
    attempt.part.write_bytes(attempt.data)
    assert attempt.run() == attempt.data


def test_a_partial_file_that_is_too_long_is_thrown_away(attempt):
    attempt.part.write_bytes(attempt.data + b"more")
    assert "range not asked for (HTTP 416)" in attempt.fail()
    assert not attempt.part.exists()


def test_a_dropped_connection_keeps_what_came(attempt, remote):
    remote.fail(PATH, Fault("drop", 1200))
    assert "the connection failed" in attempt.fail()
    assert attempt.part.read_bytes() == attempt.data[:1200]
    assert attempt.run() == attempt.data


def test_a_body_cut_short_without_a_declared_length_is_noticed(attempt, remote):
    remote.fail(PATH, Fault("unsized", 700))
    assert attempt.fail() == f"the connection closed at 700 of {len(attempt.data)} bytes"
    assert attempt.run() == attempt.data


def test_a_stalled_connection_is_given_up_in_time(remote, tmp_path):
    attempt = Attempt(remote, tmp_path, stall_s=0.2)
    remote.always[PATH] = Fault("stall", 500)

    def give_up():
        assert attempt.fail() == "nothing came for 0.2 s"
        return attempt.part.exists() and attempt.part.read_bytes()

    came = until(give_up)  # on a busy machine 0.2 s may pass before anything has come
    assert came == attempt.data[:500]


@pytest.fixture
def quick_clock(monkeypatch):
    """Let 20 s pass from one block to the next."""
    monkeypatch.setattr(transfer, "time", SimpleNamespace(monotonic=count(step=20).__next__))


@pytest.mark.usefixtures("quick_clock")
def test_a_trickle_is_given_up_as_a_stall_is(remote, tmp_path):
    attempt = Attempt(remote, tmp_path, stall_s=60, slowest_bytes_per_s=1000)
    remote.fail(PATH, Fault("trickle"))
    assert "bytes came in 60 s" in attempt.fail()
    assert attempt.part.read_bytes() == attempt.data[: attempt.part.stat().st_size]


@pytest.mark.usefixtures("quick_clock")
def test_a_slow_but_sufficient_connection_is_not_given_up(remote, tmp_path):
    remote.files[PATH] = b"0123456789" * 4
    attempt = Attempt(remote, tmp_path, stall_s=60, slowest_bytes_per_s=0.01)
    remote.fail(PATH, Fault("trickle"))
    assert attempt.run() == attempt.data


def test_a_server_that_ignores_ranges_starts_the_file_again(attempt, remote):
    attempt.part.write_bytes(b"?" * 1000)
    remote.fail(PATH, Fault("ignore_range"))
    assert attempt.run() == attempt.data
    assert sum(attempt.heard) == len(attempt.data) - 1000


def test_another_range_than_was_asked_for_is_never_appended(attempt, remote):
    attempt.part.write_bytes(attempt.data[:1000])
    remote.fail(PATH, Fault("wrong_range"))
    assert "range not asked for (HTTP 206)" in attempt.fail()
    assert not attempt.part.exists()
    assert sum(attempt.heard) == -1000


def test_a_web_page_in_the_files_stead_costs_nothing_of_what_is_here(attempt, remote):
    attempt.part.write_bytes(attempt.data[:1000])
    remote.fail(PATH, Fault("page"))
    assert attempt.fail() == (
        f"the server sends 26 bytes (text/html) where its listing says {len(attempt.data)}"
    )
    assert attempt.part.read_bytes() == attempt.data[:1000]


def test_an_endless_body_stops_at_the_listed_size(attempt, remote):
    remote.fail(PATH, Fault("endless"))
    assert attempt.fail() == f"more than the {len(attempt.data)} bytes that were announced"
    assert not attempt.part.exists() or attempt.part.stat().st_size <= len(attempt.data)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_servers_trouble_is_worth_another_attempt(attempt, remote, code):
    remote.fail(PATH, Fault("status", code=code))
    assert f"HTTP {code} from http://127.0.0.1" in attempt.fail()


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 451, 501])
def test_a_refusal_is_not_worth_another_attempt(attempt, remote, code):
    remote.fail(PATH, Fault("status", code=code))
    with pytest.raises(DownloadError, match=f"HTTP {code} from") as caught:
        attempt.run()
    assert not isinstance(caught.value, TransientError)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("soon", 0, 0),
        ("", 0, 0),
        ("-3", 0, 0),
        pytest.param(
            format_datetime(datetime.now(UTC) + timedelta(days=9), usegmt=True),
            timedelta(days=8).total_seconds(),  # the tests may have been collected long ago
            timedelta(days=9).total_seconds(),
            id="in-nine-days",
        ),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
    ],
)
def test_retry_after_is_understood_in_seconds_and_as_a_date(attempt, remote, header, least, most):
    remote.fail(PATH, Fault("status", code=503, retry_after=header))
    with pytest.raises(TransientError) as caught:
        attempt.run()
    assert least <= caught.value.retry_after_s <= most


def test_a_server_that_is_not_there_is_said_so(tmp_path, unused_address):
    file = RemoteFile(PATH, f"{unused_address}{PATH}")
    with (
        open_line(TransferOptions()) as line,
        pytest.raises(TransientError, match="the connection failed"),
    ):
        receive(line, file, tmp_path / "a.part", lambda _: None)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "http://", "http://\x00/", "http://[::"])
def test_an_address_that_cannot_be_is_refused_by_name(tmp_path, url):
    with open_line(TransferOptions()) as line, pytest.raises(DownloadError) as caught:
        receive(line, RemoteFile(PATH, url), tmp_path / "a.part", lambda _: None)
    assert not isinstance(caught.value, TransientError)


def test_a_stopped_line_carries_nothing_more(remote, tmp_path):
    attempt = Attempt(remote, tmp_path)
    with open_line(attempt.options) as line:
        line.stop.set()
        with pytest.raises(Cancelled):
            receive(line, attempt.file, attempt.part, attempt.heard.append)
    assert remote.requests(PATH) == []


def test_stopping_ends_a_transfer_between_two_blocks(remote, tmp_path):
    attempt = Attempt(remote, tmp_path)
    remote.fail(PATH, Fault("trickle"))

    def hear(n_bytes):
        attempt.heard.append(n_bytes)
        line.stop.set()

    with open_line(attempt.options) as line, pytest.raises(Cancelled):
        receive(line, attempt.file, attempt.part, hear)
    assert attempt.heard == [attempt.part.stat().st_size]


def with_line(remote: Remote) -> Line:
    return open_line(TransferOptions(stall_s=60))


def test_a_text_is_read_and_a_missing_one_is_none(remote):
    with with_line(remote) as line:
        assert "SC4001E0" in fetch_text(line, f"{remote.base_url}RECORDS")
        assert fetch_text(line, f"{remote.base_url}absent") is None


def test_an_endless_listing_is_refused(remote):
    remote.fail("RECORDS", Fault("endless"))
    with with_line(remote) as line, pytest.raises(DownloadError, match="not a listing"):
        fetch_text(line, f"{remote.base_url}RECORDS")


def test_a_size_is_asked_for_without_the_file(remote):
    with with_line(remote) as line:
        assert fetch_size(line, remote.base_url + PATH) == len(remote.files[PATH])
        assert fetch_size(line, f"{remote.base_url}absent") is None
    assert remote.requests(PATH) == []


def test_either_of_the_two_http_clients_will_do(monkeypatch):
    present = load_http().__name__
    assert present in ("httpx", "httpx2")
    monkeypatch.setitem(sys.modules, "httpx2", None)
    assert load_http().__name__ == "httpx"


def test_no_http_client_at_all_names_the_extra(monkeypatch):
    for name in ("httpx", "httpx2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DownloadError, match=r"need httpx, .* pip install 'epochal\[download\]'"):
        load_http()


def test_a_library_that_is_not_installed_names_the_extra():
    with pytest.raises(DownloadError, match=r"pip install 'epochal\[download\]'"):
        load_extra("a_library_that_nobody_wrote")
