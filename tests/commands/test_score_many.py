"""Many recordings in one call: several processes, failures at the end, and a call broken off."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from builders import make_bundle, make_night, write_edf
from epochal.cli import cli
from epochal.commands import score as command
from epochal.serving import batch
from epochal.serving.bundle import write_bundle
from epochal.serving.inputs import Input
from waiting import until

LABELS = ["W"] * 6 + ["N2"] * 6 + ["REM"] * 6
EEG = make_night(LABELS, seed=100).channel("EEG").data


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bundle("bundle", make_bundle())
    Path("nights").mkdir()
    for name in "abc":
        write_edf(Path(f"nights/{name}.edf"), {"EEG": EEG})
    return tmp_path


def score(*arguments):
    called = ["score", *map(str, arguments), "--bundle", "bundle", "--out", "out"]
    return CliRunner().invoke(cli, called)


def results(folder, ending="epochs.csv"):
    return sorted(path.name for path in (folder / "out").glob(f"*.{ending}"))


@pytest.mark.slow
def test_a_folder_and_a_pattern_are_scored_each_recording_once(folder):
    done = score("nights", "nights/*.edf", "--jobs", 1)
    assert done.exit_code == 0, done.output
    assert results(folder) == ["a.epochs.csv", "b.epochs.csv", "c.epochs.csv"]
    assert pd.read_csv("out/summary.csv")["results"].tolist() == ["a", "b", "c"]


@pytest.mark.slow
def test_processes_side_by_side_give_what_one_gives(folder):
    assert score("nights", "--jobs", 1).exit_code == 0
    alone = {name: Path("out", name).read_bytes() for name in results(folder)}
    table = Path("out/summary.csv").read_bytes()
    Path("out").rename("alone")
    done = score("nights", "--jobs", 2)
    assert done.exit_code == 0, done.output
    assert {name: Path("out", name).read_bytes() for name in results(folder)} == alone
    assert Path("out/summary.csv").read_bytes() == table
    assert done.output.count(": 18 epochs (W 6, N2 6, REM 6)") == 3


def test_failures_are_listed_after_everything_else_and_the_rest_is_there(folder):
    Path("nights/b.edf").write_bytes(b"rubbish")
    done = score("nights/absent.edf", "nights/*.edf", "*.bdf", "--jobs", 2)
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert [line.split(": ")[1] for line in lines if line.startswith("Failed")] == [
        "*.bdf", "nights/absent.edf", "nights/b.edf",
    ]  # fmt: skip
    assert all(line.startswith("Failed") for line in lines[-4:-1])
    assert lines[-1] == "Error: 3 of 5 recordings failed"
    assert results(folder) == ["a.epochs.csv", "c.epochs.csv"]


def test_nothing_to_score_at_all_is_a_failure_with_its_reason(folder):
    done = score("*.bdf")
    assert done.exit_code == 1
    assert "Failed: *.bdf: no file matches this pattern" in done.output


@pytest.mark.parametrize("given", [["--jobs", "0"], ["--jobs", "two"]])
def test_a_number_of_processes_that_is_none_is_wrong_usage(folder, given):
    assert score("nights", *given).exit_code == 2


def test_one_file_is_scored_here_and_many_in_a_process_for_each_core(monkeypatch):
    monkeypatch.setattr(batch, "_count_cores", lambda: 4)
    assert batch.count_jobs(None, 1) == 1
    assert batch.count_jobs(None, 3) == 3
    assert batch.count_jobs(None, 100) == 4
    assert batch.count_jobs(7, 100) == 7
    assert batch.count_jobs(None, 0) == 1


def test_a_process_that_dies_fails_its_recording_and_says_so(folder):
    from concurrent.futures import Future
    from concurrent.futures.process import BrokenProcessPool

    future = Future()
    future.set_exception(BrokenProcessPool())
    outcome = batch._outcome_of(future, Input(Path("a.edf"), "a"))
    assert "out of memory" in outcome.failure
    assert outcome.rows == ()


class Ended(BaseException):
    """In place of the end of this process."""


def test_a_process_ends_out_of_a_recording_or_at_once_between_two(monkeypatch):
    """An exception between two would be the pool's, with its lock shut: all would stand still."""

    def end(status):
        raise Ended

    def broken_off(*_):
        try:
            batch._end_worker()
        except SystemExit:
            batch._end_worker()  # told again
            cleared.append(True)
            raise

    cleared = []
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(batch, "_worker", dict.fromkeys(["job", "scorer", "writes", "leaves"]))
    monkeypatch.setattr(batch, "score_input", lambda given, *_: batch.Outcome(given))
    assert batch._score_in_worker("a").input == "a"
    with pytest.raises(Ended):
        batch._end_worker()
    assert cleared == []
    monkeypatch.setattr(batch, "score_input", broken_off)
    with pytest.raises(Ended):
        batch._score_in_worker("a")
    assert cleared == [True]


@pytest.mark.slow
def test_no_bar_is_drawn_where_nobody_looks(folder):
    done = score("nights", "--jobs", 1)
    assert "Scoring" not in done.output
    assert "\r" not in done.output


def test_a_bar_on_a_terminal_counts_and_leaves_the_lines_whole(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with command._progress(2) as advance:
        advance(["a.edf: 18 epochs"])
        advance([])
    captured = capsys.readouterr()
    assert captured.out == "a.edf: 18 epochs\n"
    assert "Scoring" in captured.err
    assert "100%" in captured.err


def test_two_of_one_stem_keep_their_own_results(folder):
    for name in ("x", "y"):
        Path(f"all/{name}").mkdir(parents=True)
        write_edf(Path(f"all/{name}/night.edf"), {"EEG": EEG})
    assert score("all", "--jobs", 1).exit_code == 0
    assert results(folder) == ["x__night.epochs.csv", "y__night.epochs.csv"]


def test_a_recording_of_ten_second_epochs_is_refused_by_a_bundle_of_thirty(folder):
    from dataclasses import replace

    from epochal.errors import RecordingError
    from epochal.serving.bundle import Scorer
    from epochal.serving.scoring import score_recording

    night = make_night(LABELS, seed=1)
    table = pd.DataFrame({"onset_s": [0.0], "length_s": [10.0], "label": [None]})
    with pytest.raises(RecordingError, match=r"holds epochs of 10 s; .* trained on 30 s"):
        score_recording(replace(night, table=table), Scorer(make_bundle()))


def _count_alive(group):
    told = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in told.stdout.splitlines()]
    return sum(int(pgid) == group and stat[0] != "Z" for pgid, stat in rows)


def _link_nights(n_nights):
    """Name one night so often that not all are scored before a signal comes."""
    night = write_edf(Path("nights/n0.edf"), {"EEG": EEG})
    for index in range(1, n_nights):
        os.link(night, f"nights/n{index}.edf")


def _start_scoring(jobs):
    code = (  # a test run in the background hands on that Ctrl-C is ignored
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from epochal.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "score", "nights", "--bundle", "bundle"]
    return subprocess.Popen(
        [*command, "--out", "out", "--jobs", str(jobs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _break_off(process):
    """Send Ctrl-C as a terminal does, to every process; check that it ends in one line."""
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert said.splitlines()[-1] == "Aborted!"
    assert "Traceback" not in said
    assert not list(Path("out").glob(".part-*"))
    until(lambda: not _count_alive(process.pid))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_leaves_no_half_file_and_no_process(folder, jobs):
    n_nights = 4000
    _link_nights(n_nights)
    process = _start_scoring(jobs)
    until(lambda: list(folder.glob("out/[!.]*.json")), within_s=300)
    _break_off(process)
    done = results(folder, "json")
    assert 0 < len(done) < n_nights
    for name in done:
        json.loads(Path("out", name).read_text())


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("after_s", [0, 0.3, 0.7, 1.2])
def test_ctrl_c_while_the_processes_start_ends_in_one_line(folder, after_s):
    _link_nights(4000)
    process = _start_scoring(jobs=2)
    until(lambda: _count_alive(process.pid) > 1, within_s=300)
    time.sleep(after_s)  # the fork server imports, then the workers read their bundles
    _break_off(process)
