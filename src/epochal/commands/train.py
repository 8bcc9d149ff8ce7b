"""Train a stack of base models on tables and HDF5 files of rows, into a run directory."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from epochal.errors import EpochalError
from epochal.run_directory.command_line import SpacedCommand, list_options, show_progress
from epochal.run_directory.flags import TrainFlags, find_conflict, settle

RUNS = Path("runs")
_LABELS, _TABLE = "y_train_2.csv", "X_train_merged.csv"


def train_run(**given: Any) -> None:
    """Train, and write the run."""
    from epochal.run_directory.figures import write_figures
    from epochal.run_directory.training import prepare, train
    from epochal.run_directory.writing import write_run
    from epochal.serving.bundle import STACK

    flags = read_flags(given)
    folder = choose_folder(flags) if flags.save else None
    with show_progress():
        training = prepare(flags)
        _warn_of_leakage(training)
        run = train(training, folder / "opt" if folder else None)
        manifest = write_run(folder, run) if folder else None
    if flags.timing:
        _print_timing(run.clock.records)
    for name, figures in run.figures.items():
        click.echo(f"out of fold, {name}: {write_figures(figures)}")
    if manifest is None:
        click.echo("not saved (--no-save)")
        return
    click.echo(f"base models, in this order: {', '.join(manifest.base_models)}; meta: {STACK}")
    for caveat in manifest.caveats:
        click.echo(f"note: {caveat}")
    click.echo(f"{folder}: trained on {manifest.n_training_rows} {manifest.data_source} rows")


def read_flags(given: dict[str, Any]) -> TrainFlags:
    """Return the flags as they are meant; a combination that cannot be stops with exit code 2."""
    context = click.get_current_context()
    explicit = {
        name for name in given
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }  # fmt: skip
    flags = settle(given, explicit)
    conflict = find_conflict(flags)
    if conflict:
        raise click.UsageError(conflict)
    return _find_files(flags)


def choose_folder(flags: TrainFlags) -> Path:
    """Return where the run goes; a folder that holds a run already is refused."""
    folder = flags.run_dir or RUNS / datetime.now().strftime("%Y%m%d-%H%M%S")
    if (folder / "manifest.json").exists():
        raise EpochalError(f"{folder}: it holds a run already; give another --run-dir")
    return folder


def _find_files(flags: TrainFlags) -> TrainFlags:
    """Take the usual names beside the rows for what is not given, and say so."""
    found: dict[str, Path] = {}
    if flags.needs_csv and flags.x_csv is None:
        found["x_csv"] = _beside(flags.x_h5 or flags.y_csv, _TABLE, "--x-csv",
                                 "HGB's table (or --hgb-fe with --x-h5)")  # fmt: skip
    if flags.y_csv is None:
        rows = flags.x_h5 or flags.x_csv or found.get("x_csv")
        found["y_csv"] = _beside(rows, _LABELS, "--y-csv", "the labels, id,label")
    for name, path in found.items():
        click.echo(f"--{name.replace('_', '-')} {path} (beside the rows)", err=True)
    for flag, unread in (
        ("--x-csv", flags.x_csv is not None and not flags.needs_csv),
        ("--x-h5", flags.x_h5 is not None and not flags.needs_h5),
    ):
        if unread:
            click.echo(f"note: {flag} is not read; no base model needs it", err=True)
    return flags.model_copy(update=found)


def _beside(path: Path | None, name: str, flag: str, what: str) -> Path:
    if path is None or not (path.parent / name).is_file():
        raise click.UsageError(f"{flag} is needed: {what}")
    return path.parent / name


def _warn_of_leakage(training: Any) -> None:
    from epochal.run_directory.by_row import count_seen

    for target, loaded in training.loaded.items():
        n_seen = count_seen(training.rows.hashes(), loaded.seen)
        click.echo(
            f"WARNING, leakage: {training.flags.loaded[target].name} is used as it is; "
            f"{n_seen} of {len(training.rows)} rows were in its training, and out-of-fold figures "
            "are of rows that it has not seen only where there are none",
            err=True,
        )


def _print_timing(records: list[dict[str, Any]]) -> None:
    click.echo(f"{'model':<14}{'fold':>8}{'fit s':>10}{'predict s':>11}")
    for one in records:
        seconds = ["" if one[key] is None else f"{one[key]:.2f}" for key in ("fit_s", "predict_s")]
        click.echo(f"{one['model']:<14}{one['fold']:>8}{seconds[0]:>10}{seconds[1]:>11}")


train = SpacedCommand(
    "train",
    callback=train_run,
    params=list_options(TrainFlags),
    help="Train on tables (CSV) and HDF5 files of rows: base models (HGB, LSTM, CNN in any "
    "combination) out of fold, a meta-learner over them, all fitted again on all rows; into a run "
    "directory, which predict, evaluate and analyze read.\n\nResearch use only, not a medical "
    "device.",
)
