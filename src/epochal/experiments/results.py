"""Results of cells on disk: one JSON each, named and keyed by what it was made from."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

from epochal.errors import EpochalError, explain
from epochal.experiments.cells import (
    Judged,
    Material,
    baseline_key,
    cell_key,
    run_baseline,
    run_cell,
)
from epochal.experiments.grid import expand
from epochal.experiments.options import ExperimentOptions
from epochal.places import writing


class Task(NamedTuple):
    """A cell or baseline to judge: its name, its key, and what does it."""

    name: str
    key: str
    run: Callable[[], Judged]


class Observer(NamedTuple):
    """Who is told: before a task is run, after it, of one whose result lies there, of a failure."""

    begins: Callable[[Task], None]
    ends: Callable[[Judged], None]
    found: Callable[[Judged], None]
    fails: Callable[[Task, str], None]


def list_tasks(options: ExperimentOptions, material: Material) -> list[Task]:
    """Return an experiment's baselines and cells; an unknown name raises `EpochalError`."""
    of_all = material.key()
    tasks = []
    for name in options.baselines:
        key = baseline_key(name, material, of_all)
        tasks.append(Task(name, key, partial(run_baseline, name, material, key=key)))
    for cell in expand(options):
        key = cell_key(cell, options, of_all)
        tasks.append(Task(cell.name, key, partial(run_cell, cell, options, material, key=key)))
    return tasks


def run_tasks(
    tasks: list[Task], folder: Path, observer: Observer, *, checkpoints: str | None = None
) -> list[Judged]:
    """Return the results of all tasks in order, running those that `folder` has no result of.

    A failure stops no other task: the observer hears of it, and its result is missing. Checkpoints
    of a task go when its result is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for task in tasks:
        there = read_result(folder, task)
        if there is not None:
            observer.found(there)
            done.append(there)
            continue
        observer.begins(task)
        try:
            judged = task.run()
        except Exception as error:
            if os.environ.get("EPOCHAL_DEBUG"):
                raise
            observer.fails(task, explain(error))
            continue
        write_result(folder, judged)
        if checkpoints is not None:
            shutil.rmtree(Path(checkpoints) / task.key[:12], ignore_errors=True)
        observer.ends(judged)
        done.append(judged)
    return done


def result_path(folder: Path, name: str, key: str) -> Path:
    """Return where a result lies."""
    return folder / f"{name}.{key[:12]}.json"


def read_result(folder: Path, task: Task) -> Judged | None:
    """Return a task's result, if one of the same key lies there.

    What is no result raises `EpochalError`.
    """
    path = result_path(folder, task.name, task.key)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        judged = Judged(**{**content, "classes": tuple(content["classes"])})
    except (ValueError, KeyError, TypeError) as error:
        raise EpochalError(f"{path}: not a cell's result; remove it ({error!r})") from error
    return judged if judged.key == task.key else None


def write_result(folder: Path, judged: Judged) -> None:
    """Write a result whole or not at all."""
    with writing(result_path(folder, judged.name, judged.key)) as part:
        part.write_text(json.dumps(asdict(judged)) + "\n", encoding="utf-8")
