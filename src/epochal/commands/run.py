"""`kedro run`, with errors of one line and suggestions for what was misspelt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import PACKAGE_NAME, configure_project, pipelines, settings
from kedro.utils import find_kedro_project

from epochal.cli import one_line_errors
from epochal.errors import did_you_mean
from epochal.pipeline_registry import PIPELINES

PARAMETERS = ("study", *PIPELINES)
_NOT_STUDIES = {"base"}
# What of the graph is named, by which options.
_ENDS = {
    "dataset": ("from_inputs", "to_outputs"),
    "node": ("from_nodes", "to_nodes", "node_names"),
}


def run_study(**options: Any) -> None:
    """Run a study, or the pipelines of it that are named."""
    if PACKAGE_NAME is None:
        configure_project("epochal")
    asked = [name for name in [options["pipeline"], *options["pipelines"]] if name]
    refuse_unknown("pipeline", asked, (*PIPELINES, "__default__"))
    refuse_unknown("parameter", options["params"], PARAMETERS)
    _refuse_unknown_ends(options)
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


def _refuse_unknown_ends(options: Mapping[str, Any]) -> None:
    """Look in the whole graph, which takes a second to import, where its ends are named."""
    ends = {what: [name for one in where for name in options[one]] for what, where in _ENDS.items()}
    if any(ends.values()):
        graph = pipelines["__default__"]
        refuse_unknown("dataset", ends["dataset"], graph.datasets())
        refuse_unknown("node", ends["node"], [node.name for node in graph.nodes])


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
