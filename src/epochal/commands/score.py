"""Score raw recordings with a bundle."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from epochal.serving import finding
from epochal.serving.batch import Job, Outcome, count_jobs, load, score_inputs
from epochal.serving.bundle import read_manifest
from epochal.serving.inputs import Input, Refused, find_inputs, name_inputs
from epochal.serving.writing import Extras, make_folder, write_summary

__all__ = ["choose_bundle", "pair_with_stems", "score"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bundle", type=click.Path(path_type=Path), help="A bundle's folder or name.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where results go.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Processes that score side by side; by default one for each core, if there are so many "
    "recordings.",
)
@click.option("--plot", is_flag=True, help="Also draw <stem>.hypnogram.png.")
@click.option("--edf", is_flag=True, help="Also write <stem>.hypnogram.edf (EDF+ annotations).")
@click.option("--report", is_flag=True, help="Also write <stem>.report.html, one page to read.")
@click.option(
    "--lights-off", type=float, help="Lights off, in seconds from the start, for figures."
)
@click.option("--lights-on", type=float, help="Lights on, in seconds from the start, for figures.")
@click.option(
    "--step",
    type=float,
    help="Begin a window every so many seconds instead of the bundle's own step, in a continuous "
    "recording; only for models that do not look at neighbouring windows.",
)
@click.option(
    "--substitute",
    is_flag=True,
    help="Let another derivation stand in for a missing channel, where the bundle names one; "
    "every epoch is then flagged.",
)
def score(
    files: tuple[Path, ...],
    bundle: Path | None,
    out: Path,
    jobs: int | None,
    plot: bool,
    edf: bool,
    report: bool,
    lights_off: float | None,
    lights_on: float | None,
    step: float | None,
    substitute: bool,
) -> None:
    """Score raw recordings: <stem>.epochs.csv and <stem>.json each.

    FILES are files, E4 folders, folders (every recording in them) and quoted patterns such as
    'nights/*.edf'. EDF, BDF, MAT, HDF5, CSV, parquet, E4 and more are told by their endings.

    summary.csv in the same folder has a row for each recording; further calls add to it.

    A table of features, for a bundle that was trained on one, gives them for each recording in it:
    <stem>.<recording>.epochs.csv.

    Research use only, not a medical device.
    """
    inputs, refused, chosen = _find(files, bundle)
    job = Job(
        bundle=chosen,
        out=out,
        extras=Extras(plot, edf, report),
        metadata=_check_lights(inputs, lights_off, lights_on),
        substitute=substitute,
        step_s=step,
    )
    scorer = load(job)
    make_folder(out)
    n_jobs = count_jobs(jobs, len(inputs))
    _finish(_collect(score_inputs(inputs, job, scorer, n_jobs=n_jobs), inputs, out), refused)


def _find(files: Sequence[Path], bundle: Path | None) -> tuple[list[Input], list[Refused], Path]:
    """Return what is to be scored, what cannot be, and the bundle that is given or matches."""
    if bundle is not None:
        chosen = choose_bundle(bundle)
        reader = read_manifest(chosen).ingestion.reader
        inputs, refused = find_inputs(files, bundle_reader=reader)
        return inputs, refused, chosen
    inputs, refused = find_inputs(files)
    return inputs, refused, choose_bundle(None, [one.path for one in inputs] or files)


def _check_lights(
    inputs: Sequence[Input], off_s: float | None, on_s: float | None
) -> dict[str, float]:
    """Return what is given of the lights, as a recording's metadata has it."""
    given = {"lights_off_s": off_s, "lights_on_s": on_s}
    lights = {name: at for name, at in given.items() if at is not None}
    for name, at in lights.items():
        if not math.isfinite(at):
            option = f"--{name.removesuffix('_s').replace('_', '-')}"
            raise click.UsageError(f"{option} {at}: seconds from the recording's start are meant")
    if lights and len(inputs) > 1:
        raise click.UsageError("--lights-off and --lights-on are of one recording: give one file")
    return lights


def choose_bundle(given: Path | None, files: Sequence[Path] = ()) -> Path:
    """Return the bundle of that folder or name, or the one that matches the files unambiguously."""
    if given is not None:
        return finding.find_bundle(given)
    candidates = finding.list_bundles(passed_over=lambda said: click.echo(said, err=True))
    if not files:
        return finding.pick_default(candidates).path
    try:
        chosen = finding.choose_bundle(files, candidates)
    except finding.NoChoiceError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"Bundle: {chosen.name} ({chosen.path})", err=True)
    return chosen.path


def pair_with_stems(files: Iterable[Path]) -> Iterator[Input]:
    """Pair each input with the stem of its results (`name_inputs`)."""
    return name_inputs((path, path.stem) for path in files)


def _collect(outcomes: Iterator[Outcome], inputs: Sequence[Input], out: Path) -> list[Outcome]:
    """Tell each outcome as it comes; the summary has what is done, even of a call broken off."""
    done: dict[Input, Outcome] = {}
    try:
        with _progress(len(inputs)) as advance:
            for outcome in outcomes:
                done[outcome.input] = outcome
                advance(outcome.told)
    finally:
        rows = [row for one in inputs if one in done for row in done[one].rows]
        if rows:
            write_summary(out, rows)
    return [done[one] for one in inputs]


@contextmanager
def _progress(n_inputs: int) -> Iterator[Callable[[Sequence[str]], None]]:
    """Give what prints the lines of an input; a bar below them counts, on a terminal only."""
    if n_inputs < 2 or not sys.stderr.isatty():
        yield lambda lines: click.echo("\n".join(lines)) if lines else None
        return
    with click.progressbar(length=n_inputs, label="Scoring", file=sys.stderr) as bar:

        def advance(lines: Sequence[str]) -> None:
            click.echo("\r\x1b[K", nl=False, err=True)  # the bar's line is taken for ours
            for line in lines:
                click.echo(line)
            bar.update(1)
            bar.render_progress()

        yield advance


def _finish(outcomes: list[Outcome], refused: list[Refused]) -> None:
    """List what failed, with its reason, after everything else."""
    failures = [*refused, *(Refused(o.input.path, o.failure) for o in outcomes if o.failure)]
    for one in failures:
        click.echo(f"Failed: {one.path}: {one.reason}", err=True)
    if failures:
        n = len(outcomes) + len(refused)
        raise click.ClickException(f"{len(failures)} of {n} recordings failed")
