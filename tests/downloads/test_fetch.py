import os
import random
import threading
import time

import pytest

from downloads.physionet import Fault, Remote, sha256
from epochal.downloads import DownloadError
from epochal.downloads.fetch import FetchOptions, fetch_plan, persist, raise_failures
from epochal.downloads.ledger import Ledger, read_ledger
from epochal.downloads.outcome import Outcome
from epochal.downloads.plan import RemoteFile, make_plan
from epochal.downloads.progress import Progress
from epochal.downloads.transfer import Cancelled, Line, TransientError, receive
from waiting import until

A, B, C = (f"sleep-cassette/SC40{n}1E0-PSG.edf" for n in (0, 1, 2))
QUICK = FetchOptions(
    backoff_s=0.001, longest_backoff_s=0.01, retries=2, round_retries=0, stall_s=60
)


class Heard(Progress):
    def __init__(self):
        self.n_bytes, self.finished, self.closed = 0, [], False

    def advance(self, n_bytes):
        self.n_bytes += n_bytes

    def finish(self, outcome):
        self.finished.append(outcome.file.path)

    def close(self):
        self.closed = True


def files_of(remote: Remote, *paths: str, hashed: bool = True) -> list[RemoteFile]:
    return [
        RemoteFile(
            path,
            remote.base_url + path,
            sha256(remote.files[path]) if hashed else None,
            len(remote.files[path]),
        )
        for path in paths
    ]


@pytest.fixture
def big(remote):
    """Three files, the first of them of 300 kB."""
    generator = random.Random(1)
    for path, n_bytes in ((A, 300_000), (B, 5000), (C, 5000)):
        remote.files[path] = generator.randbytes(n_bytes)
    return remote


def fetch(remote, folder, *paths, hashed=True, ledger=None, progress=None, **changed):
    options = FetchOptions(**{**QUICK.model_dump(), **changed})
    ledger = Ledger() if ledger is None else ledger
    plan = make_plan(files_of(remote, *paths, hashed=hashed), folder, ledger=ledger)
    return fetch_plan(plan, options, ledger=ledger, progress=progress)


def test_files_come_whole_under_their_names_and_are_entered_in_the_ledger(big, tmp_path):
    outcomes = fetch(big, tmp_path, A, B)
    assert {path: outcome.reason for path, outcome in outcomes.items()} == {A: "", B: ""}
    assert [(tmp_path / path).read_bytes() for path in (A, B)] == [big.files[A], big.files[B]]
    assert read_ledger(tmp_path).files[A].sha256 == sha256(big.files[A])
    assert not list(tmp_path.rglob("*.part"))


def test_a_corrupt_file_never_gets_its_name_and_is_fetched_again(big, tmp_path):
    big.fail(A, Fault("corrupt"))
    assert fetch(big, tmp_path, A)[A].reason == ""
    assert (tmp_path / A).read_bytes() == big.files[A]
    assert big.requests(A) == ["", ""]


@pytest.mark.slow
def test_a_file_that_stays_corrupt_fails_with_both_hashes_and_leaves_nothing(big, tmp_path):
    big.always[A] = Fault("corrupt")
    outcome = fetch(big, tmp_path, A)[A]
    assert sha256(big.files[A]) in outcome.reason
    assert outcome.reason.startswith("SHA-256 is ")
    assert outcome.again
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert len(big.requests(A)) == 1 + QUICK.retries


def test_a_corrupt_start_from_an_earlier_run_is_found_out(big, tmp_path):
    part = tmp_path / f"{A}.part"
    part.parent.mkdir()
    part.write_bytes(b"?" * 1000)
    assert fetch(big, tmp_path, A)[A].reason == ""
    assert big.requests(A) == ["bytes=1000-", ""]
    assert (tmp_path / A).read_bytes() == big.files[A]


def test_a_file_that_was_replaced_stays_until_the_new_one_is_whole(big, tmp_path):
    target = tmp_path / B
    target.parent.mkdir()
    target.write_bytes(b"what was here")
    big.always[B] = Fault("drop", 100)
    assert fetch(big, tmp_path, B)[B].reason
    assert target.read_bytes() == b"what was here"
    big.always.clear()
    assert fetch(big, tmp_path, B)[B].reason == ""
    assert target.read_bytes() == big.files[B]


def test_a_connection_that_drops_again_and_again_still_brings_the_file(big, tmp_path):
    big.fail(A, *(Fault("drop", 70_000) for _ in range(4)))
    assert fetch(big, tmp_path, A, retries=0)[A].reason == ""
    assert big.requests(A) == ["", *(f"bytes={n * 70_000}-" for n in (1, 2, 3, 4))]


def test_drops_that_bring_next_to_nothing_are_counted(big, tmp_path):
    big.always[A] = Fault("drop", 100)
    outcome = fetch(big, tmp_path, A, retries=2)[A]
    assert outcome.again
    assert len(big.requests(A)) == 3
    assert (tmp_path / f"{A}.part").stat().st_size == 300


def test_getting_as_far_as_before_is_no_progress(big, tmp_path):
    """A server without ranges that drops at 200 kB would otherwise be asked for ever."""
    big.fail(A, Fault("drop", 200_000))
    big.fail(A, *(Fault("unsized", 0) for _ in range(2)))
    big.always[A] = Fault("page")
    assert fetch(big, tmp_path, A, retries=2)[A].again
    assert len(big.requests(A)) == 4


def test_failed_files_get_a_further_round_after_all_others(big, tmp_path):
    big.fail(A, *(Fault("status", code=503) for _ in range(3)))
    heard = Heard()
    outcomes = fetch(big, tmp_path, A, B, C, retries=2, round_retries=1, concurrency=1,
                     progress=heard)  # fmt: skip
    assert all(not outcome.reason for outcome in outcomes.values())
    assert heard.finished == [A, B, C, A]
    assert heard.closed


def test_a_missing_file_is_neither_retried_nor_lost_among_the_others(big, tmp_path):
    big.always[A] = Fault("status", code=404)
    outcomes = fetch(big, tmp_path, A, B, round_retries=3)
    assert outcomes[A].reason.startswith("HTTP 404 from http://127.0.0.1")
    assert not outcomes[B].reason
    assert len(big.requests(A)) == 1
    with pytest.raises(DownloadError, match=rf"1 of 2 files failed: {A}: HTTP 404"):
        raise_failures(outcomes, tmp_path)


def test_no_failure_raises_nothing(big, tmp_path):
    outcomes = fetch(big, tmp_path, B)
    raise_failures(outcomes, tmp_path)
    assert (tmp_path / B).exists()


@pytest.mark.slow
def test_no_more_files_at_once_than_allowed(remote, tmp_path, monkeypatch):
    at_work, counts = set(), []

    def watched(*given):
        at_work.add(threading.get_ident())
        counts.append(len(at_work))
        until(lambda: 3 in counts)  # the first wait for each other
        receive(*given)
        at_work.discard(threading.get_ident())

    monkeypatch.setattr("epochal.downloads.fetch.receive", watched)
    paths = [path for path in remote.files if path.endswith(".edf")]
    for path in paths:
        remote.always[path] = Fault("trickle")
        remote.files[path] = b"12345"
    fetch(remote, tmp_path, *paths, concurrency=3)
    assert max(counts) == 3
    assert sum((tmp_path / path).exists() for path in paths) == len(paths)


def test_bytes_are_told_exactly_whatever_happens_on_the_way(big, tmp_path):
    big.fail(A, Fault("drop", 100_000), Fault("ignore_range"), Fault("corrupt"))
    big.fail(B, Fault("corrupt"))
    heard = Heard()
    outcomes = fetch(big, tmp_path, A, B, progress=heard)
    assert heard.n_bytes == 305_000
    assert outcomes[A].n_bytes == 300_000


def test_without_a_published_hash_each_attempt_starts_anew(big, tmp_path):
    big.fail(A, Fault("drop", 100_000))
    assert fetch(big, tmp_path, A, hashed=False)[A].sha256 == sha256(big.files[A])
    assert big.requests(A) == ["", ""]


def test_a_folder_that_cannot_be_written_fails_by_name_at_once(big, tmp_path):
    (tmp_path / "sleep-cassette").write_text("a file where the folder should be")
    outcome = fetch(big, tmp_path, A, round_retries=2)[A]
    assert outcome.reason.startswith("cannot be written here")
    assert not outcome.again


def test_a_full_disk_fails_by_name(big, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("epochal.downloads.fetch.receive", full)
    assert fetch(big, tmp_path, A)[A].reason == "cannot be written here (No space left on device)"


def test_a_defect_ends_the_download_instead_of_hanging_it(big, tmp_path, monkeypatch):
    def defect(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("epochal.downloads.fetch.receive", defect)
    with pytest.raises(ZeroDivisionError):
        fetch(big, tmp_path, A, B)


def test_a_listener_that_raises_stops_the_download(big, tmp_path):
    class Impatient(Heard):
        def finish(self, outcome):
            raise KeyboardInterrupt

    heard = Impatient()
    with pytest.raises(KeyboardInterrupt):
        fetch(big, tmp_path, A, B, C, concurrency=1, progress=heard)
    assert heard.closed


def test_an_interruption_stops_the_threads_that_wait_for_another_attempt(big, tmp_path):
    class Impatient(Heard):
        def finish(self, outcome):
            raise KeyboardInterrupt

    big.always[A] = Fault("status", code=503)
    with pytest.raises(KeyboardInterrupt):
        fetch(big, tmp_path, A, B, concurrency=2, progress=Impatient(), retries=100,
              backoff_s=600, longest_backoff_s=600)  # fmt: skip

    def at_work():
        return [thread.name for thread in threading.enumerate() if "_work" in thread.name]

    assert until(at_work, lambda names: not names) == []


def test_an_interruption_does_not_wait_for_a_stalled_connection(big, tmp_path):
    class Impatient(Heard):
        def finish(self, outcome):
            raise KeyboardInterrupt

    big.always[A] = Fault("stall", 1000)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch(big, tmp_path, A, B, concurrency=2, progress=Impatient(), stall_s=200)
    assert time.monotonic() - started < 60


@pytest.fixture
def line():
    return Line(None, QUICK)


def failing(n_times: int, error: Exception):
    left = [error] * n_times

    def attempt() -> str:
        if left:
            raise left.pop()
        return "done"

    return attempt


def test_an_attempt_is_repeated_as_often_as_allowed(line):
    assert persist(failing(2, TransientError("x")), QUICK, line=line) == "done"
    with pytest.raises(TransientError):
        persist(failing(3, TransientError("x")), QUICK, line=line)


def test_what_will_not_change_is_not_repeated(line):
    attempt = failing(1, DownloadError("no"))
    with pytest.raises(DownloadError):
        persist(attempt, QUICK, line=line)
    assert attempt() == "done"


def waits(monkeypatch, line, n_failures, *, retry_after_s=0.0, **options):
    found: list[float] = []
    monkeypatch.setattr(line.stop, "wait", found.append)
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    chosen = FetchOptions(retries=n_failures, **options)
    persist(failing(n_failures, TransientError("x", retry_after_s)), chosen, line=line)
    return found


def test_pauses_double_up_to_the_longest(monkeypatch, line):
    found = waits(monkeypatch, line, 5, backoff_s=1, longest_backoff_s=6)
    assert found == [1, 2, 4, 6, 6]


def test_pauses_are_spread_so_that_connections_do_not_return_together(monkeypatch, line):
    found: list[float] = []
    monkeypatch.setattr(line.stop, "wait", found.append)
    persist(failing(20, TransientError("x")), FetchOptions(retries=20, backoff_s=1,
            longest_backoff_s=1), line=line)  # fmt: skip
    assert all(0.5 <= wait_s <= 1 for wait_s in found)
    assert len(set(found)) > 10


def test_a_server_that_asks_for_a_pause_gets_it_within_reason(monkeypatch, line):
    assert waits(monkeypatch, line, 1, retry_after_s=20) == [20]
    assert waits(monkeypatch, line, 1, retry_after_s=86400) == [300]


def test_a_stop_ends_a_long_pause_at_once(line):
    threading.Timer(0.05, line.stop.set).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        persist(failing(1, TransientError("x", 200)), FetchOptions(), line=line)
    assert time.monotonic() - started < 60


def test_an_outcome_is_a_failure_by_its_reason():
    file = RemoteFile("a", "u")
    with pytest.raises(DownloadError, match="a: why"):
        raise_failures({"a": Outcome(file, reason="why")}, os.curdir)
