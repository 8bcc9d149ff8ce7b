"""BIDS EEG folders: `sub-*/[ses-*/]eeg/*_eeg.{edf,bdf,vhdr,set}` and the tables beside them.

Gorgolewski et al. 2016, doi:10.1038/sdata.2016.44; Pernet et al. 2019,
doi:10.1038/s41597-019-0104-8. Sidecars are inherited from the folders above, the nearest first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from epochal.errors import RecordingError
from epochal.readers import Source
from epochal.readers.edf import Signals, read_edf
from epochal.readers.edf_units import parse_unit
from epochal.readers.hypnograms import parse_hypnogram
from epochal.readers.label_attachment import attach_file, attach_labels, attach_scorers
from epochal.readers.mne_files import read_mne
from epochal.readers.naming import safe_name
from epochal.readers.participants import (
    find_lights,
    find_participant,
    find_participants,
    read_json,
    read_start,
    tidy_facts,
)
from epochal.readers.parts import parts_of
from epochal.readers.scorer_columns import split_by_scorer
from epochal.readers.scorers import Scorers, combine, find_scorers
from epochal.readers.stage_maps import AsWritten, Unrefusing, find_levels, follow_levels
from epochal.readers.stages import SLEEP_STAGES, GivenStages, StageMap, UnknownLabels
from epochal.recording import Channel, Recording

SUFFIXES = (".edf", ".bdf", ".vhdr", ".set")
FROM_SIDECAR = {"PowerLineFrequency": "mains_hz", "EEGReference": "reference"}
OF_THE_START = ("start_utc", "utc_offset_h", "lights_on", "lights_off", "lights_on_s",
                "lights_off_s")  # fmt: skip
ENTITY = re.compile(r"([a-z]+)-([A-Za-z0-9+]+)")


class Options(Scorers, extra="forbid", frozen=True, coerce_numbers_to_str=True):
    """What to read of a BIDS folder, and how."""

    task: str | None = Field(None, description="Read only this task, e.g. `sleep`; null: all")
    stages: GivenStages | None = Field(
        None,
        description="Each label of the events, or what the sidecar's `Levels` call it, and its "
        "class, null: unscored; by default labels stay as they are",
    )
    unknown_labels: UnknownLabels = "refuse"
    require_labels: bool = Field(False, description="Refuse a recording without `_events.tsv`")
    epoch_s: float = Field(30.0, gt=0, description="Length of events that have no duration")
    scorer_columns: str | None = Field(
        None,
        description="Columns of `_events.tsv` that hold one scorer's labels each, `*` being the "
        "scorer's name, e.g. `stage_*`",
    )
    scored_by: str | None = Field(
        None,
        description="Column of `_events.tsv` that says whose label a row is, e.g. `scorer`",
    )
    signals: Signals = Field(Signals(), description="How EDF and BDF signals are read")


def find(folder: Path, options: Options) -> list[Source]:
    """List the EEG recordings of a BIDS folder, each with its sidecars; none is refused."""
    folder = Path(folder)
    found = [*folder.glob("sub-*/eeg/*_eeg.*"), *folder.glob("sub-*/ses-*/eeg/*_eeg.*")]
    paths = [path for path in sorted(found) if path.suffix.lower() in SUFFIXES]
    if options.task is not None:
        paths = [path for path in paths if entities_of(path).get("task") == options.task]
    if not paths:
        task = f" of task '{options.task}'" if options.task else ""
        raise RecordingError(
            folder, f"no sub-*/[ses-*/]eeg/*_eeg{{{','.join(SUFFIXES)}}} here{task}"
        )
    _refuse_twice(paths)
    return [Source(_name(path), str(path), _companions(path, folder, options)) for path in paths]


def _companions(path: Path, root: Path, options: Options) -> tuple[str, ...]:
    parts = map(str, parts_of(path))
    return (*_sidecars(path, root), *_scorer_files(path, options), *parts)


def _scorer_files(path: Path, options: Options) -> list[str]:
    if options.scorers is None:
        return []
    stem = path.stem.removesuffix("_eeg")
    return [str(one) for one in find_scorers(path.parent, options.scorers, stem).values()]


def _refuse_twice(paths: list[Path]) -> None:
    names = [_name(path) for path in paths]
    for name, path in zip(names, paths, strict=True):
        if names.count(name) > 1:
            raise RecordingError(path, f"'{name}' is there in several formats; keep one of them")


def _name(path: Path) -> str:
    return safe_name(path.stem.removesuffix("_eeg"))


def entities_of(path: Path) -> dict[str, str]:
    """Return the entities of a BIDS name: `sub-01_task-sleep_eeg` has `sub` and `task`."""
    matches = (ENTITY.fullmatch(part) for part in path.stem.split("_"))
    return {match[1]: match[2] for match in matches if match}


def _sidecars(path: Path, root: Path) -> tuple[str, ...]:
    """Return the sidecars that apply to a recording, from the root down to its own folder."""
    endings = ("eeg.json", "channels.tsv", "events.json", "events.tsv")
    levels = [folder for folder in (path.parent, *path.parents) if folder.is_relative_to(root)]
    found = [
        one
        for folder in reversed(dict.fromkeys(levels))
        for ending in endings
        for one in sorted(folder.glob(f"*{ending}"))
        if one.name.split("_")[-1] == ending
        and entities_of(one).items() <= entities_of(path).items()
    ]
    return tuple(map(str, (*found, *find_participants(path))))


def read(source: Source, options: Options) -> Recording:
    """Read one recording: native rates, voltages in uV, events as annotations.

    EDF and BDF by the EDF reader, others by MNE. What the tables say and the file does not, or
    the reverse, stands in `problems`.
    """
    path, entities = Path(source.path), entities_of(Path(source.path))
    own = _read_signals(source, options, subject_id=f"sub-{entities.get('sub', '')}")
    sidecar = _merge_json(source, "eeg.json")
    described = _describe(own, path, sidecar, entities)
    channels = _nearest(source, "channels.tsv")
    known = described if channels is None else _with_channel_table(described, channels)
    # labels in EDF are on the clock of the file's header, not on that of `start_utc`
    labelled = _with_events(replace(known, start=own.start), source, options)
    return replace(labelled, start=described.start)


def _read_signals(source: Source, options: Options, *, subject_id: str) -> Recording:
    if Path(source.path).suffix.lower() in (".edf", ".bdf"):
        return read_edf(
            source.path,
            recording_id=source.recording_id,
            subject_id=subject_id,
            options=options.signals,
            stages=SLEEP_STAGES if options.stages is None else options.stages,
        )
    return read_mne(
        source.path,
        recording_id=source.recording_id,
        subject_id=subject_id,
        channels=options.signals.channels,
        stages=SLEEP_STAGES if options.stages is None else options.stages,
    )


def _nearest(source: Source, ending: str) -> Path | None:
    found = [Path(one) for one in source.companions if Path(one).name.split("_")[-1] == ending]
    return found[-1] if found else None


def _merge_json(source: Source, ending: str) -> dict[str, Any]:
    """Return the sidecars' content, what is nearer to the recording taking precedence."""
    merged: dict[str, Any] = {}
    for one in source.companions:
        if Path(one).name.split("_")[-1] == ending:
            merged |= read_json(one)
    return merged


def _describe(
    recording: Recording, path: Path, sidecar: Mapping[str, Any], entities: Mapping[str, str]
) -> Recording:
    given = {FROM_SIDECAR[key]: sidecar[key] for key in FROM_SIDECAR if key in sidecar}
    timing = {key: sidecar[key] for key in OF_THE_START if key in sidecar}
    names = {"ses": "session", "task": "task", "run": "run"}
    facts = {
        **{names[key]: value for key, value in entities.items() if key in names},
        **tidy_facts(given, path=path),
        **find_participant(path, recording.subject_id),
    }
    start = read_start(timing, path) or recording.start
    lights = find_lights({**facts, **timing}, start, path)
    kept = {name: value for name, value in facts.items() if name not in OF_THE_START}
    return replace(recording, start=start, metadata={**recording.metadata, **kept, **lights})


def _with_channel_table(recording: Recording, table: Path) -> Recording:
    """Return the recording with types and bad channels from `channels.tsv`, and what it lacks."""
    try:
        rows = pd.read_csv(table, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise RecordingError(table, f"not a readable table ({error})") from error
    if "name" not in rows:
        raise RecordingError(table, f"no column 'name'; it has: {', '.join(map(str, rows))}")
    listed = {row["name"]: row for row in rows.to_dict("records")}
    facts: dict[str, Any] = {}
    if "type" in rows:
        facts["channel_types"] = {name: row["type"] for name, row in listed.items()}
    bad = [name for name, row in listed.items() if row.get("status", "").lower() == "bad"]
    if bad:
        facts["bad_channels"] = bad
    problems = _compare_names(set(listed), set(recording.channel_names), table.name)
    channels = [_with_unit(one, listed, problems) for one in recording.channels]
    return replace(
        recording,
        channels=tuple(channels),
        metadata={**recording.metadata, **facts},
        problems=(*recording.problems, *problems),
    )


def _compare_names(listed: set[str], present: set[str], table: str) -> list[str]:
    differences = {
        f"{table} lists channels that the file lacks": listed - present,
        f"{table} does not list channels of the file": present - listed,
    }
    return [f"{text}: {', '.join(sorted(names))}" for text, names in differences.items() if names]


def _with_unit(
    channel: Channel, listed: Mapping[str, Mapping[str, Any]], problems: list[str]
) -> Channel:
    """Return a channel whose file names no unit in the unit that the table gives it."""
    given = listed.get(channel.name, {}).get("units", "")
    if channel.unit or given.lower() in ("", "n/a"):
        return channel
    unit, factor = parse_unit(given)
    problems.append(f"channel '{channel.name}': the unit '{given}' is that of channels.tsv")
    return replace(channel, unit=unit, data=np.float32(factor) * np.asarray(channel.data))


def _with_events(recording: Recording, source: Source, options: Options) -> Recording:
    """Return the recording with its events as labels: one scorer's, or the consensus of several."""
    stages = _stage_map(source, options)
    files = _files_of_scorers(source, options)
    if files:
        return attach_scorers(
            recording, files, stages=stages, epoch_s=options.epoch_s, tolerance=0.0,
            ties=options.ties,
        )  # fmt: skip
    events = _nearest(source, "events.tsv")
    if events is None:
        if options.require_labels and recording.annotations.empty:
            raise RecordingError(source.path, "no _events.tsv beside it")
        return recording
    if options.scorer_columns is None and options.scored_by is None:
        return attach_file(recording, events, stages=stages, epoch_s=options.epoch_s, tolerance=0.0)
    scored = {
        name: attach_labels(
            recording,
            parse_hypnogram(events, text, stages=stages, epoch_s=options.epoch_s),
            stages,
            events,
        )
        for name, text in split_by_scorer(
            events, columns=options.scorer_columns, scored_by=options.scored_by
        ).items()
    }
    return combine(recording, scored, ties=options.ties, where=events)


def _stage_map(source: Source, options: Options) -> StageMap:
    stages: StageMap = AsWritten() if options.stages is None else options.stages
    if options.unknown_labels == "unscored" and options.stages is not None:
        stages = Unrefusing(stages)
    return follow_levels(stages, find_levels(_merge_json(source, "events.json")))


def _files_of_scorers(source: Source, options: Options) -> dict[str, Path]:
    if options.scorers is None:
        return {}
    path = Path(source.path)
    return find_scorers(path.parent, options.scorers, path.stem.removesuffix("_eeg"))
