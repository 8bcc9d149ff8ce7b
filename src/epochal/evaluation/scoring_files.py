"""Hypnogram files, and what `epochal score` wrote, as class numbers on a grid of epochs."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from epochal.errors import RecordingError
from epochal.evaluation.agreement import encode_scored
from epochal.hypnogram.grid import place_on_grid
from epochal.hypnogram.sleep_statistics import CLASSES
from epochal.options.quality import FAULTS
from epochal.provenance import data_source_of
from epochal.readers.edf_fields import quote
from epochal.readers.edf_header import read_header
from epochal.readers.edf_timeline import (
    Annotation,
    find_lights,
    read_annotations,
    times_of_lights,
)
from epochal.readers.hypnograms import (
    OWN_MARK,
    Hypnogram,
    map_annotations,
    read_hypnogram,
    read_text,
)
from epochal.readers.stage_maps import RODENT_NAMES
from epochal.readers.stages import SLEEP_STAGES, StageMap, find_stage, looks_like_stage

EPOCH_S = 30.0
SCORED_SUFFIX = ".epochs.csv"
EDF_SUFFIXES = (".edf", ".bdf")
_CLOSE_S = 1e-3


class Kind(NamedTuple):
    """The classes of a kind of scoring, and what they may be called in files."""

    classes: tuple[str, ...]
    stages: StageMap


KINDS = {
    "human": Kind(CLASSES, SLEEP_STAGES),
    "rodent": Kind(("W", "NREM", "REM"), RODENT_NAMES),
}


class Lights(NamedTuple):
    """When the lights go off and on, in seconds of a file's own clock; None: not known."""

    off_s: float | None = None
    on_s: float | None = None

    def moved(self, by_s: float) -> Lights:
        """Return them on a clock that is `by_s` ahead."""
        return Lights(*(None if at is None else at + by_s for at in self))


class Scoring(NamedTuple):
    """A hypnogram as class numbers on a grid of epochs, −1 unscored; epoch 0 is at `start_s`."""

    path: Path
    codes: np.ndarray
    start_s: float
    starts_at: datetime | None
    lights: Lights
    facts: dict[str, Any]
    problems: tuple[str, ...] = ()
    artefact: np.ndarray | None = None  # per epoch; None where nothing says it


def find_epoch_length_s(path: Path, given_s: float | None) -> float:
    """Return the epochs' length: as given, or as said in the JSON of a scored recording, or 30."""
    told = _read_facts(path).get("epoch_length_s")
    if told is None:
        return EPOCH_S if given_s is None else given_s
    if given_s is not None and abs(float(told) - given_s) > _CLOSE_S:
        raise RecordingError(path, f"its epochs are {told:g} s long, not {given_s:g} s")
    return float(told)


def read_scoring(path: Path, kind: Kind, *, epoch_s: float) -> Scoring:
    """Read a hypnogram, or what `epochal score` wrote, onto a grid of epochs.

    An epoch has the stage at its middle. An unreadable file, an unknown label and a file without
    any scored epoch raise `RecordingError`.
    """
    if not path.is_file():
        raise RecordingError(path, "no such file")
    is_edf = path.suffix.lower() in EDF_SUFFIXES
    hypnogram = read_stages(path, kind, epoch_s=epoch_s)
    codes = _to_grid(hypnogram, kind.classes, epoch_s)
    if not (codes >= 0).any():
        raise RecordingError(path, "no epoch in it is scored")
    facts = {**_read_facts(path), "data_source": data_source_of_scoring(path)}
    return Scoring(
        path,
        codes,
        hypnogram.start_s,
        hypnogram.starts_at,
        Lights(*times_of_lights(read_annotations(read_header(path))[0])) if is_edf else Lights(),
        facts,
        (*hypnogram.problems, *_describe_grid(hypnogram, epoch_s)),
        _find_artefacts(path, hypnogram.start_s, epoch_s, len(codes)),
    )


def read_stages(path: Path, kind: Kind, *, epoch_s: float) -> Hypnogram:
    """Read a hypnogram of any format; of an EDF+ file what it calls stages, if it does."""
    annotated = _read_annotated(path, kind) if path.suffix.lower() in EDF_SUFFIXES else None
    return annotated or read_hypnogram(path, stages=kind.stages, epoch_s=epoch_s)


def data_source_of_scoring(path: Path) -> str:
    """Return `simulated` where the file, its folder or the JSON beside it says so, else `real`."""
    told = _read_facts(path).get("data_source")
    return told or _data_source(path, is_edf=path.suffix.lower() in EDF_SUFFIXES)


def _read_facts(path: Path) -> dict[str, Any]:
    """Return what the JSON beside a scored recording says of its model, epochs and data."""
    if not path.name.endswith(SCORED_SUFFIX):
        return {}
    side = path.with_name(path.name.removesuffix(SCORED_SUFFIX) + ".json")
    if not side.is_file():
        return {}
    try:
        told = json.loads(side.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordingError(side, "not the JSON of a scored recording") from error
    wanted = ("model", "study", "epoch_length_s", "data_source", "n_flagged", "in_sample")
    return {name: told[name] for name in wanted if name in told} if isinstance(told, dict) else {}


def _read_annotated(path: Path, kind: Kind) -> Hypnogram | None:
    """Read the stages of an EDF+ file that calls them so, and pass over its other remarks.

    Labs annotate arousals and apnoeas beside `Sleep stage N2`; a `Sleep stage 7` is refused. None
    where no annotation calls itself a stage: then each of them must be one.
    """
    header = read_header(path)
    marks, problems = read_annotations(header)
    if not any(looks_like_stage(mark.text) for mark in marks):
        return None
    found = map_annotations(marks, stages=kind.stages, path=path)
    others = [mark.text for mark in marks if not _is_known(mark, kind)]
    if others:
        names = ", ".join(quote(text) for text in sorted(set(others))[:3])
        problems = [*problems, f"{len(others)} annotations that are no stages passed over: {names}"]
    return found._replace(
        starts_at=header.start, problems=(*header.problems, *problems, *found.problems)
    )


def _is_known(mark: Annotation, kind: Kind) -> bool:
    by_us = OWN_MARK.match(mark.text) is not None
    return by_us or bool(find_lights(mark)) or find_stage(mark.text, kind.stages)[0]


def _data_source(path: Path, *, is_edf: bool) -> str:
    if is_edf:
        header = read_header(path)
        own = (OWN_MARK.match(mark.text) for mark in read_annotations(header)[0])
        if header.says_simulated or any(mark and mark[1] == "simulated" for mark in own):
            return "simulated"
    elif "simulated" in _sources_in_text(path):
        return "simulated"
    return data_source_of(path)


def _find_artefacts(path: Path, start_s: float, epoch_s: float, n_epochs: int) -> np.ndarray | None:
    """Return which epochs `epochal score` flagged for a fault of the signal, if it wrote this."""
    if not path.name.endswith(SCORED_SUFFIX):
        return None
    rows = list(csv.DictReader(read_text(path).splitlines()))
    if not rows or not {"flags", "onset_s"} <= rows[0].keys():
        return None
    artefact = np.zeros(n_epochs, dtype=bool)
    onsets_s = np.array([float(row["onset_s"]) for row in rows])
    places = place_on_grid(onsets_s, start_s=start_s, epoch_s=epoch_s)
    for row, at in zip(rows, places, strict=True):
        if 0 <= at < n_epochs:
            artefact[at] |= any(flag in FAULTS for flag in (row["flags"] or "").split(";"))
    return artefact


def _sources_in_text(path: Path) -> set[str]:
    """Return what a table's column `data_source` says, or the JSON beside BIDS events."""
    side = path.with_suffix(".json")
    if path.name.endswith("_events.tsv") and side.is_file():
        try:
            return {str(json.loads(side.read_text(encoding="utf-8")).get("data_source"))}
        except (ValueError, AttributeError):
            return set()  # a sidecar that is none says nothing
    if path.suffix.lower() not in (".csv", ".tsv"):
        return set()
    first, *rows = csv.reader(read_text(path).lstrip().splitlines(), delimiter=_separator(path))
    column = first.index("data_source") if "data_source" in first else None
    return {row[column] for row in rows if column is not None and len(row) > column}


def _separator(path: Path) -> str:
    return "," if path.suffix.lower() == ".csv" else "\t"


def _to_grid(hypnogram: Hypnogram, classes: tuple[str, ...], epoch_s: float) -> np.ndarray:
    stages = hypnogram.stages
    length_s = hypnogram.end_s - hypnogram.start_s
    n_epochs = int(np.floor(length_s / epoch_s + _CLOSE_S))
    codes = np.full(n_epochs, -1)
    if stages.empty:
        return codes
    middles_s = hypnogram.start_s + (np.arange(n_epochs) + 0.5) * epoch_s
    onsets_s = stages["onset_s"].to_numpy()
    rows = np.searchsorted(onsets_s, middles_s, side="right") - 1
    ends_s = onsets_s + stages["duration_s"].to_numpy()
    inside = (rows >= 0) & (middles_s < ends_s[np.maximum(rows, 0)])
    codes[inside] = encode_scored(stages["label"], classes)[rows[inside]]
    return codes


def _describe_grid(hypnogram: Hypnogram, epoch_s: float) -> list[str]:
    steps = (hypnogram.stages["onset_s"] - hypnogram.start_s) / epoch_s
    if len(steps) and float((steps - steps.round()).abs().max()) * epoch_s > 1.0:
        return [f"its stages do not begin on a grid of {epoch_s:g} s: an epoch has its middle's"]
    return []
