"""Score raw recordings with a bundle."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from epochal.errors import explain
from epochal.serving.bundle import Scorer, read_bundle
from epochal.serving.scoring import Scored, read_all, score_recording

DEFAULT_BUNDLE = Path("data/demo/07_model_output/bundle")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bundle", type=click.Path(path_type=Path), help="A bundle's folder.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where results go.")
@click.option("--plot", is_flag=True, help="Also draw <stem>.hypnogram.png.")
@click.option("--edf", is_flag=True, help="Also write <stem>.hypnogram.edf (EDF+ annotations).")
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
    substitute: bool,
) -> None:
    """Score raw recordings (files, or E4 folders): <stem>.epochs.csv and <stem>.json each.

    A table of features, for a bundle that was trained on one, gives them for each recording in it:
    <stem>.<recording>.epochs.csv.

    Research use only, not a medical device.
    """
    scorer = Scorer(read_bundle(_choose_bundle(bundle)))
    out.mkdir(parents=True, exist_ok=True)
    failures = []
    for path, stem in _with_stems(files):
        try:
            for recording in read_all(path, scorer.manifest):
                name = recording.recording_id
                base = out / (stem if name == path.stem else f"{stem}.{name}")
                scored = score_recording(recording, scorer, allow_substitution=substitute)
                _write(scored, scorer, base, plot=plot, edf=edf)
                _report(path, scored)
        except Exception as error:  # one recording's failure must not stop the others
            failures.append(path)
            reason = getattr(error, "reason", None) or explain(error)
            click.echo(f"Failed: {path}: {reason}", err=True)
    if failures:
        raise click.ClickException(f"{len(failures)} of {len(files)} recordings failed")


def _choose_bundle(given: Path | None) -> Path:
    if given is not None:
        return given
    if DEFAULT_BUNDLE.is_dir():
        return DEFAULT_BUNDLE
    raise click.UsageError(
        f"No --bundle given and no {DEFAULT_BUNDLE} here; `make demo` or `kedro run` writes one"
    )


def _with_stems(files: tuple[Path, ...]) -> Iterator[tuple[Path, str]]:
    """Pair each input with the stem of its results.

    Inputs of one stem are told apart by folder, and by number where that is the same too.
    """
    stems = [path.stem for path in files]
    taken: Counter[str] = Counter()
    for path, stem in zip(files, stems, strict=True):
        name = f"{path.absolute().parent.name}-{stem}" if stems.count(stem) > 1 else stem
        taken[name] += 1
        yield path, (name if taken[name] == 1 else f"{name}-{taken[name]}")


def _write(scored: Scored, scorer: Scorer, base: Path, *, plot: bool, edf: bool) -> None:
    """Write the results, each to a temporary name first."""
    with _replacing(base, ".epochs.csv") as path:
        scored.epochs.to_csv(path, index=False)
    with _replacing(base, ".json") as path:
        path.write_text(json.dumps(scored.summary, indent=2) + "\n", encoding="utf-8")
    if plot:
        from epochal.plots import draw_scored

        figure = draw_scored(scored.epochs, scored.summary, scorer.manifest.classes)
        with _replacing(base, ".hypnogram.png") as path:
            figure.savefig(path, dpi=120)
    if edf:
        from epochal.serving.hypnograms import write_edf_annotations

        with _replacing(base, ".hypnogram.edf") as path:
            write_edf_annotations(path, scored.epochs, scored.summary)


@contextmanager
def _replacing(base: Path, suffix: str) -> Iterator[Path]:
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
    for problem in summary["problems"]:
        said = "substituted" if "stands in for" in problem else "repaired"
        click.echo(f"  {said}: {problem}")
