"""Say why one epoch of a recording was scored as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pandas as pd
from matplotlib.figure import Figure

from epochal.commands.score import choose_bundle
from epochal.errors import EpochalError
from epochal.features import extract_features
from epochal.readers.substitution import substitutions_of
from epochal.recording import Recording
from epochal.serving.batch import base_name
from epochal.serving.bundle import Manifest, Scorer, data_source_of_result, read_bundle
from epochal.serving.explaining import EpochExplanation, explain_epoch
from epochal.serving.inputs import Input
from epochal.serving.reading import read_all
from epochal.serving.scoring import allow_substitutes
from epochal.serving.writing import make_folder, replacing, with_source
from epochal.signals.epoching import index_epochs

_N_TOLD = 8


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--epoch", required=True, type=int, help="The epoch's number, from 0, as in the CSV.")
@click.option("--bundle", type=click.Path(path_type=Path), help="A bundle's folder or name.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where results go.")
@click.option("--class", "class_", help="Explain this class; else the predicted one.")
@click.option("--recording", help="Which recording, where the file holds several.")
@click.option(
    "--substitute", is_flag=True, help="Let another derivation stand in for a missing channel."
)
def explain(
    file: Path,
    epoch: int,
    bundle: Path | None,
    out: Path,
    class_: str | None,
    recording: str | None,
    substitute: bool,
) -> None:
    """Explain one epoch: <stem>.epoch<N>.csv and .png, its signals and what spoke for the class.

    Of a file that holds several recordings: <stem>.<recording>.epoch<N>.csv and .png.

    What each feature added to the probability, compared with other epochs of the same recording.
    It says what the model looked at, not what makes an epoch belong to a class.

    Research use only, not a medical device.
    """
    scorer = Scorer(read_bundle(choose_bundle(bundle, (file,))))
    found = _pick(file, scorer, recording)
    found = allow_substitutes(found, scorer.manifest, allow=substitute)
    epochs = index_epochs(found, scorer.manifest.ingestion.model_copy(update={"trim": None}))
    features = extract_features(found, epochs, scorer.manifest.feature_engineering)
    place = _place(epochs, epoch)
    explained = explain_epoch(features, place, scorer, class_=class_)
    make_folder(out)
    base = out / f"{base_name(Input(file, file.stem), found)}.epoch{epoch}"
    origin = _origin(found, scorer.manifest)
    with replacing(base, ".csv") as path:
        table = with_source(explained.columns, origin)
        table.to_csv(path, index=False, float_format="%.6g")
    with replacing(base, ".png") as path:
        figure = _draw(found, epochs.iloc[place], explained, scorer, origin["data_source"])
        figure.savefig(path, dpi=110)
    _report(file, epoch, found, explained)


def _pick(file: Path, scorer: Scorer, wanted: str | None) -> Recording:
    known = []
    for recording in read_all(file, scorer.manifest):
        if wanted in (None, recording.recording_id):
            return recording
        known.append(recording.recording_id)
    raise EpochalError(f"{file}: no recording '{wanted}'; it has: {', '.join(known[:10])}")


def _place(epochs: pd.DataFrame, epoch: int) -> int:
    places = (epochs["epoch"] == epoch).to_numpy().nonzero()[0]
    if not len(places):
        last = epochs["epoch"].max() if len(epochs) else "none"
        raise EpochalError(f"No epoch {epoch} in this recording; the last is {last}")
    return int(places[0])


def _origin(recording: Recording, manifest: Manifest) -> dict[str, Any]:
    """Return what an explanation stands on, and whether training saw the recording."""
    source = data_source_of_result(manifest.data_source, recording.data_source)
    return {"data_source": source, "in_sample": manifest.saw(recording)}


def _draw(
    recording: Recording,
    epoch: pd.Series,
    explained: EpochExplanation,
    scorer: Scorer,
    source: str,
) -> Figure:
    from epochal.explanation_plots import draw_explained_epoch

    signals = scorer.manifest.feature_engineering.signals.values()
    names = [name for signal in signals for name in signal.channels]
    present = set(recording.channel_names)
    shown = [recording.channel(name) for name in dict.fromkeys(names) if name in present]
    title = (
        f"{recording.recording_id}, epoch {epoch['epoch']}: {explained.class_} "
        f"p = {explained.proba:.2f} ({explained.model}; other epochs {explained.expected:.2f})"
    )
    start_s = float(epoch["onset_s"])
    return draw_explained_epoch(
        shown, (start_s, start_s + float(epoch["length_s"])), explained.columns,
        title=title, data_source=source,
    )  # fmt: skip


def _report(file: Path, epoch: int, recording: Recording, explained: EpochExplanation) -> None:
    click.echo(
        f"{file}: epoch {epoch} is {explained.class_} with probability {explained.proba:.3f} by "
        f"{explained.model}; other epochs of {recording.recording_id}: {explained.expected:.3f}"
    )
    for row in explained.columns.head(_N_TOLD).itertuples(index=False):
        click.echo(
            f"  {row.contribution:+.3f} (±{row.error:.3f})  {row.column} = {row.value:.4g}, "
            f"typically {row.typical:.4g}"
        )
    for wanted, given in substitutions_of(recording).items():
        click.echo(f"  substituted: '{given}' stands in for '{wanted}'")
