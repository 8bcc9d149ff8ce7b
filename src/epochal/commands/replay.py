"""Stream a recorded file as if it were being made."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import click
import pandas as pd

from epochal.commands.score import choose_bundle
from epochal.errors import EpochalError
from epochal.recording import Recording
from epochal.serving.batch import IN_SAMPLE
from epochal.serving.bundle import Manifest, Scorer, read_bundle
from epochal.serving.reading import read_all, with_checksum
from epochal.serving.stream import StreamScorer
from epochal.serving.stream.feeding import cut_pieces, declare_recording
from epochal.serving.stream.growing import GrowingTable
from epochal.serving.writing import make_folder, replacing

_PIECE_S = {"max": 300.0}  # of the recording at once; at other speeds about a second of the clock
_LEAST_PIECE_S, _MOST_PIECE_S = 0.2, 300.0

Keep = Callable[[list[dict[str, Any]]], None]


class Replayed(NamedTuple):
    """What came of a stream: its epochs, what is said of all of them, and what fits no epoch."""

    epochs: pd.DataFrame
    about: dict[str, Any]
    unscored_s: float


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--bundle", help="A bundle's folder or name; with --url, its name on the server.")
@click.option("--url", help="A server's stream, as ws://127.0.0.1:8000/stream; else in-process.")
@click.option(
    "--key", envvar="EPOCHAL_API_KEY", help="The server's key; better in EPOCHAL_API_KEY."
)
@click.option(
    "--speed",
    default="max",
    show_default=True,
    help="How many times as fast as it was recorded: 1, 60, … or max.",
)
@click.option("--channel", "channels", multiple=True, help="Send this channel; default: all.")
@click.option(
    "--substitute", is_flag=True, help="Let another derivation stand in for a missing channel."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Also write <stem>.epochs.csv, as it comes, and .json there.",
)
def replay(
    file: Path,
    bundle: str | None,
    url: str | None,
    key: str | None,
    speed: str,
    channels: tuple[str, ...],
    substitute: bool,
    out: Path | None,
) -> None:
    """Stream a recording at any speed and print each epoch's label as it comes.

    It is scored as a live one is, in this process or by a server. Labels, probabilities and flags
    are those of `epochal score` with the same causal bundle.

    Research use only, not a medical device.
    """
    rate = _read_speed(speed)
    scorer = None if url else Scorer(read_bundle(_choose(bundle, file)))
    recording = _read(file, None if scorer is None else scorer.manifest)
    declaration = declare_recording(recording, channels, allow_substitution=substitute)
    stream: Any
    if scorer is not None:
        stream = nullcontext(StreamScorer(scorer, declaration))
    else:
        from epochal.serving.stream.client import StreamClient

        stream = StreamClient(str(url), declaration, bundle=bundle, key=key, heed=_print_alert)
    if out is not None:
        make_folder(out)  # before hours of it come for nothing
    base = None if out is None else out / file.stem
    with stream as line, _keeping(base, _describe(line)) as keep:
        replayed = _play(line, recording, list(declaration.channels), rate=rate, keep=keep)
    _say_what_came(file, replayed)
    if base is not None:
        _write(base, replayed)


def _choose(bundle: str | None, file: Path) -> Path:
    return choose_bundle(None if bundle is None else Path(bundle), [file])


def _read_speed(text: str) -> float | None:
    """Return how many times as fast as it was recorded, None for as fast as it goes."""
    try:
        speed = None if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if speed is not None and not 0 < speed < float("inf"):
        raise click.BadParameter(f"'{text}': a number above 0, or max", param_hint="--speed")
    return speed


def _read(file: Path, manifest: Manifest | None) -> Recording:
    """Read the one recording of a file, as the bundle reads it where there is one at hand."""
    if manifest is not None:
        found = list(read_all(file, manifest))
    else:
        from epochal.readers import Source, reader, reader_of

        if not file.exists():
            raise EpochalError(f"{file}: no such file")
        chosen = reader(reader_of(file))
        found = [with_checksum(chosen.read(Source(file.stem, str(file)), chosen.Options()), file)]
    if len(found) != 1:
        raise EpochalError(f"{file}: it holds {len(found)} recordings; a stream is of one")
    return found[0]


def _describe(stream: Any) -> dict[str, Any]:
    """Return what is said of all results of a stream, here or at a server."""
    about: dict[str, Any] = stream.started if hasattr(stream, "started") else stream.describe()
    return about


@contextmanager
def _keeping(base: Path | None, about: dict[str, Any]) -> Iterator[Keep]:
    """Give what writes epochs as they come; when it is broken off, say where those so far lie."""
    if base is None:
        yield lambda epochs: None
        return
    with GrowingTable(base, about) as table:
        try:
            yield table.add
        except BaseException:
            if table.n_epochs:
                click.echo(
                    f"Broken off: {table.n_epochs} epochs came so far and are in {table.path}; "
                    "it is not whole",
                    err=True,
                )
            raise
        table.close()


def _play(
    stream: Any, recording: Recording, names: list[str], *, rate: float | None, keep: Keep
) -> Replayed:
    """Send a recording piece by piece; print and keep what comes back."""
    about = _describe(stream)
    click.echo(_introduce(about), err=True)
    piece_s = _PIECE_S["max"] if rate is None else min(max(rate, _LEAST_PIECE_S), _MOST_PIECE_S)
    epochs: list[dict[str, Any]] = []
    began = time.monotonic()
    with click.progressbar(
        length=round(recording.duration_s), label="Streaming", file=sys.stderr
    ) as bar:
        for piece in cut_pieces(recording, names, piece_s=piece_s):
            if rate is not None:
                time.sleep(max(0.0, began + piece.until_s / rate - time.monotonic()))
            is_gap = not piece.samples
            came = stream.skip_to(piece.until_s) if is_gap else stream.push(piece.samples)
            epochs += came
            keep(came)
            _print(came)
            bar.update(max(0, round(piece.until_s) - bar.pos))
        came = stream.finish()
        keep(came)
        _print(came)
    return Replayed(pd.DataFrame(epochs + came), about, stream.unscored_s)


def _introduce(about: dict[str, Any]) -> str:
    seen = f"\n  {IN_SAMPLE}" if about.get("in_sample") else ""
    return (
        f"{about['recording_id']}: {about['study']}, model {about['model']}, "
        f"{about['data_source']}; epochs of {about['epoch_length_s']:g} s. {about['notice']}{seen}"
    )


def _print(epochs: list[dict[str, Any]]) -> None:
    for one in epochs:
        sure = one["confidence"]
        shown = "" if sure is None or pd.isna(sure) else f"{sure:.3f}"
        flags = f"  {one['flags']}" if one["flags"] else ""
        click.echo(f"{one['epoch']}\t{one['onset_s']:g}\t{one['label'] or '-'}\t{shown}{flags}")


def _print_alert(alert: dict[str, Any]) -> None:
    click.echo(
        f"Alert: {alert['rule']}, from {alert['onset_s']:g} s for {alert['duration_s']:g} s so far "
        f"(peak {alert['peak_probability']:.3f}, {alert['data_source']} data; "
        f"{alert['false_alarms']}). {alert['notice']}",
        err=True,
    )


def _say_what_came(file: Path, replayed: Replayed) -> None:
    if replayed.epochs.empty:
        raise EpochalError(f"{file}: shorter than an epoch; nothing was scored")
    counts = _count(replayed)
    shown = ", ".join(f"{name} {n}" for name, n in counts.items())
    click.echo(f"{file}: {len(replayed.epochs)} epochs ({shown})", err=True)
    if replayed.unscored_s:
        click.echo(f"  {replayed.unscored_s:g} s lie in no whole epoch", err=True)


def _count(replayed: Replayed) -> dict[str, int]:
    counts = Counter(replayed.epochs["label"])
    return {name: counts.get(name, 0) for name in replayed.about["classes"]}


def _write(base: Path, replayed: Replayed) -> None:
    """Write what is said of all epochs, as `epochal score` does."""
    summary = {
        **{name: value for name, value in replayed.about.items() if name not in _OF_THE_LINE},
        "streamed": True,
        "n_epochs": len(replayed.epochs),
        "n_flagged": int((replayed.epochs["flags"] != "").sum()),
        "unscored_s": replayed.unscored_s,
        "epochs_per_class": _count(replayed),
    }
    with replacing(base, ".json") as path:
        path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


# what a server says of the connection, not of the results
_OF_THE_LINE = {
    "stream", "resumed", "channels", "received", "keep_s", "idle_s", "message_bytes", "type",
}  # fmt: skip
