"""`kedro run`, with errors of one line and suggestions for what was misspelt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import PACKAGE_NAME, configure_project, settings
from kedro.utils import find_kedro_project

from epochal.cli import one_line_errors
from epochal.errors import did_you_mean
from epochal.pipeline_registry import PIPELINES

PARAMETERS = ("study", *PIPELINES)
_NOT_STUDIES = {"base"}


def run_study(**options: Any) -> None:
    """Run a study, or the pipelines of it that are named."""
    if PACKAGE_NAME is None:
        configure_project("epochal")
    asked = [name for name in [options["pipeline"], *options["pipelines"]] if name]
    refuse_unknown("pipeline", asked, (*PIPELINES, "__default__"))
    refuse_unknown("parameter", options["params"], PARAMETERS)
    if options["env"]:
        refuse_unknown("environment", [options["env"]], list_environments(options["conf_source"]))
    with one_line_errors():
        kedro_run.callback(**{**options, "pipeline": None, "pipelines": asked})  # type: ignore[misc]


def refuse_unknown(
    what: str, given: Iterable[str] | Mapping[str, Any], known: Iterable[str]
) -> None:
    """Stop with exit code 2 at the first name that does not exist; Kedro itself may ignore it."""
    for name in given:
        if name not in known:
            raise click.UsageError(f"No {what} '{name}'{did_you_mean(name, known)}")


def list_environments(conf_source: str | None) -> list[str]:
    """List the studies below the configuration; those in an archive are for Kedro to find."""
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    folder = Path(conf_source) if conf_source else project / settings.CONF_SOURCE
    if not folder.is_dir():
        raise click.UsageError(f"No configuration folder {folder}; name it with --conf-source")
    return [
        path.name for path in folder.iterdir() if path.is_dir() and path.name not in _NOT_STUDIES
    ]


run = click.Command(
    "run",
    callback=run_study,
    params=kedro_run.params,
    help="Run a study (--env), or one of its eight pipelines (--pipeline):\n\n"
    + ", ".join(PIPELINES),
)
