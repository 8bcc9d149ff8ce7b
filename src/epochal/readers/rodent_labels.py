"""Labels of rodent recordings: where they lie, what their codes mean, whether they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from epochal.errors import RecordingError
from epochal.readers.label_attachment import attach_file, attach_labels, check_length
from epochal.readers.mat_signals import find_epoch_length, load_variables, read_codes
from epochal.readers.participants import read_json
from epochal.readers.stage_maps import (
    ACCUSLEEP_CODES,
    MSSV_CODES,
    RODENT_NAMES,
    Unrefusing,
    find_levels,
    follow_levels,
    from_codes,
)
from epochal.readers.stages import GivenStages, StageMap, UnknownLabels
from epochal.recording import Recording

ENDINGS = (
    "_labels.csv", "_events.tsv", "_labels.tsv", "_labels.mat", "_labels.txt", "_hypnogram.csv",
    ".csv", ".tsv",
)  # fmt: skip


class LabelOptions(BaseModel, extra="forbid", frozen=True, coerce_numbers_to_str=True):
    """Where labels lie and what they mean."""

    labels: str | None = Field(
        None,
        description="Name of the label file beside the signals, `{id}` standing for the recording "
        "and `{stem}` for the signal file, e.g. `{stem}_scorer2.csv`; null: the usual endings",
    )
    stages: GivenStages | None = Field(
        None,
        description="Each label and its class, null: unscored. By default the names of the three "
        "stages, with AccuSleep's codes in MAT and MSSV's in `_events.tsv`",
    )
    unknown_labels: UnknownLabels = "refuse"
    epoch_s: float = Field(
        10.0, gt=0, description="Length of an epoch where neither labels nor side file say it"
    )
    length_tolerance: float = Field(
        0.05,
        ge=0,
        description="Streams, or one label per epoch, whose lengths differ by a larger share are "
        "refused, since a rate or the epoch length must be wrong; smaller differences are reported",
    )
    require_labels: bool = Field(False, description="Refuse a recording that has no labels")


def find_label_file(path: Path, stems: Sequence[str], options: LabelOptions) -> Path | None:
    """Return the labels beside a signal file, or None; one asked for by name must be there.

    `stems` are the names that the labels may begin with, the recording's own first.
    """
    if options.labels is not None:
        named = options.labels.replace("{id}", stems[0]).replace("{stem}", path.stem)
        if not path.with_name(named).is_file():
            raise RecordingError(path, f"no label file '{named}' beside it")
        return path.with_name(named)
    bare = dict.fromkeys((*stems, *(stem.removesuffix("_eeg") for stem in stems)))
    names = [f"{stem}{ending}" for stem in bare for ending in ENDINGS]
    if path.name == "EEG.mat":
        names = ["labels.mat", "labels.csv", *names]
    return next((path.with_name(n) for n in names if path.with_name(n).is_file()), None)


def label_recording(
    recording: Recording,
    *,
    path: Path | None,
    variables: Mapping[str, Any] | None,
    variable: str | None,
    epoch_s: float | None,
    options: LabelOptions,
) -> Recording:
    """Return the recording with the labels of a file, else of the MAT file's variables, on it.

    `epoch_s` is what the side file says. A recording without either keeps its own annotations.
    """
    if path is not None and path.suffix.lower() == ".mat":
        variables = load_variables(path)
    elif path is not None:
        return _with_table(recording, path, epoch_s or options.epoch_s, options)
    codes = read_codes(path or recording.recording_id, variables, variable) if variables else None
    if variables is None or codes is None:
        return _without_labels(recording, options)
    stages = _stage_map(options, ACCUSLEEP_CODES)
    where = path or recording.recording_id
    length_s = find_epoch_length(where, variables) or epoch_s or options.epoch_s
    hypnogram = from_codes(codes, epoch_s=length_s, stages=stages, where=where)
    check_length(
        hypnogram, recording, epoch_s=length_s, tolerance=options.length_tolerance, where=where
    )
    return attach_labels(recording, hypnogram, stages, where)


def _stage_map(options: LabelOptions, codes: StageMap) -> StageMap:
    stages = options.stages if options.stages is not None else {**RODENT_NAMES, **codes}
    return Unrefusing(stages) if options.unknown_labels == "unscored" else stages


def _without_labels(recording: Recording, options: LabelOptions) -> Recording:
    if options.require_labels and recording.annotations.empty:
        raise RecordingError(recording.recording_id, "no labels in it or beside it")
    return recording


def _with_table(
    recording: Recording, path: Path, epoch_s: float, options: LabelOptions
) -> Recording:
    is_events = path.name.endswith("_events.tsv")
    stages = _stage_map(options, MSSV_CODES if is_events else {})
    sidecar = path.with_suffix(".json")
    if is_events and sidecar.is_file():
        stages = follow_levels(stages, find_levels(read_json(sidecar)))
    return attach_file(
        recording, path, stages=stages, epoch_s=epoch_s, tolerance=options.length_tolerance
    )
