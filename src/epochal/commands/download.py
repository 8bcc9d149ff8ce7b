"""`epochal download`: the public data sets, in the layout that their readers expect."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from epochal.downloads.progress import Progress

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def download() -> None:
    """Fetch a public data set: what is missing, verified, resumed after any interruption."""


def _parse_subjects(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    from epochal.downloads import DownloadError
    from epochal.downloads.sleep_edfx import parse_subjects

    try:
        return None if text is None else parse_subjects(text)
    except DownloadError as error:
        raise click.BadParameter(str(error)) from error


@download.command("sleep-edfx")
@click.option("--subset", type=click.Choice(["cassette", "telemetry"]), default="cassette",
              show_default=True, help="Which of the two studies.")  # fmt: skip
@click.option("--subjects", callback=_parse_subjects, metavar="0,1,5-9",
              help="Subject numbers; default: all.")  # fmt: skip
@click.option("--out", "folder", type=_FOLDER, default=Path("data/sleep_edfx/01_raw"),
              show_default=True, help="The folder that sleep-cassette/ … go to.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print the plan, with sizes, and fetch nothing.")
@click.option("--ignore-hash", is_flag=True,
              help="Verify the files here anew, and fetch processed ones again.")  # fmt: skip
@click.option("--mark-processed", is_flag=True,
              help="Fetch nothing: note that verified files were used and may go.")  # fmt: skip
@click.option("--round-retries", type=click.IntRange(0, 100), default=2, show_default=True,
              help="Further rounds over files that failed.")  # fmt: skip
@click.option("--retries", type=click.IntRange(0, 100), default=4, show_default=True,
              help="Attempts at a file in each round, after the first.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 16), default=4, show_default=True,
              help="Files at once.")  # fmt: skip
@click.option("--stall", "stall_s", type=click.FloatRange(0, min_open=True), default=60.0,
              show_default=True, help="Seconds without a byte that end an attempt.")  # fmt: skip
@click.option("--base-url", default=None, help="Another server with the same listing.")
def sleep_edfx(*, dry_run: bool, mark_processed: bool, **chosen: Any) -> None:
    """Sleep-EDFx from PhysioNet (ODC-BY), verified by SHA-256."""
    from epochal.downloads import sleep_edfx as source
    from epochal.downloads.ledger import mark_processed as mark
    from epochal.downloads.plan import describe

    with _one_line_errors():
        if mark_processed:
            click.echo(f"{len(mark(chosen['folder']))} files noted as processed")
            return
        options = source.Options(**{k: v for k, v in chosen.items() if v is not None})
        click.echo(source.LICENCE)
        if dry_run:
            _print_lines(describe(source.plan_download(options)))
            return
        summary = source.download(options, _progress())
        _print_lines([*map(_note, summary.problems), str(summary)])


@download.command("hms")
@click.option("--out", "folder", type=_FOLDER, default=Path("data/harmful_eeg/01_raw"),
              show_default=True, help="The folder that train.csv … go to.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print the plan, with sizes, and fetch nothing.")
@click.option("--round-retries", type=click.IntRange(0, 100), default=2, show_default=True,
              help="Attempts after one that failed.")  # fmt: skip
@click.option("--keep-archive", is_flag=True, help="Keep the zip after unpacking.")
def hms(*, dry_run: bool, **chosen: Any) -> None:
    """HMS harmful brain activity from Kaggle, with your account (KAGGLE_USERNAME, KAGGLE_KEY)."""
    from epochal.downloads import kaggle as source

    with _one_line_errors():
        options = source.Options(quiet=not sys.stderr.isatty(), **chosen)
        click.echo(source.LICENCE)
        if dry_run:
            _print_lines(source.plan_download(options).describe())
            return
        with _byte_bar("unpacking") as advance:
            plan = source.download(options, advance)
        click.echo(f"{plan.folder}: {len(plan.files)} files here, {len(plan.missing)} of them new")


@download.command("wesad")
@click.argument("archive", required=False, type=click.Path(path_type=Path))
@click.option("--out", "folder", type=_FOLDER, default=Path("data/wearable_stress/01_raw"),
              show_default=True, help="The folder that S2/ … S17/ go to.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print the plan, with sizes, and unpack nothing.")
def wesad(*, archive: Path | None, folder: Path, dry_run: bool) -> None:
    """Unpack WESAD from your own zip ARCHIVE (default: WESAD.zip in the output folder).

    WESAD is not fetched: its authors give it for non-commercial research. ARCHIVE may also be a
    folder that holds S2 … S17 already: then its layout is checked.
    """
    from epochal.downloads import wesad as source

    with _one_line_errors():
        click.echo(source.LICENCE)
        if archive is not None and archive.is_dir():
            _print_lines([*map(_note, source.check_folder(archive)), f"{archive}: holds WESAD"])
            return
        options = source.Options(folder=folder, archive=archive)
        if dry_run:
            _print_lines(source.plan_unpacking(options).describe())
            return
        with _byte_bar("unpacking") as advance:
            plan = source.unpack_wesad(options, advance)
        done = f"{folder}: {len(plan.to_unpack)} files unpacked, {plan.n_here} were here"
        _print_lines([*map(_note, plan.problems), done])


def _note(problem: str) -> str:
    return f"Note: {problem}"


def _print_lines(lines: list[str]) -> None:
    click.echo("\n".join(lines))


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn what a user can mend into one line: exit 1, or 2 for a wrong option."""
    from pydantic import ValidationError

    from epochal.errors import EpochalError

    try:
        yield
    except EpochalError as error:
        raise click.ClickException(str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise click.UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'disk'}: {error.strerror}") from error
    except KeyboardInterrupt as error:
        raise click.ClickException("stopped; what came is kept, run it again to go on") from error


@contextmanager
def _byte_bar(description: str) -> Iterator[Callable[[int], None]]:
    """Show bytes and throughput on a terminal, from the first byte on; without tqdm, keep still."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda n_bytes: None
        return
    bars: list[Any] = []

    def advance(n_bytes: int) -> None:
        if not bars:  # not before: Kaggle's client may be drawing a bar of its own
            bars.append(tqdm(desc=description, unit="B", unit_scale=True, disable=None))
        bars[0].update(n_bytes)

    try:
        yield advance
    finally:
        for bar in bars:
            bar.close()


def _progress() -> Progress:
    from epochal.downloads.progress import Bar, Lines

    return Bar() if sys.stderr.isatty() else Lines()
