"""Small Kedro projects for tests: the real conf, a tiny cohort, a folder of their own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
# Four people for an hour and a half: all stages that matter to the graph, in a few seconds.
TINY = {
    "ingestion": {"simulator_options": {"n_subjects": 5, "hours": 2.0}},
    "splitting": {"n_folds": 2, "test_share": 0.2, "val_share": 0.2},
    "classical_models": {"models": {"lightgbm": {"params": {"n_estimators": 8, "num_leaves": 7}}}},
    "deep_models": {"models": {"residual_mlp": {"params": {"n_epochs": 2, "width": 16}}}},
    "evaluation": {"n_bootstrap": 50},
}


# Before Kedro reads its settings: MLflow takes seconds to start. The test of tracking turns it on.
os.environ.setdefault("EPOCHAL_TRACKING", "off")
os.environ.setdefault("OMP_NUM_THREADS", "1")


@dataclass(frozen=True)
class Project:
    """A project's folder, and the two ways to run it."""

    path: Path

    def run(
        self,
        *pipelines: str,
        params: dict[str, Any] | None = None,
        env: str | None = None,
        **options: Any,
    ) -> None:
        """Run pipelines of the project in this process; options are those of Kedro's sessions."""
        from kedro.framework.session import KedroSession
        from kedro.framework.startup import bootstrap_project

        with contextlib.chdir(self.path):
            bootstrap_project(self.path)
            with KedroSession.create(self.path, env=env, runtime_params=params) as session:
                session.run(pipeline_names=list(pipelines), **options)

    def command(
        self, *arguments: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Call `kedro` in the project, as a user would; all that it says is in `stdout`."""
        from warm_process import WarmProcess, call_module

        with tempfile.NamedTemporaryFile() as log:
            process = WarmProcess(
                call_module, "kedro", *arguments,
                cwd=self.path, env={**os.environ, **environment}, log=Path(log.name),
            )  # fmt: skip
            status = process.wait(timeout=900)
            done = subprocess.CompletedProcess(arguments, status, log.read().decode(), "")
        if check:
            assert status == 0, done.stdout
        return done

    def set(self, **sections: Any) -> None:
        """Change parameters of the demo study."""
        path = self.path / "conf/demo/parameters.yml"
        merged = merge(yaml.safe_load(path.read_text()), sections)
        path.write_text(yaml.safe_dump(merged))

    def table(self, name: str) -> pd.DataFrame:
        """Read a table that the run wrote."""
        path = self.path / "data/demo" / name
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)

    def leaderboard(self) -> pd.DataFrame:
        """Read the leaderboard."""
        return self.table("08_reporting/leaderboard.csv")


def make_project(path: Path) -> Project:
    """Copy the configuration into a folder, with the demo made tiny."""
    shutil.copytree(ROOT / "conf", path / "conf")
    shutil.copy(ROOT / "pyproject.toml", path)
    (path / "src").mkdir()
    project = Project(path)
    project.set(**TINY)
    return project


def copy_of(project: Project, path: Path) -> Project:
    """Copy a project into a folder, with the times of its files: what is fresh stays fresh."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{project.path}/.", path], check=True)
    return Project(path)


def prepared_copy(project: Project, path: Path) -> Project:
    """Copy a project as it was after features were extracted: other models may follow."""
    copied = copy_of(project, path)
    for folder in (copied.path / "data/demo").iterdir():
        if folder.name[:2] >= "05":
            shutil.rmtree(folder)
    return copied


def pictures_unrendered() -> contextlib.AbstractContextManager[Any]:
    """Draw figures, but write them empty: to render them is a third of the work of some runs.

    For runs of whose pictures only the drawing is looked at; those of `demo` are rendered.
    """
    from matplotlib.figure import Figure

    return mock.patch.object(Figure, "savefig", lambda figure, file, **options: file.write(b""))


def make_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return a folder that whoever comes first fills: all workers of the tests share it."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            part = folder.with_suffix(".part")
            make(part)
            part.rename(folder)
    return folder


def merge(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return nested dictionaries merged, the second winning."""
    merged = dict(base)
    for key, value in more.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if nested else value
    return merged
