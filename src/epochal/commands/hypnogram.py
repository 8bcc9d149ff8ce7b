"""Convert a hypnogram from one format to another."""

from __future__ import annotations

import os
from pathlib import Path

import click

from epochal.errors import EpochalError
from epochal.evaluation.scoring_files import (
    KINDS,
    Kind,
    data_source_of_scoring,
    find_epoch_length_s,
    read_stages,
)
from epochal.hypnogram.writing import (
    EVENTS,
    FORMATS,
    SCORER_COLUMN,
    Origin,
    cut_into_epochs,
    write_hypnogram,
)
from epochal.provenance import RESEARCH_USE
from epochal.readers.hypnograms import Hypnogram, parse_hypnogram, read_text
from epochal.readers.scorer_columns import split_by_scorer


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(FORMATS), help="Default: by what TARGET ends in.")
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="human",
    show_default=True,
    help="Classes and their names: W N1 N2 N3 REM, or W NREM REM.",
)
@click.option(
    "--epoch-s",
    type=click.FloatRange(min=0, min_open=True),
    help="Length of an epoch where SOURCE names none. Default: what the scored recording's JSON "
    "says, else 30.",
)
@click.option("--cut", is_flag=True, help="Write a row for each epoch of that length.")
@click.option("--scorer", help="Of a table with several scorers, take this one alone.")
@click.option("--force", is_flag=True, help="Overwrite TARGET.")
def hypnogram(
    source: Path,
    target: Path,
    to: str | None,
    kind: str,
    epoch_s: float | None,
    cut: bool,
    scorer: str | None,
    force: bool,
) -> None:
    """Convert a hypnogram (EDF+, CSV, TSV, BIDS events, text, XML) to CSV, TSV, EDF+ or BIDS.

    Stages are written under the names W N1 N2 N3 REM (or W NREM REM), what nobody scored as
    unscored. A table with a column `scorer` keeps its scorers in TSV and BIDS.

    Research use only, not a medical device.
    """
    if not source.is_file():
        raise click.ClickException(f"{source}: no such file")
    if target.exists() and not force:
        raise click.ClickException(f"{target} is there already; --force overwrites it")
    chosen = to or _format_of(target)
    length_s = find_epoch_length_s(source, epoch_s)
    scored = _read_all(source, KINDS[kind], length_s, scorer)
    if cut:
        scored = {name: cut_into_epochs(one, length_s) for name, one in scored.items()}
    origin = Origin(data_source_of_scoring(source), source.name)
    whole = next(iter(scored.values())) if list(scored) == [""] else scored
    _write(target, whole, chosen, origin)
    _tell(target, scored, origin)


def _format_of(target: Path) -> str:
    if target.name.endswith(EVENTS):
        return "bids"
    ending = target.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise click.UsageError(
            f"{target.name} does not say which format: give --to {', '.join(FORMATS)}"
        )
    return ending


def _read_all(source: Path, kind: Kind, epoch_s: float, scorer: str | None) -> dict[str, Hypnogram]:
    """Return the hypnograms by scorer; of a file that names none, one under the empty name."""
    if not _names_scorers(source):
        if scorer is not None:
            raise EpochalError(f"{source.name}: no column '{SCORER_COLUMN}', so no '{scorer}'")
        return {"": read_stages(source, kind, epoch_s=epoch_s)}
    texts = split_by_scorer(source, columns=None, scored_by=SCORER_COLUMN)
    if scorer is not None and scorer not in texts:
        raise EpochalError(f"{source.name}: no scorer '{scorer}'; it has: {', '.join(texts)}")
    found = {
        name: parse_hypnogram(source, text, stages=kind.stages, epoch_s=epoch_s)
        for name, text in texts.items()
    }
    return found if scorer is None else {"": found[scorer]}


def _names_scorers(source: Path) -> bool:
    if source.suffix.lower() != ".tsv":
        return False
    return SCORER_COLUMN in read_text(source).lstrip().splitlines()[0].split("\t")


def _write(target: Path, scored: Hypnogram | dict[str, Hypnogram], to: str, origin: Origin) -> None:
    """Write the whole file or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    ending = EVENTS if target.name.endswith(EVENTS) else target.suffix
    stem = f".part-{os.getpid()}-{target.name.removesuffix(ending)}"
    temporary = target.with_name(stem + ending)
    pairs = {temporary: target}
    if to == "bids":
        pairs[temporary.with_suffix(".json")] = target.with_suffix(".json")
    try:
        write_hypnogram(temporary, scored, to=to, origin=origin)
        for written, wanted in pairs.items():
            written.replace(wanted)
    finally:
        for written in pairs:
            written.unlink(missing_ok=True)


def _tell(target: Path, scored: dict[str, Hypnogram], origin: Origin) -> None:
    for name, one in scored.items():
        counts = one.stages.groupby("label")["duration_s"].sum() / 60
        minutes = ", ".join(f"{label} {value:.1f}" for label, value in counts.items())
        whose = f" by {name}" if name else ""
        click.echo(
            f"{target}{whose}: {minutes} min, {one.unscored_s / 60:.1f} min unscored "
            f"({origin.data_source})"
        )
        for problem in one.problems:
            click.echo(f"  note: {problem}")
    click.echo(f"  {RESEARCH_USE}")
