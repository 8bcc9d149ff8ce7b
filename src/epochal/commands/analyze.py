"""Analyse a run's saved predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from epochal.commands.evaluate import write_json


@click.command()
@click.option("--run-dir", required=True, type=click.Path(path_type=Path), help="The run.")
@click.option(
    "--source", type=click.Choice(["oof"]), default="oof", show_default=True, help="Which ones."
)
@click.option(
    "--print-report/--no-print-report", default=True, show_default=True,
    help="Print precision, recall and F1 by class.",
)  # fmt: skip
@click.option(
    "--save-json/--no-save-json", default=True, show_default=True,
    help="Write metrics/analyze_oof.json into the run.",
)  # fmt: skip
def analyze(run_dir: Path, source: str, print_report: bool, save_json: bool) -> None:
    """Analyse a run's out-of-fold predictions: figures, confusion, errors and report by class."""
    from epochal.run_directory.evaluation import analyze_out_of_fold
    from epochal.run_directory.manifest import ANALYSIS, read_manifest

    del source  # there is but one
    result = analyze_out_of_fold(run_dir, read_manifest(run_dir))
    _print(result, print_report=print_report)
    if save_json:
        write_json(run_dir / ANALYSIS, result)
        click.echo(f"written: {run_dir / ANALYSIS}")


def _print(result: dict[str, Any], *, print_report: bool) -> None:
    from epochal.run_directory.figures import write_confusion, write_figures, write_report

    run, classes = result["run"], result["classes"]
    click.echo(
        f"base models: {', '.join(run['base_models'])}; meta C {run['meta_C']:g}; imbalance: "
        f"{run['imbalance'] or 'as it is'}; {run['splits']} folds, {run['folds']}; "
        f"{run['data_source']}"
    )
    click.echo(write_figures(result["figures"]))
    click.echo(write_confusion(result["figures"]["confusion"], classes))
    click.echo(write_confusion(result["confusion_normalised"], classes, digits=3))
    errors = {name: value for name, value in result["error_by_class"].items() if value is not None}
    click.echo("errors: " + ", ".join(f"{name} {value:.1%}" for name, value in errors.items()))
    if print_report:
        click.echo(write_report(result["report"]))
    for caveat in result["caveats"]:
        click.echo(f"note: {caveat}")
