"""Predict rows with a run's final models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from epochal.places import writing

if TYPE_CHECKING:
    from epochal.run_directory.manifest import RunManifest

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--run-dir", required=True, type=_PATH, help="The run.")
@click.option("--x-csv", type=_PATH, help="Table to predict, where HGB was trained on one.")
@click.option("--x-h5", type=_PATH, help="HDF5 file to predict, for LSTM, CNN and --hgb-fe.")
@click.option("--h5-dataset-key", help="The HDF5 file's dataset. Default: as in training.")
@click.option("--out", required=True, type=_PATH, help="CSV of id, pred and a probability each.")
def predict(
    run_dir: Path, x_csv: Path | None, x_h5: Path | None, h5_dataset_key: str | None, out: Path
) -> None:
    """Predict rows with a run's final models; nothing is trained.

    Research use only, not a medical device.
    """
    from epochal.run_directory.manifest import read_manifest
    from epochal.run_directory.prediction import open_rows, predict_rows

    manifest = read_manifest(run_dir)
    check_inputs(run_dir, manifest, x_csv, x_h5)
    rows = open_rows(manifest, x_csv, x_h5, h5_dataset_key)
    predictions = predict_rows(run_dir, manifest, rows, n_threads=os.cpu_count() or 1)
    with writing(out) as part:
        predictions.to_csv(part, index=False, float_format="%.6f")
    counts = predictions["pred"].value_counts().reindex(manifest.classes, fill_value=0)
    shown = ", ".join(f"{name} {n}" for name, n in counts.items())
    source = "simulated" if "simulated" in (manifest.data_source, rows.data_source) else "real"
    click.echo(f"{out}: {len(predictions)} rows ({shown}); {source}, run {run_dir.name}")


def check_inputs(
    run_dir: Path, manifest: RunManifest, x_csv: Path | None, x_h5: Path | None
) -> None:
    """Stop with exit code 2 where a file is missing, and name those that no model reads.

    A run without final models raises `EpochalError`.
    """
    from epochal.run_directory.manifest import refuse_unfinished
    from epochal.run_directory.prediction import find_missing, list_unused

    refuse_unfinished(run_dir, manifest)
    missing = find_missing(manifest, x_csv, x_h5)
    if missing:
        raise click.UsageError(missing)
    for flag in list_unused(manifest, x_csv, x_h5):
        click.echo(f"note: {flag} is not read; no model of the run needs it", err=True)
