"""Adapt a bundle to a lab by some of its own scoring."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from epochal.checksums import checksum
from epochal.errors import EpochalError, RecordingError
from epochal.models import adapting
from epochal.models.adapting import Judged, Labelled
from epochal.models.rewriting import adapt_bundle
from epochal.provenance import RESEARCH_USE, data_source_of
from epochal.serving.bundle import MANIFEST, Bundle, Scorer, read_bundle, write_bundle
from epochal.serving.finding import find_bundle

_KINDS = ("temperature", "vector", "prior")
_FIGURES = ("kappa", "accuracy", "macro_f1", "log_loss", "ece")


class Origin(NamedTuple):
    """Where the labelled epochs come from."""

    recordings: list[str]
    labels: list[str]
    sources: list[str]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--bundle",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder or name of the old bundle.",
)
@click.option(
    "--labels",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Your scoring of FILE: CSV, TSV, EDF+, text, XML. Of several files one each, in their "
    "order, or a folder with one of each file's stem.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new bundle.")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    default="vector",
    show_default=True,
    help="What is recalibrated: confidence; each class's confidence and frequency; frequency.",
)
@click.option(
    "--refit",
    is_flag=True,
    help="Fit a last stage over the log probabilities of all the bundle's models instead.",
)
@click.option(
    "--prior",
    type=click.Choice(["auto", "bundle", "labels"]),
    default="auto",
    show_default=True,
    help="Whose shares of classes to assume. auto: the labels', where 80 % of FILE is labelled.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Write the bundle although nothing is gained, or labels are strange.",
)
def adapt(
    files: tuple[Path, ...],
    bundle: Path,
    labels: tuple[Path, ...],
    out: Path,
    kind: adapting.Kind,
    refit: bool,
    prior: adapting.Prior,
    force: bool,
) -> None:
    """Adapt a bundle to a lab by an hour or more of its own scoring of FILES.

    The bundle's answers are recalibrated (or with --refit, its last stage is fitted anew) and
    written as a new bundle; the models stay. Prints figures before and after, the latter of epochs
    left out in turn. FILES count as seen from then on.

    Research use only, not a medical device.
    """
    if out.exists():
        raise click.UsageError(f"{out} is there already; a bundle is never written over")
    bundle = find_bundle(bundle)
    given = read_bundle(bundle)
    if given.manifest.adaptation is not None:
        click.echo("note: the bundle's earlier adaptation is replaced")
    plain = given.manifest.model_copy(update={"adaptation": None})
    scorer = Scorer(Bundle(plain, given.files))
    names = _name_models(scorer) if refit else [plain.headline]
    labelled, origin = _gather(_pair(files, labels), scorer, names)
    chosen = adapting.choose_prior(prior, labelled, plain)
    adapting.refuse_too_little(labelled, plain.classes, chosen)
    shares = adapting.shares_of_bundle(plain) if chosen == "bundle" else None
    how: adapting.Kind = "refit" if refit else kind
    judged = adapting.cross_fit(how, labelled, shares=shares)
    _tell(labelled, judged, chosen)
    if not force:
        adapting.refuse_strange_labels(judged)
    if not _gains(judged) and not force:
        raise EpochalError("nothing is gained by it: no bundle written (--force writes it)")
    adaptation = adapting.describe(
        how,
        labelled,
        adapting.fit(how, labelled, shares=shares),
        judged,
        classes=plain.classes,
        prior=chosen,
        recordings=sorted(set(origin.recordings)),
        labels=sorted(set(origin.labels)),
        data_source="simulated" if "simulated" in origin.sources else "real",
        adapted_from=hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest(),
    )
    adapted = adapt_bundle(Bundle(plain, given.files), adaptation)
    write_bundle(out, adapted)
    click.echo(f"written: {out} ({adapted.manifest.data_source}); {RESEARCH_USE}")


def _pair(files: tuple[Path, ...], labels: tuple[Path, ...]) -> list[tuple[Path, Path]]:
    """Pair files with labels: by stem where these are a folder, else by their order."""
    if len(labels) == 1 and labels[0].is_dir():
        return [(path, _find_in(labels[0], path)) for path in files]
    if len(labels) != len(files):
        raise click.UsageError(
            f"{len(files)} files and {len(labels)} --labels: give one for each, or a folder"
        )
    return list(zip(files, labels, strict=True))


def _find_in(folder: Path, path: Path) -> Path:
    found = [
        one
        for one in sorted(folder.iterdir())
        if one.absolute() != path.absolute() and one.name.split(".")[0] == path.stem
    ]
    if len(found) != 1:
        said = ", ".join(one.name for one in found) or "none"
        raise RecordingError(path, f"one file of labels is needed in {folder}; found: {said}")
    return found[0]


def _name_models(scorer: Scorer) -> list[str]:
    """Name the headline and the models that say something of their own: no stack but it."""
    headline = scorer.manifest.headline
    own = [name for name, entry in scorer.models.items() if not entry.base_models]
    return [headline, *(name for name in own if name != headline)]


def _gather(
    pairs: list[tuple[Path, Path]], scorer: Scorer, names: list[str]
) -> tuple[Labelled, Origin]:
    from epochal.models.lab_scoring import label_recording

    parts, sources = [], []
    for number, (path, labels) in enumerate(pairs):
        found = label_recording(path, labels, scorer, names)
        sources += [found.data_source, data_source_of(labels)]
        for problem in found.problems:
            click.echo(f"{path}: {problem}")
        parts.append(found.labelled._replace(owners=np.full(len(found.labelled.codes), number)))
        click.echo(
            f"{path}: {len(found.labelled.codes)} labelled of {found.labelled.n_scored} epochs"
        )
    joined = Labelled(
        {name: np.concatenate([part.proba[name] for part in parts]) for name in names},
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.owners for part in parts]),
        sum(part.n_scored for part in parts),
    )
    recordings, labels_ = zip(*pairs, strict=True)
    return joined, Origin(_hash(recordings), _hash(labels_), sources)


def _hash(paths: Any) -> list[str]:
    return [checksum([path]) for path in paths]


def _gains(judged: Judged) -> bool:
    before, after = judged.before["log_loss"], judged.after["log_loss"]
    return before is not None and after is not None and after < before


def _tell(labelled: Labelled, judged: Judged, prior: str) -> None:
    for line in _describe(labelled, judged, prior):
        click.echo(line)


def _describe(labelled: Labelled, judged: Judged, prior: str) -> Iterator[str]:
    n_recordings = len(np.unique(labelled.owners))
    yield f"{len(labelled.codes)} labelled epochs; shares of classes as in the {prior}"
    yield f"  {'':<10}{'before':>9}{'after':>9}"
    for name in _FIGURES:
        yield f"  {name:<10}{judged.before[name]:>9.4f}{judged.after[name]:>9.4f}"
    yield f"  after: each {judged.by} adapted by the others, none of them by itself"
    if n_recordings == 1:
        yield "  one recording: how another one of this lab would fare is not known from it"
    elif judged.by == "block":
        yield f"  {n_recordings} recordings, blocks of each: another one may fare worse"
