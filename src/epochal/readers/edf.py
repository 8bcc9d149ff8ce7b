"""Any EDF, EDF+ or BDF file: tolerant of the trouble met in the wild, silent about none of it.

`docs/reference/edf-trouble.md` says for each kind of trouble whether it is repaired or refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from epochal.errors import RecordingError, did_you_mean
from epochal.provenance import data_source_of
from epochal.readers import Source
from epochal.readers.edf_header import EdfHeader, SignalHeader, read_header
from epochal.readers.edf_samples import read_samples
from epochal.readers.edf_timeline import Timeline, read_timeline, times_of_lights
from epochal.readers.edf_units import measure_spread, needs_settling, parse_unit, settle_unit
from epochal.readers.hypnograms import (
    NOTHING_SCORED,
    SLEEP_STAGES,
    Hypnogram,
    StageMap,
    fit_to_signal,
    map_annotations,
    read_hypnogram,
)
from epochal.readers.label_attachment import attach_scorers
from epochal.readers.naming import name_recordings
from epochal.readers.scorers import Scorers, find_scorers, name_scorer
from epochal.readers.stages import GivenStages
from epochal.recording import Channel, Recording

SUFFIXES = (".edf", ".bdf", ".rec")


class Signals(BaseModel, extra="forbid", frozen=True):
    """How the signals of an EDF are read, whatever data set it belongs to."""

    channels: tuple[str, ...] = Field(
        (), description="Read only these channels, named as in the file; empty: all"
    )
    max_gap_ratio: float = Field(
        1.0, ge=0, description="Gaps (EDF+D) longer than so many times the data are refused"
    )
    implausible_amplitude: Literal["refuse", "leave out"] = Field(
        "refuse", description="What to do with a voltage that is plausible in no unit"
    )


class Options(Signals, Scorers, extra="forbid", frozen=True):
    """What to read of a folder of EDF files, and how."""

    pattern: str = Field("*", description="File names to read, e.g. `*-PSG.edf`")
    subject_pattern: str = Field(
        r"(sub-[A-Za-z0-9]+)",
        description="Regular expression whose first group, in the path below the folder, names the "
        "subject; without a match the file's name does",
    )
    hypnogram: str | None = Field(
        None,
        description="Name of the file beside it that holds the stages, `{stem}` standing for the "
        "recording's own name, e.g. `{stem}_stages.csv`; empty: annotations in the file itself",
    )
    stages: GivenStages = Field(
        SLEEP_STAGES, description="Each label of the hypnogram and its class; null: unscored"
    )
    epoch_s: float = Field(30.0, gt=0, description="Length of an epoch in hypnograms without times")


def find(folder: Path, options: Options) -> list[Source]:
    """List the EDF and BDF files below `folder`, each with its hypnogram if the options name one.

    The recording's id is the file's name, or its path below the folder where names repeat.
    """
    folder = Path(folder)
    paths = [
        path
        for path in sorted(folder.rglob(options.pattern))
        if path.suffix.lower() in SUFFIXES and not _is_hypnogram(path, options)
    ]
    if not paths:
        raise RecordingError(folder, f"no EDF or BDF file that matches '{options.pattern}' here")
    ids = name_recordings(folder, {path: path.stem for path in paths})
    return [Source(name, str(path), _companions(path, options)) for path, name in ids.items()]


def _is_hypnogram(path: Path, options: Options) -> bool:
    ending = (options.hypnogram or "").rpartition("{stem}")[2]
    if bool(ending) and path.name.endswith(ending):
        return True
    pattern = (options.scorers or "").replace("{stem}", "*")
    return fnmatchcase(path.name, pattern)  # an empty one fits nothing


def _companions(path: Path, options: Options) -> tuple[str, ...]:
    if options.scorers is not None:
        return tuple(map(str, find_scorers(path.parent, options.scorers, path.stem).values()))
    if options.hypnogram is None:
        return ()
    hypnogram = path.with_name(options.hypnogram.replace("{stem}", path.stem))
    return (str(hypnogram),) if hypnogram.is_file() else ()


def read(source: Source, options: Options) -> Recording:
    """Read one file: channels in native rates, voltages in uV, stages as annotations.

    Anything repaired is told in the recording's `problems`; what cannot be repaired raises
    `RecordingError` naming the file and the field.
    """
    hypnogram = None
    if source.companions and options.scorers is not None:
        hypnogram = NOTHING_SCORED  # by the file itself
    elif source.companions:
        hypnogram = read_hypnogram(
            source.companions[0], stages=options.stages, epoch_s=options.epoch_s
        )
    found = re.search(options.subject_pattern, source.path)
    recording = read_edf(
        source.path,
        recording_id=source.recording_id,
        subject_id=found[1] if found and found.groups() else source.recording_id,
        options=options,
        hypnogram=hypnogram,
        stages=options.stages,
    )
    if hypnogram is not NOTHING_SCORED or options.scorers is None:
        return recording
    stem = Path(source.path).stem
    return attach_scorers(
        recording,
        {name_scorer(Path(one), options.scorers, stem): Path(one) for one in source.companions},
        stages=options.stages,
        epoch_s=options.epoch_s,
        tolerance=math.inf,  # as one hypnogram: whatever does not fit is cut off and told
        ties=options.ties,
    )


def read_edf(
    path: str | Path,
    *,
    recording_id: str,
    subject_id: str,
    options: Signals | None = None,
    hypnogram: Hypnogram | None = None,
    stages: StageMap = SLEEP_STAGES,
    metadata: Mapping[str, Any] | None = None,
) -> Recording:
    """Read one file with a hypnogram from elsewhere, or else with its own annotations."""
    options = options or Signals()
    header = _mend_duration(read_header(path))
    timeline = read_timeline(header, max_gap_ratio=options.max_gap_ratio)
    channels, signal_problems = _read_channels(header, timeline, options)
    start = header.start + timedelta(seconds=timeline.offset_s) if header.start else None
    duration_s = _end_of(header, timeline)
    scored = hypnogram or map_annotations(timeline.annotations, stages=stages, path=path)
    annotations, fit_problems = fit_to_signal(
        scored, duration_s=duration_s, signal_start=start, path=path
    )
    off_s, on_s = times_of_lights(timeline.annotations)
    lights = {"lights_off_s": off_s, "lights_on_s": on_s}
    known = {"age": header.age, "sex": header.sex, **lights}
    known |= {"unscored_s": scored.unscored_s} if len(annotations) else {}
    return Recording(
        recording_id=recording_id,
        subject_id=subject_id,
        channels=tuple(channels),
        start=start,
        annotations=annotations,
        runs=tuple(
            (run.start_s, run.start_s + run.n_records * header.record_s) for run in timeline.runs
        ),
        metadata={k: v for k, v in known.items() if v is not None} | dict(metadata or {}),
        problems=(*header.problems, *timeline.problems, *signal_problems, *fit_problems),
        data_source="simulated" if header.says_simulated else data_source_of(path),
    )


def _mend_duration(header: EdfHeader) -> EdfHeader:
    """Free the records' duration of the rounding that the fastest signal's rate is freed of.

    Else runs of `0.333333` s end before their samples, and the last epoch is lost.
    """
    ordinary = [signal for signal in header.signals if not signal.is_annotation]
    fastest = max(ordinary, key=lambda signal: signal.n_samples, default=None)
    if fastest is None or header.sfreq(fastest) == fastest.n_samples / header.record_s:
        return header
    return replace(header, record_s=fastest.n_samples / header.sfreq(fastest))


def _end_of(header: EdfHeader, timeline: Timeline) -> float:
    last = timeline.runs[-1]
    return last.start_s + last.n_records * header.record_s


def _read_channels(
    header: EdfHeader, timeline: Timeline, options: Signals
) -> tuple[list[Channel], list[str]]:
    wanted, problems = _choose(header, options.channels)
    declared = [parse_unit(header.signals[index].unit) for index in wanted]
    arrays = read_samples(
        header, timeline.runs, wanted=wanted, factors=[scale.factor for scale in declared]
    )
    channels = []
    for index, data in zip(wanted, arrays, strict=True):
        signal = header.signals[index]
        try:
            unit = _settle(header, signal, data, problems)
            channels.append(Channel(signal.label, unit, header.sfreq(signal), data))
        except RecordingError as error:
            if options.implausible_amplitude == "refuse":
                raise
            problems.append(f"{error.reason}; the channel was left out")
    if not channels:
        raise RecordingError(header.path, "no channel is left: " + "; ".join(problems))
    return channels, problems


def _choose(header: EdfHeader, names: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return the signals to read, and a sentence for each that cannot be scaled."""
    ordinary = {s.label: i for i, s in enumerate(header.signals) if not s.is_annotation}
    for name in names:
        if name not in ordinary:
            raise RecordingError(header.path, f"no channel '{name}'{did_you_mean(name, ordinary)}")
    chosen = [index for name, index in ordinary.items() if not names or name in names]
    unusable = [index for index in chosen if header.signals[index].unusable]
    problems = [
        f"channel '{header.signals[index].label}' was left out: {header.signals[index].unusable}"
        for index in unusable
    ]
    if len(unusable) == len(chosen):
        reason = "; ".join(problems) or "it holds annotations only"
        raise RecordingError(header.path, f"no signal to read: {reason}")
    return [index for index in chosen if index not in unusable], problems


def _settle(header: EdfHeader, signal: SignalHeader, data: np.ndarray, problems: list[str]) -> str:
    """Bring a voltage to microvolts, in place, whose declared unit cannot be right."""
    sfreq, (unit, declared) = header.sfreq(signal), parse_unit(signal.unit)
    if not needs_settling(signal.label, unit, sfreq):
        return unit
    spread = measure_spread(data, sfreq)
    factor, sentence = settle_unit(
        header.path,
        name=signal.label,
        declared=signal.unit,
        raw_spread=None if spread is None else spread / declared,
        raw_half_range=abs(signal.physical[1] - signal.physical[0]) / 2,
    )
    if sentence:
        problems.append(sentence)
    if factor != declared:
        np.multiply(data, factor / declared, out=data)
    return "uV"
