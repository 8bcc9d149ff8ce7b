"""Say what raw recordings hold, and which bundles could score them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from epochal.errors import EpochalError
from epochal.readers import READERS, Source, reader, reader_of
from epochal.readers.aliases import rename_aliases
from epochal.recording import Channel, Recording
from epochal.serving.bundle import MANIFEST, Manifest, read_bundle

BUNDLES = "*/07_model_output/bundle"


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--reader", "name", type=click.Choice(sorted(READERS)), help="The format; else by the name."
)
@click.option(
    "--bundles",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="The folder whose studies' bundles are asked whether they could score.",
)
def inspect(files: tuple[Path, ...], name: str | None, bundles: Path) -> None:
    """Print channels, rates, units, gaps, labels and problems of raw recordings."""
    manifests = [
        read_bundle(path.parent).manifest for path in bundles.glob(f"{BUNDLES}/{MANIFEST}")
    ]
    failed = 0
    for path in files:
        try:
            for recording in _recordings(path, name):
                click.echo("\n".join(describe(recording, path, manifests)))
        except EpochalError as error:
            failed += 1
            click.echo(f"Failed: {error}", err=True)
    if failed:
        raise click.ClickException(f"{failed} of {len(files)} could not be read")


def describe(recording: Recording, path: Path, manifests: list[Manifest]) -> Iterator[str]:
    """Yield the lines about one recording."""
    yield f"{path} → {recording.recording_id} ({recording.data_source})"
    yield f"  {recording.duration_s:g} s in {len(recording.runs)} contiguous run(s)"
    for before, after in zip(recording.runs[:-1], recording.runs[1:], strict=True):
        yield f"  gap from {before[1]:g} s to {after[0]:g} s"
    for channel in recording.channels:
        yield f"  {_describe_channel(channel)}"
    for name, array in recording.arrays.items():
        yield f"  {name}: {' × '.join(map(str, array.shape))}"
    labels = recording.annotations.groupby("label", sort=False)["duration_s"].sum()
    shares = ", ".join(f"{label} {seconds:g} s" for label, seconds in labels.items())
    yield f"  labels: {shares or 'none'}"
    for problem in recording.problems:
        yield f"  repaired: {problem}"
    could = [m.study for m in manifests if _could_score(recording, m)]
    yield f"  bundles that could score it: {', '.join(could) or 'none'}"


def _describe_channel(channel: Channel) -> str:
    data = np.asarray(channel.data)
    known = data[np.isfinite(data)]
    extent = f"{known.min():g} to {known.max():g}" if len(known) else "no value"
    missing = 1 - len(known) / max(1, len(data))
    gone = f", {missing:.1%} missing" if missing else ""
    return f"{channel.name}: {channel.sfreq:g} Hz, {channel.unit or 'no unit'}, {extent}{gone}"


def _could_score(recording: Recording, manifest: Manifest) -> bool:
    """Say whether the recording has every channel that the bundle requires."""
    signals = manifest.feature_engineering.signals.values()
    needed = {name for signal in signals if signal.required for name in signal.channels}
    renamed = rename_aliases(recording, sorted(needed))
    return needed <= set(renamed.channel_names)


def _recordings(path: Path, name: str | None) -> Iterator[Recording]:
    """Read the file, or every recording that the named format finds in the folder."""
    if not path.exists():
        raise EpochalError(f"{path}: no such file")
    chosen = reader(name or reader_of(path))
    options = chosen.Options()
    sources = chosen.find(path, options) if path.is_dir() else [Source(path.stem, str(path))]
    for source in sources:
        yield chosen.read(source, options)
