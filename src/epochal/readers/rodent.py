"""Rodent recordings: EDF or MAT with EEG, optional EMG and accelerometer, and labels beside them.

Labels lie in the MAT file (AccuSleep's codes), or beside the signals as CSV, BIDS events (MSSV's
codes), text or MAT. A side file `<recording>.json` and `participants.tsv` tell of the animal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from epochal.errors import RecordingError
from epochal.provenance import data_source_of
from epochal.readers import Source
from epochal.readers.aliases import kind_of
from epochal.readers.edf import SUFFIXES as EDF_SUFFIXES
from epochal.readers.edf import Signals, read_edf
from epochal.readers.mat_signals import (
    find_labels_of,
    find_signals,
    load_variables,
    read_channels,
)
from epochal.readers.naming import name_recordings, safe_name
from epochal.readers.participants import (
    PARTICIPANTS,
    find_lights,
    find_participant,
    find_participants,
    read_json,
    read_start,
    tidy_facts,
    to_number,
)
from epochal.readers.rodent_labels import LabelOptions, find_label_file, label_recording
from epochal.readers.stage_maps import RODENT_NAMES
from epochal.readers.streams import align, start_each
from epochal.recording import Recording

SUFFIXES = (*EDF_SUFFIXES, ".mat")
# What a side file says about the recording rather than about the animal.
OF_THE_RECORDING = ("subject_id", "start_utc", "utc_offset_h", "lights_on", "lights_off", "sfreq",
                    "epoch_s", "starts_s")  # fmt: skip
PARTS = ("emg", "labels")  # AccuSleep keeps EEG.mat, EMG.mat and labels.mat in one folder


class Options(LabelOptions, extra="forbid", frozen=True):
    """What to read of a folder of rodent recordings, and how."""

    pattern: str = Field("*", description="File names to read, e.g. `mouse*.edf`")
    subject_pattern: str = Field(
        r"(sub-[A-Za-z0-9]+)",
        description="Regular expression searched in the recording's id; its first group is the "
        "animal. Without a match the id is, unless the side file names one",
    )
    animals: dict[str, dict[str, dict[str, str]]] = Field(
        {},
        description="Files that hold several animals: `{file name or pattern: {animal: {channel: "
        "channel in the file}}}`; in MAT, the channel `labels` names the animal's labels",
    )
    channels: dict[str, str] = Field(
        {},
        description="For files of one animal, `{channel: channel in the file}`; empty: all of them "
        "by their own names",
    )
    sfreq: float | None = Field(
        None, gt=0, description="Sampling rate in Hz of MAT files that name none"
    )
    unit: Literal["uV", "mV", "V"] | None = Field(
        None, description="Unit of the voltages in MAT files; null: told by their size, reported"
    )
    signals: Signals = Field(Signals(), description="How EDF signals are read")


def find(folder: Path, options: Options) -> list[Source]:
    """List the recordings below `folder`, several for a file that holds several animals.

    AccuSleep's folders of `EEG.mat`, `EMG.mat` and `labels.mat` are one recording each, named after
    the folder. None at all raises `RecordingError`.
    """
    folder = Path(folder)
    found = [folder] if folder.is_file() else sorted(folder.rglob(options.pattern))
    paths = [path for path in found if _is_recording(path)]
    if not paths:
        raise RecordingError(
            folder, f"no EDF, BDF or MAT recording that matches '{options.pattern}' here"
        )
    ids = name_recordings(folder, {path: _stem(path) for path in paths})
    return [source for path in paths for source in _list_animals(path, ids[path], options)]


def _is_recording(path: Path) -> bool:
    if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
        return False
    stem = path.stem.lower()
    is_part = stem in PARTS and path.with_name("EEG.mat").is_file()
    return not is_part and not re.search(r"(^|_)(labels|hypnogram)$", stem)


def _stem(path: Path) -> str:
    return path.parent.name if path.name == "EEG.mat" else path.stem


def _list_animals(path: Path, recording_id: str, options: Options) -> list[Source]:
    animals = _animals_in(path, options)
    names = [f"{recording_id}_{safe_name(animal)}" for animal in animals] or [recording_id]
    return [Source(name, str(path), _companions(path, name, options)) for name in names]


def _animals_in(path: Path, options: Options) -> dict[str, dict[str, str]]:
    for pattern, animals in options.animals.items():
        if fnmatch(path.name, pattern):
            return animals
    return {}


def _companions(path: Path, recording_id: str, options: Options) -> tuple[str, ...]:
    """Return the side file, more signals, labels with their sidecar, and the participants."""
    emg = path.with_name("EMG.mat")
    beside = [emg] if path.name == "EEG.mat" else []
    side = [path.with_name(f"{stem}.json") for stem in (recording_id, path.stem)]
    stems = [recording_id] if _animals_in(path, options) else [recording_id, path.stem]
    labels = find_label_file(path, stems, options)
    scoring = [labels, labels.with_suffix(".json")] if labels else []
    found = [one for one in (*beside, *side, *scoring) if one.is_file()]
    return tuple(dict.fromkeys(map(str, (*found, *find_participants(path)))))


class _Files(NamedTuple):
    """The files of a source by what they hold, and what the side file says."""

    signals: Path
    more_signals: tuple[str, ...]
    labels: Path | None
    side: Path
    facts: dict[str, Any]


def _sort_files(source: Source) -> _Files:
    path = Path(source.path)
    companions = {one.name: one for one in map(Path, source.companions)}
    sides = (f"{source.recording_id}.json", f"{path.stem}.json")
    side = next((companions[name] for name in sides if name in companions), None)
    emg = tuple(str(one) for one in companions.values() if one.name == "EMG.mat")
    labels = [
        one
        for one in companions.values()
        if one.suffix != ".json" and one.name not in ("EMG.mat", PARTICIPANTS)
    ]
    return _Files(
        path, emg, labels[0] if labels else None, side or path, read_json(side) if side else {}
    )


def read(source: Source, options: Options) -> Recording:
    """Read one animal's recording: native rates, voltages in uV, labels W, NREM, REM.

    What is repaired stands in `problems`; what cannot be raises `RecordingError` by name.
    """
    files = _sort_files(source)
    animal, wanted = _animal_of(source, options)
    found = re.search(options.subject_pattern, source.recording_id)
    in_id = found[1] if found and found.groups() else source.recording_id
    subject_id = str(animal or files.facts.get("subject_id") or in_id)
    labels_variable = wanted.pop("labels", None)
    if files.signals.suffix.lower() == ".mat":
        variables = load_variables(files.signals, files.more_signals)
        if animal and labels_variable is None:
            labels_variable = find_labels_of(animal, variables, source.path)
        recording = _from_mat(source, files, variables, wanted, options)
    elif labels_variable is None:
        variables, recording = None, _from_edf(source, wanted, options)
    else:
        raise RecordingError(
            source.path, f"'labels: {labels_variable}' is for MAT files; this is an EDF"
        )
    described = _describe(replace(recording, subject_id=subject_id), files)
    # labels in EDF are on the clock of the file's header, not on that of `start_utc`
    labelled = label_recording(
        replace(described, start=recording.start),
        path=files.labels,
        variables=variables,
        variable=labels_variable,
        epoch_s=to_number(files.facts, "epoch_s", files.side),
        options=options,
    )
    return replace(labelled, start=described.start)


def _animal_of(source: Source, options: Options) -> tuple[str | None, dict[str, str]]:
    """Return which animal of its file a source is, and its channels `{name: name in the file}`."""
    animals = _animals_in(Path(source.path), options)
    for animal, channels in animals.items():
        if source.recording_id.endswith(f"_{safe_name(animal)}"):
            return animal, dict(channels)
    return None, dict(options.channels)


def _from_mat(
    source: Source,
    files: _Files,
    variables: Mapping[str, Any],
    wanted: Mapping[str, str],
    options: Options,
) -> Recording:
    problems: list[str] = []
    channels = read_channels(
        source.path,
        variables,
        wanted=wanted or find_signals(source.path, variables),
        sfreq=to_number(files.facts, "sfreq", files.side) or options.sfreq,
        unit=options.unit,
        problems=problems,
    )
    channels = start_each(channels, files.facts.get("starts_s") or {}, files.side)
    problems += align(source.path, channels, tolerance=options.length_tolerance)
    return Recording(
        recording_id=source.recording_id,
        subject_id="",
        channels=tuple(channels),
        problems=tuple(problems),
        data_source=data_source_of(source.path),
    )


def _from_edf(source: Source, wanted: Mapping[str, str], options: Options) -> Recording:
    signals = options.signals
    if wanted:
        signals = signals.model_copy(update={"channels": tuple(wanted.values())})
    recording = read_edf(
        source.path,
        recording_id=source.recording_id,
        subject_id="",
        options=signals,
        stages=RODENT_NAMES if options.stages is None else options.stages,
    )
    names = recording.channel_names
    if not wanted and not any(kind_of(name) == "EEG" for name in names):
        raise RecordingError(
            source.path,
            f"no EEG: none of its channels is called so; it has: {', '.join(names)}; the option "
            "`channels` says which one is",
        )
    renamed = [replace(recording.channel(given), name=name) for name, given in wanted.items()]
    return replace(recording, channels=tuple(renamed) or recording.channels)


def _describe(recording: Recording, files: _Files) -> Recording:
    """Return the recording with its start and what is known of the animal."""
    told = tidy_facts(files.facts, path=files.side)
    facts = {**find_participant(files.signals, recording.subject_id), **told}
    start = read_start(files.facts, files.side) or recording.start
    kept = {name: value for name, value in facts.items() if name not in OF_THE_RECORDING}
    lights = find_lights(facts, start, files.side)
    return replace(
        recording,
        start=start,
        metadata={**recording.metadata, **kept, **lights},
        problems=(*recording.problems, *_compare_starts(recording.start, start)),
    )


def _compare_starts(in_header: datetime | None, start: datetime | None) -> list[str]:
    """Say where a side file's start replaces another one in the header."""
    if in_header is None or start is None:
        return []
    if in_header.replace(tzinfo=None) == start.replace(tzinfo=None):
        return []
    return [
        f"the header's start is {in_header:%H:%M:%S}; the side file's, {start:%H:%M:%S}, is used"
    ]
