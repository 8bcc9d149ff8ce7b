"""Search for the parameters of a run, at random, without training it."""

from __future__ import annotations

from typing import Any

import click

from epochal.commands.train import choose_folder, read_flags
from epochal.run_directory.command_line import SpacedCommand, list_options, show_progress
from epochal.run_directory.flags import TrainFlags

_NOT_SEARCHED = ("save", "refit_final", "optimize", "best_params", "timing")


def optimize_run(**given: Any) -> None:
    """Search, and write what was found."""
    from epochal.run_directory.searching import search_parameters
    from epochal.run_directory.training import prepare

    flags = read_flags({**given, "optimize": True})
    folder = choose_folder(flags) / "opt"
    with show_progress():
        found = search_parameters(prepare(flags), folder)
    for target, params in found.items():
        click.echo(f"{target}: " + ", ".join(f"{name} {value}" for name, value in params.items()))
    click.echo(f"{folder}: train with these by --best-params {folder / 'best_params.json'}")


optimize = SpacedCommand(
    "optimize",
    callback=optimize_run,
    params=list_options(TrainFlags, without=_NOT_SEARCHED),
    help="Search for parameters of the meta-learner and of base models (--opt-targets), as `train "
    "--optimize` does first: trials.jsonl, best_params.json, best_score.json and config_used.json "
    "in the run directory's opt/. Networks get the budgets of --opt-budget-….",
)
