"""Evaluate a run: its out-of-fold predictions, or its final models on labelled rows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from epochal.commands.predict import check_inputs

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--run-dir", required=True, type=_PATH, help="The run.")
@click.option("--x-csv", type=_PATH, help="Labelled table, where HGB was trained on one.")
@click.option("--y-csv", type=_PATH, help="Its labels: id,label.")
@click.option("--x-h5", type=_PATH, help="Labelled HDF5 file, for LSTM, CNN and --hgb-fe.")
@click.option("--h5-dataset-key", help="The HDF5 file's dataset. Default: as in training.")
@click.option("--out", type=_PATH, help="JSON. Default, of rows given: metrics/evaluate.json.")
def evaluate(
    run_dir: Path,
    x_csv: Path | None,
    y_csv: Path | None,
    x_h5: Path | None,
    h5_dataset_key: str | None,
    out: Path | None,
) -> None:
    """Evaluate a run's saved out-of-fold predictions, or its final models on the rows given.

    Nothing is trained. Rows seen in training are counted, and make the figures IN-SAMPLE.
    """
    from epochal.run_directory import evaluation
    from epochal.run_directory.manifest import EVALUATION, read_manifest
    from epochal.run_directory.prediction import open_rows

    manifest = read_manifest(run_dir)
    if x_csv is None and x_h5 is None:
        if y_csv is not None:
            raise click.UsageError("--y-csv needs --x-csv or --x-h5: labels of which rows?")
        result = evaluation.evaluate_out_of_fold(run_dir, manifest)
    else:
        if y_csv is None:
            raise click.UsageError(f"{'--x-csv' if x_csv else '--x-h5'} needs --y-csv: its labels")
        check_inputs(run_dir, manifest, x_csv, x_h5)
        rows = open_rows(manifest, x_csv, x_h5, h5_dataset_key)
        result = evaluation.evaluate_rows(
            run_dir, manifest, rows, y_csv, n_threads=os.cpu_count() or 1
        )
        out = out or run_dir / EVALUATION
    _print(result, manifest.classes)
    if out is not None:
        write_json(out, result)
        click.echo(f"written: {out}")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _print(result: dict[str, Any], classes: tuple[str, ...]) -> None:
    from epochal.run_directory.figures import write_confusion, write_figures

    figures = result["figures"]
    if result["in_sample"]:
        click.echo(
            f"IN-SAMPLE: {result['rows_seen_in_training']} of {figures['n_rows']} rows were seen "
            "in training; these figures say nothing of new rows (`evaluate` without rows does)"
        )
    of = "out of fold" if result["source"] == "oof" else "on the rows given"
    click.echo(f"{of} ({result['data_source']}), stack: {write_figures(figures)}")
    for name, base in result.get("base_models", {}).items():
        click.echo(f"{of}, {name}: {write_figures(base)}")
    click.echo(write_confusion(figures["confusion"], list(classes)))
    for caveat in result["caveats"]:
        click.echo(f"note: {caveat}")
