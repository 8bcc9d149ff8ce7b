"""Documented commands that are not run where the others are: why, and what is checked instead."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from documented import Command
from projects import ROOT


class Elsewhere(NamedTuple):
    """What the commands look like, why they cannot run, the tests that cover them, and a check."""

    pattern: str
    reason: str
    tests: tuple[str, ...] = ()
    check: Callable[[Command], bool] = bool

    def matches(self, command: Command) -> bool:
        return re.fullmatch(self.pattern, command.text, re.DOTALL) is not None


def is_target(command: Command) -> bool:
    """Say whether make knows what it is asked for, and how to make it."""
    done = subprocess.run(
        ["make", "--dry-run", *command.text.split()[1:]], cwd=ROOT, capture_output=True
    )
    return done.returncode == 0


def is_installed(command: Command) -> bool:
    """Say whether the program came with the extras."""
    return shutil.which(command.program, path=str(Path(sys.executable).parent)) is not None


def names_extras(command: Command) -> bool:
    """Say whether what is asked of pip is an extra of the package."""
    (names,) = re.findall(r"epochal\[([a-z,]+)\]", command.text)
    return set(names.split(",")) <= set(_extras())


@cache
def _extras() -> dict[str, list[str]]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["optional-dependencies"]


def has_options(command: Command) -> bool:
    """Say whether a Dask program has the options that it is given."""
    from distributed.cli import dask_scheduler, dask_worker

    main = {"scheduler": dask_scheduler, "worker": dask_worker}[command.text.split()[1]].main
    known = {name for parameter in main.params for name in parameter.opts}
    return set(re.findall(r"--[a-z-]+", command.text)) <= known


GRAPH, ROWS = "tests/test_graph.py::", "tests/commands/test_train.py::"
ELSEWHERE = (
    Elsewhere(
        "make (demo|install|test|check|release|bench-realism)",
        "makes .venv, or takes up to an hour",
        (GRAPH + "test_figures_and_a_bundle_are_written",),
        is_target,
    ),
    Elsewhere("make (viz|notebook)", "opens a browser and stays", check=is_target),
    Elsewhere(
        "make quick",
        "needs Docker",
        ("tests/deploy/test_make_targets.py::test_quick_starts_without_data_or_long_training",),
        is_target,
    ),
    Elsewhere(r"\.venv/bin/pre-commit install", "changes the checkout's hooks", (), is_installed),
    Elsewhere(r"\.venv/bin/mkdocs .*", "stays, or takes `make check`'s minute", (), is_installed),
    Elsewhere("pip install .*", "asks a package index", (), names_extras),
    Elsewhere("kedro mlflow ui .*", "stays", (), is_installed),
    Elsewhere(
        "kedro airflow create .*",
        "writes what that test runs",
        ("tests/test_orchestrator.py::test_the_page_shows_the_command_that_is_run_here",),
    ),
    Elsewhere(
        r"dask (scheduler|worker) .*&",
        "stays",
        ("tests/test_dask.py::test_a_worker_killed_half_way_loses_nothing_and_nothing_is_made_twice",),
        has_options,
    ),
    Elsewhere(
        "EPOCHAL_BACKEND=dask .*",
        "needs that cluster",
        (
            "tests/test_dask.py::"
            "test_a_study_on_a_cluster_that_loses_a_worker_equals_the_study_on_one_machine",
        ),
    ),
    Elsewhere(
        "python cluster.py &",
        "needs Slurm",
        (
            "tests/test_orchestrator.py::"
            "test_the_pythons_of_the_page_are_valid_and_name_options_that_exist",
        ),
    ),
    Elsewhere(
        r"(previous=|for pipeline in .*)",
        "needs Slurm",
        ("tests/test_orchestrator.py::test_the_jobs_of_the_page_name_the_eight_pipelines_in_order",),
    ),
    Elsewhere(
        "(export AWS_.*|EPOCHAL_STORAGE=s3.*)",
        "needs that bucket",
        ("tests/test_remote_storage.py::test_a_study_in_a_bucket_equals_the_study_in_a_folder",),
    ),
    Elsewhere(
        "(pipx install dvc|dvc .*|git .*)",
        "needs DVC, which the extras do not bring",
        ("tests/test_dvc.py::test_every_stage_that_the_page_names_exists",),
    ),
    Elsewhere(
        "epochal train .*",
        "takes minutes with these budgets",
        (
            ROWS + "test_the_documents_templates_run_as_written",
            ROWS + "test_a_model_of_another_run_is_used_as_it_is_with_a_warning",
            "tests/commands/test_optimize.py::test_train_takes_what_a_search_found",
        ),
    ),
    Elsewhere(
        "epochal optimize .*",
        "twenty trials of networks",
        ("tests/commands/test_optimize.py::test_several_targets_are_searched_together",),
    ),
    Elsewhere(
        "epochal models .*",
        "needs a registry with three versions, which that test makes",
        (
            "tests/commands/test_models.py::"
            "test_a_bundle_goes_from_registration_to_a_servers_folder_and_back",
        ),
    ),
    Elsewhere(
        "epochal replay data/demo.*",
        "needs a demo trained to look back alone, and a server of it",
        (
            "tests/commands/test_replay.py::test_it_says_and_writes_what_score_does",
            "tests/commands/test_replay.py::test_only_some_channels_may_be_sent",
        ),
    ),
    Elsewhere(
        "kedro run --env naps .*",
        "the page's studies are run whole",
        ("tests/test_own_study.py::test_what_is_learned_stands_far_above_the_majority",),
    ),
    Elsewhere(
        "epochal score new.edf --bundle data/naps.*",
        "the same",
        ("tests/test_own_study.py::test_the_bundle_scores_a_recording_of_the_study",),
    ),
    Elsewhere(
        "epochal score icu.edf .*",
        "needs a trained bundle of harmful_eeg",
        ("tests/serving/test_burden.py::test_a_sixth_of_the_time_is_ten_minutes_of_each_hour",),
    ),
    Elsewhere(
        "epochal score night.edf --bundle B .*",
        "needs a bundle with substitutes, and a night without the channel",
        (
            "tests/readers/test_substitution.py::"
            "test_without_leave_it_is_refused_with_the_name_of_what_could_stand_in",
        ),
    ),
    Elsewhere(
        "curl .*/download.*",
        "would reach PhysioNet",
        (
            "tests/serving/test_download_route.py::test_sync_waits_until_the_subset_is_here",
            "tests/serving/test_download_route.py::"
            "test_async_answers_at_once_with_a_job_to_ask_for",
        ),
    ),
)  # fmt: skip


def elsewhere(command: Command) -> Elsewhere | None:
    """Return the entry of a command that is not run here."""
    return next((entry for entry in ELSEWHERE if entry.matches(command)), None)


def has_test(name: str) -> bool:
    """Say whether a test of that id exists."""
    path, _, function = name.partition("::")
    file = ROOT / path
    return file.exists() and f"\ndef {function}(" in file.read_text(encoding="utf-8")
