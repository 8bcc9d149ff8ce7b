"""A run killed at any moment leaves nothing half-written, and goes on to the same figures."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import pandas as pd
import pytest

from epochal.checksums import checksum
from epochal.places import writing
from projects import Project, make_project
from waiting import until
from warm_process import WarmProcess

SEED = 9
N_KILLS = 3
RUN = {"to_outputs": ["leaderboard"], "only_missing_outputs": True}
# As few models and epochs as a leaderboard needs: the kills are what takes time.
FEW = {
    "deep_models": {"models": {"residual_mlp": None}},
    "ingestion": {"snapshot_s": None, "simulator_options": {"hours": 1.0}},
}


def run_until_killed(project: Project, *, after_files: int) -> int:
    """Run, and kill once so many more files lie there; return the exit status."""
    n_files = len(outputs(project)) + after_files
    return WarmProcess(run_and_be_killed, project, n_files, cwd=project.path).wait()


def run_and_be_killed(project: Project, n_files: int) -> None:
    """Run with a thread beside it that kills the process: it stands still whenever the run does."""
    threading.Thread(target=kill_own_group, args=(project, n_files), daemon=True).start()
    project.run(**RUN)


def kill_own_group(project: Project, n_files: int) -> None:
    """Kill this process and its own once so many files lie there."""
    until(lambda: len(outputs(project)) >= n_files, within_s=600)
    os.killpg(0, signal.SIGKILL)


def outputs(project: Project) -> list[Path]:
    """Return all files of the study, finished or being written, but the raw ones."""
    folders = (project.path / "data/demo").glob("0[2-8]_*")
    walked = (place for folder in folders for place in os.walk(folder))  # though folders vanish
    return [Path(place, name) for place, _, names in walked for name in names]


def refuse_half_written(project: Project) -> None:
    """Open everything that has its own name, and compare the recordings' checksums."""
    for path in outputs(project):
        if path.name.startswith("."):
            continue
        if path.suffix == ".parquet":
            pd.read_parquet(path)
        elif path.suffix == ".csv":
            pd.read_csv(path)
        elif path.suffix == ".h5":
            with h5py.File(path) as file:
                assert file.attrs or len(file)


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_with_the_same_leaderboard(tmp_path):
    """Killed by SIGKILL when a seeded number of new files is there, and resumed, to the end."""
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole, killed = make_project(tmp_path / "whole"), make_project(tmp_path / "killed")
    for project in (whole, killed):
        project.set(**FEW)
    whole.run(**RUN)
    n_files, chance = len(outputs(whole)), random.Random(SEED)
    for _ in range(N_KILLS):
        status = run_until_killed(killed, after_files=chance.randint(1, n_files // (N_KILLS + 1)))
        assert status == -signal.SIGKILL
        refuse_half_written(killed)
        assert not (killed.path / "data/demo/08_reporting/leaderboard.csv").exists()
    killed.run(**RUN)
    boards = [
        project.path / "data/demo/08_reporting/leaderboard.csv" for project in (whole, killed)
    ]
    assert boards[0].read_bytes() == boards[1].read_bytes()
    pd.testing.assert_frame_equal(
        whole.table("07_model_output/predictions.parquet"),
        killed.table("07_model_output/predictions.parquet"),
        check_exact=True,
    )
    assert_checksums(killed)


def assert_checksums(project: Project) -> None:
    """Every recording's row names the SHA-256 that its raw files have."""
    summary = project.table("08_reporting/recordings.csv").set_index("recording_id")
    sources = project.table("02_intermediate/sources.parquet").set_index("recording_id")
    assert len(summary) == 5
    for name, row in sources.iterrows():
        files = [project.path / file for file in (row["path"], *row["companions"])]
        assert summary.loc[name, "sha256"] == checksum(files)


WRITER = """
import sys, time
from pathlib import Path
from epochal.places import writing
with writing(Path(sys.argv[1])) as part:
    part.write_text("half")
    print("half", flush=True)
    time.sleep(600)
"""


def test_a_file_whose_writer_is_killed_keeps_what_was_there_before(tmp_path):
    target = tmp_path / "table.txt"
    with writing(target) as part:
        part.write_text("before")
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.communicate()
    assert target.read_text() == "before"
    left = [path for path in tmp_path.iterdir() if path != target]
    assert [path.name.startswith(".part-") for path in left] == [True]  # nobody takes it for data
