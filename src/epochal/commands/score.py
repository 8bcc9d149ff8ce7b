"""Score raw recordings with a bundle."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click

from epochal.errors import explain
from epochal.recording import Recording
from epochal.serving.bundle import Scorer, read_bundle
from epochal.serving.scoring import Scored, read_all, score_recording

DEFAULT_BUNDLE = Path("data/demo/07_model_output/bundle")


class Extras(NamedTuple):
    """What is written of a recording beside its table and its JSON."""

    plot: bool
    edf: bool
    report: bool


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bundle", type=click.Path(path_type=Path), help="A bundle's folder.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where results go.")
@click.option("--plot", is_flag=True, help="Also draw <stem>.hypnogram.png.")
@click.option("--edf", is_flag=True, help="Also write <stem>.hypnogram.edf (EDF+ annotations).")
@click.option("--report", is_flag=True, help="Also write <stem>.report.html, one page to read.")
@click.option(
    "--lights-off", type=float, help="Lights off, in seconds from the start, for figures."
)
@click.option("--lights-on", type=float, help="Lights on, in seconds from the start, for figures.")
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
    plot: bool,
    edf: bool,
    report: bool,
    lights_off: float | None,
    lights_on: float | None,
    substitute: bool,
) -> None:
    """Score raw recordings (files, or E4 folders): <stem>.epochs.csv and <stem>.json each.

    summary.csv in the same folder has a row for each recording; further calls add to it.

    A table of features, for a bundle that was trained on one, gives them for each recording in it:
    <stem>.<recording>.epochs.csv.

    Research use only, not a medical device.
    """
    lights = _check_lights(files, lights_off, lights_on)
    scorer = Scorer(read_bundle(choose_bundle(bundle)))
    out.mkdir(parents=True, exist_ok=True)
    extras, rows, failures = Extras(plot, edf, report), [], []
    for path, stem in pair_with_stems(files):
        try:
            for recording in read_all(path, scorer.manifest):
                name = recording.recording_id
                base = out / (stem if name == path.stem else f"{stem}.{name}")
                recording = replace(recording, metadata={**recording.metadata, **lights})
                scored = score_recording(recording, scorer, allow_substitution=substitute)
                _write(recording, scored, scorer, base, extras)
                rows.append(_summarise(base.name, recording, scored, scorer))
                _report(path, scored)
        except Exception as error:  # one recording's failure must not stop the others
            failures.append(path)
            reason = getattr(error, "reason", None) or explain(error)
            click.echo(f"Failed: {path}: {reason}", err=True)
    if rows:
        _add_to_summary(out, rows)
    if failures:
        raise click.ClickException(f"{len(failures)} of {len(files)} recordings failed")


def _check_lights(
    files: tuple[Path, ...], off_s: float | None, on_s: float | None
) -> dict[str, float]:
    """Return what is given of the lights, as a recording's metadata has it."""
    given = {"lights_off_s": off_s, "lights_on_s": on_s}
    lights = {name: at for name, at in given.items() if at is not None}
    if lights and len(files) > 1:
        raise click.UsageError("--lights-off and --lights-on are of one recording: give one file")
    return lights


def choose_bundle(given: Path | None) -> Path:
    """Return the bundle that is given, or the demo's where there is one."""
    if given is not None:
        return given
    if DEFAULT_BUNDLE.is_dir():
        return DEFAULT_BUNDLE
    raise click.UsageError(
        f"No --bundle given and no {DEFAULT_BUNDLE} here; `make demo` or `kedro run` writes one"
    )


def pair_with_stems(files: tuple[Path, ...]) -> Iterator[tuple[Path, str]]:
    """Pair each input with the stem of its results.

    Inputs of one stem are told apart by folder, and by number where that is the same too.
    """
    stems = [path.stem for path in files]
    taken: Counter[str] = Counter()
    for path, stem in zip(files, stems, strict=True):
        name = f"{path.absolute().parent.name}-{stem}" if stems.count(stem) > 1 else stem
        taken[name] += 1
        yield path, (name if taken[name] == 1 else f"{name}-{taken[name]}")


def _write(
    recording: Recording, scored: Scored, scorer: Scorer, base: Path, extras: Extras
) -> None:
    """Write the results, each to a temporary name first."""
    with replacing(base, ".epochs.csv") as path:
        scored.epochs.to_csv(path, index=False)
    with replacing(base, ".json") as path:
        path.write_text(json.dumps(scored.summary, indent=2) + "\n", encoding="utf-8")
    if extras.plot:
        from epochal.plots import draw_scored

        figure = draw_scored(scored.epochs, scored.summary, scorer.manifest.classes)
        with replacing(base, ".hypnogram.png") as path:
            figure.savefig(path, dpi=120)
    if extras.edf:
        from epochal.serving.hypnograms import write_edf_annotations

        with replacing(base, ".hypnogram.edf") as path:
            write_edf_annotations(path, scored.epochs, scored.summary)
    if extras.report:
        from epochal.serving.report.page import make_report

        page = make_report(recording, scored, scorer.manifest)
        with replacing(base, ".report.html") as path:
            path.write_text(page, encoding="utf-8")


def _summarise(name: str, recording: Recording, scored: Scored, scorer: Scorer) -> dict[str, Any]:
    from epochal.serving.summary_table import summarise

    return summarise(name, recording, scored, scorer.manifest)


def _add_to_summary(out: Path, rows: list[dict[str, Any]]) -> None:
    from epochal.serving.summary_table import NAME, merge_summary

    table = merge_summary(out / NAME, rows)
    with replacing(out / "summary", ".csv") as path:
        table.to_csv(path, index=False)


@contextmanager
def replacing(base: Path, suffix: str) -> Iterator[Path]:
    """Give a temporary name to write to, which becomes `<base><suffix>` once all is written."""
    target = base.with_name(base.name + suffix)
    temporary = target.with_name(f".part-{os.getpid()}-{target.name}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _report(path: Path, scored: Scored) -> None:
    summary = scored.summary
    counts = ", ".join(f"{name} {n}" for name, n in summary["epochs_per_class"].items())
    click.echo(
        f"{path}: {summary['n_epochs']} epochs ({counts}), {summary['n_flagged']} flagged; "
        f"{summary['data_source']}, model {summary['model']}"
    )
    if summary["in_sample"]:
        click.echo("  IN-SAMPLE: the bundle was trained on this recording")
    for problem in summary["problems"]:
        said = "substituted" if "stands in for" in problem else "repaired"
        click.echo(f"  {said}: {problem}")
