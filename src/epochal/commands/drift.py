"""Say whether recordings are like those that a bundle was trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from epochal.commands.score import choose_bundle, pair_with_stems
from epochal.errors import explain
from epochal.provenance import RESEARCH_USE
from epochal.serving.bundle import Scorer, read_bundle
from epochal.serving.drift_check import Judged, judge_recording
from epochal.serving.reading import read_all
from epochal.serving.writing import make_folder, replacing


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bundle", type=click.Path(path_type=Path), help="A bundle's folder or name.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where results go.")
@click.option(
    "--window-epochs",
    type=click.IntRange(min=1),
    help="Also judge every stretch of so many epochs by itself.",
)
@click.option(
    "--substitute", is_flag=True, help="Let another derivation stand in for a missing channel."
)
def drift(
    files: tuple[Path, ...],
    bundle: Path | None,
    out: Path,
    window_epochs: int | None,
    substitute: bool,
) -> None:
    """Compare recordings with the bundle's training data: <stem>.drift.json and .drift.png each.

    Drift is what nineteen in twenty training subjects did not show while they were left out. It is
    no failure of the command: the exit code is 0.

    Research use only, not a medical device.
    """
    scorer = Scorer(read_bundle(choose_bundle(bundle, files)))
    make_folder(out)
    failures = []
    for path, stem in pair_with_stems(files):
        try:
            for recording in read_all(path, scorer.manifest):
                name = recording.recording_id
                judged = judge_recording(
                    recording, scorer, allow_substitution=substitute, window_epochs=window_epochs
                )
                _write(judged, scorer, out / (stem if name == path.stem else f"{stem}.{name}"))
                _report(path, judged.verdict)
        except Exception as error:  # one recording's failure must not stop the others
            failures.append(path)
            reason = getattr(error, "reason", None) or explain(error)
            click.echo(f"Failed: {path}: {reason}", err=True)
    if failures:
        raise click.ClickException(f"{len(failures)} of {len(files)} recordings failed")


def _write(judged: Judged, scorer: Scorer, base: Path) -> None:
    from epochal.drift.figures import draw_drift

    windows = judged.windows.to_json(orient="records")
    content = {**judged.verdict, "windows": json.loads(windows), "notice": RESEARCH_USE}
    with replacing(base, ".drift.json") as path:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    assert scorer.drift_reference is not None  # or nothing would have been judged
    figure = draw_drift(judged.verdict, judged.windows, judged.features, scorer.drift_reference)
    with replacing(base, ".drift.png") as path:
        figure.savefig(path, dpi=110)


def _report(path: Path, verdict: dict[str, Any]) -> None:
    from epochal.drift.figures import describe_verdict

    click.echo(f"{path}: {describe_verdict(verdict)}; {verdict['data_source']}")
    for driver in verdict.get("drivers", [])[:3] if verdict["drift"] else ():
        click.echo(f"  {driver['feature']}: D {driver['d']:.2f} (limit {driver['d_limit']:.2f})")
    confidence = verdict.get("confidence") or {}
    if confidence.get("unlike"):
        click.echo(f"  predictions unlike left-out subjects': {', '.join(confidence['unlike'])}")
