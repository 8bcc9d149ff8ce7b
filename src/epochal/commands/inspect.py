"""Say what raw recordings hold, and which bundles could score them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

import click
import numpy as np
import pandas as pd

from epochal.errors import EpochalError, RecordingError, explain
from epochal.readers import READERS, reader
from epochal.readers.detection import TABLES, detect_reader, is_stored, list_sources
from epochal.readers.feature_columns import describe_table, load_table
from epochal.recording import Channel, Recording, read_recording
from epochal.serving.bundle import Manifest, read_bundle
from epochal.serving.finding import list_bundles
from epochal.serving.reading import read_all
from epochal.serving.trial import explain_refusal

SHOWN = 3  # recordings of one file or folder, unless --all
_MANY_CHANNELS = 12  # alike, they are told in one line


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--reader", "name", type=click.Choice(sorted(READERS)), help="The format; else found out."
)
@click.option(
    "--bundles",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="The folder whose studies' bundles are asked whether they could score.",
)
@click.option("--all", "show_all", is_flag=True, help="Every recording of a file or folder.")
def inspect(files: tuple[Path, ...], name: str | None, bundles: Path, show_all: bool) -> None:
    """Print channels, rates, units, gaps, labels and problems of recordings.

    FILES are recordings of any kind that Epochal reads, folders of them, tables of features, or
    recordings as ingestion stores them. Each bundle is tried on some minutes of the recording.
    """
    manifests = _at_hand(bundles)
    n_shown = None if show_all else SHOWN
    failed = 0
    for path in files:
        try:
            for line in _describe_path(path, name, manifests, n_shown):
                click.echo(line)
        except Exception as error:  # one file's failure must not stop the others
            failed += 1
            click.echo(f"Failed: {explain(error)}", err=True)
    if failed:
        raise click.ClickException(f"{failed} of {len(files)} could not be read")


def _at_hand(data: Path) -> dict[str, Manifest]:
    """Return the bundles that came with the package and those of the studies, by name."""
    tell = partial(click.echo, err=True)
    manifests: dict[str, Manifest] = {}
    for one in list_bundles(data, passed_over=tell):
        try:
            manifests.setdefault(one.name, read_bundle(one.path).manifest)  # a shipped one's first
        except EpochalError as error:
            tell(f"Bundle passed over: {error}")
    return manifests


def _describe_path(
    path: Path, name: str | None, manifests: Mapping[str, Manifest], n_shown: int | None
) -> Iterator[str]:
    if not path.exists():
        raise EpochalError(f"{path}: no such file")
    if path.suffix.lower() == ".h5" and name is None and is_stored(path):
        yield from describe(read_recording(path), path, manifests)
        return
    name = name or detect_reader(path)
    if name == "feature_table" and path.suffix.lower() in TABLES:
        yield from describe_table(path, load_table(path))
        yield from _describe_bundles_for_table(path, manifests)
        return
    sources, options = list_sources(path, name)
    chosen = reader(name)
    for source in sources[:n_shown]:
        yield from describe(chosen.read(source, options), Path(source.path), manifests)
    if n_shown is not None and len(sources) > n_shown:
        yield f"{path}: {len(sources) - n_shown} more recordings; --all describes them too"


def describe(recording: Recording, path: Path, manifests: Mapping[str, Manifest]) -> Iterator[str]:
    """Yield the lines about one recording."""
    yield f"{path} → recording '{recording.recording_id}' ({recording.data_source})"
    if recording.channels:
        yield from _describe_time(recording)
        yield from _describe_channels(recording.channels)
    for name, array in recording.arrays.items():
        yield f"  {name}: {' × '.join(map(str, array.shape))}, {_describe_values(array)}"
    if recording.table is not None:
        yield from _describe_rows(recording.table)
    yield f"  labels: {_describe_labels(recording) or 'none'}"
    for problem in recording.problems:
        yield f"  repaired: {problem}"
    yield from _describe_bundles(
        (name, explain_refusal(recording, one)) for name, one in manifests.items()
    )


def _describe_time(recording: Recording) -> Iterator[str]:
    n_runs = len(recording.runs)
    starts = f", starts at {recording.start:%H:%M:%S}" if recording.start else ""
    runs = "without gaps" if n_runs == 1 else f"in {n_runs} runs"
    yield f"  {_as_time(recording.duration_s)} {runs}{starts}"
    for before, after in zip(recording.runs[:-1], recording.runs[1:], strict=True):
        yield f"  gap from {before[1]:g} s to {after[0]:g} s"


def _as_time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    parts = {"h": minutes // 60, "min": minutes % 60, "s": rest}
    return " ".join(f"{number} {unit}" for unit, number in parts.items() if number)


def _describe_channels(channels: tuple[Channel, ...]) -> Iterator[str]:
    """Yield a line per channel: name, rate, unit, where 98 % of its values lie, what is missing."""
    width = max(len(channel.name) for channel in channels)
    for channel in channels:
        yield f"  {channel.name:<{width}}  {_describe_channel(channel)}"


def _describe_channel(channel: Channel) -> str:
    unit = channel.unit or "no unit"
    late = f", from {channel.start_s:g} s on" if channel.start_s else ""
    return f"{channel.sfreq:g} Hz, {unit}, {_describe_values(np.asarray(channel.data))}{late}"


def _describe_values(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    missing = 1 - known.size / max(1, values.size)
    gone = f", {missing:.1%} missing" if missing else ""
    if not known.size:
        return f"no value{gone}"
    low, high = np.quantile(known, (0.01, 0.99))
    if known.min() == known.max():
        return f"always {known.min():g}{gone}"
    return f"mostly {low:.3g} to {high:.3g} (all {known.min():.4g} to {known.max():.4g}){gone}"


def _describe_rows(table: pd.DataFrame) -> Iterator[str]:
    index = {"onset_s", "length_s", "run", "label", "label_id", "epoch"}
    votes = [str(name).removeprefix("vote_") for name in table if str(name)[:5] == "vote_"]
    given = [
        str(name) for name in table.select_dtypes("number")
        if name not in index and str(name)[:5] != "vote_"
    ]  # fmt: skip
    length_s = float(table["length_s"].iloc[0])
    yield f"  {len(table)} given epoch{'s' if len(table) > 1 else ''} of {length_s:g} s" + (
        f", votes for {', '.join(votes)}" if votes else ""
    )
    if given:
        more = f" and {len(given) - _MANY_CHANNELS} more" if len(given) > _MANY_CHANNELS else ""
        yield f"  {len(given)} given features: {', '.join(given[:_MANY_CHANNELS])}{more}"


def _describe_labels(recording: Recording) -> str:
    """Say how long each label lasts, or how many of the given epochs have it."""
    if recording.table is not None and "label" in recording.table:
        counts = recording.table["label"].value_counts()
        return ", ".join(f"{label} ({count}×)" for label, count in counts.items())
    seconds = recording.annotations.groupby("label", sort=False)["duration_s"].sum()
    shares = ", ".join(f"{label} {_as_time(length)}" for label, length in seconds.items())
    scorers = recording.metadata.get("scorers")
    return f"{shares}; consensus of {', '.join(scorers)}" if scorers else shares


def _describe_bundles_for_table(path: Path, manifests: Mapping[str, Manifest]) -> Iterator[str]:
    yield from _describe_bundles(
        (name, _explain_table_refusal(path, one)) for name, one in manifests.items()
    )


def _explain_table_refusal(path: Path, manifest: Manifest) -> str | None:
    """Say why a bundle would not score a table: it was not trained on one, or on another."""
    try:
        recordings = list(islice(read_all(path, manifest), 1))
    except RecordingError as error:
        return error.reason
    return explain_refusal(recordings[0], manifest)


def _describe_bundles(verdicts: Iterator[tuple[str, str | None]]) -> Iterator[str]:
    """Yield the bundles that could score it, then the others with the reason."""
    found = list(verdicts)
    could = [study for study, reason in found if reason is None]
    yield f"  bundles that could score it: {', '.join(could) or 'none'}"
    refused: dict[str, list[str]] = {}
    for study, reason in found:
        if reason is not None:
            refused.setdefault(reason, []).append(study)
    for reason, studies in refused.items():
        yield f"    not {', '.join(studies)}: {reason}"
