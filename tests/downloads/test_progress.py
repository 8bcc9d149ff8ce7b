import io
import sys

from epochal.downloads.outcome import Outcome
from epochal.downloads.plan import Plan, Planned, RemoteFile
from epochal.downloads.progress import Bar, Lines, Progress, Tally, describe_outcome

FILE = RemoteFile("a.edf", "u", "0" * 64, 2_000_000)
GOOD = Outcome(FILE, sha256="0" * 64, n_bytes=2_000_000, seconds=4)
BAD = Outcome(FILE, reason="HTTP 404 from u")


def plan(tmp_path) -> Plan:
    return Plan(tmp_path, (Planned(FILE, "resume", 500_000), Planned(FILE, "present")))


def tell(listener: Progress, tmp_path) -> None:
    listener.start(plan(tmp_path))
    listener.advance(1_600_000)
    listener.advance(-100_000)
    listener.finish(GOOD)
    listener.finish(BAD)
    listener.close()


def test_an_outcome_tells_size_and_throughput():
    assert describe_outcome(GOOD) == "verified a.edf, 2.0 MB, 500.0 kB/s"


def test_a_file_without_a_published_hash_is_not_called_verified():
    outcome = Outcome(RemoteFile("a.edf", "u"), sha256="0" * 64, n_bytes=1, seconds=1)
    assert describe_outcome(outcome).startswith("fetched, no published hash a.edf")


def test_a_failure_tells_its_reason():
    assert describe_outcome(BAD) == "failed   a.edf: HTTP 404 from u"


def test_lines_are_written_to_standard_error_one_a_file(tmp_path, capsys):
    tell(Lines(), tmp_path)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].endswith(
        "1 of 2 files to fetch, 1.5 MB (1 resumed); 1 already here, 0 processed before"
    )
    assert err.splitlines()[1:] == [describe_outcome(GOOD), describe_outcome(BAD)]


def test_the_bar_counts_bytes_with_throughput_and_names_failures(tmp_path, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    tell(Bar(), tmp_path)
    assert "1 files: 100%" in screen.getvalue()
    assert "B/s" in screen.getvalue()
    assert describe_outcome(BAD) in screen.getvalue()


def test_a_bar_that_never_started_closes_quietly(capsys):
    Bar().close()
    assert capsys.readouterr() == ("", "")


def test_a_tally_counts_files_and_bytes(tmp_path):
    tally = Tally()
    assert tally.as_dict() == {
        "n_files": 0, "n_files_done": 0, "n_files_failed": 0, "n_bytes": 0, "n_bytes_done": 0,
        "seconds": 0.0, "bytes_per_s": 0.0,
    }  # fmt: skip
    tell(tally, tmp_path)
    numbers = tally.as_dict()
    assert (numbers["n_files"], numbers["n_files_done"], numbers["n_files_failed"]) == (1, 1, 1)
    assert (numbers["n_bytes"], numbers["n_bytes_done"]) == (1_500_000, 1_500_000)
    assert numbers["bytes_per_s"] > 0


def test_the_clock_of_a_tally_stops_at_the_end(tmp_path):
    tally = Tally()
    tell(tally, tmp_path)
    assert tally.as_dict()["seconds"] == tally.as_dict()["seconds"]


def test_a_listener_of_no_kind_keeps_still(tmp_path, capsys):
    tell(Progress(), tmp_path)
    assert capsys.readouterr() == ("", "")
