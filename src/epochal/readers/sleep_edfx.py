"""Sleep-EDF Expanded: nights `SC4ssN??-PSG.edf` and `ST7ssN??-PSG.edf` with their hypnograms.

Layout and coding as in PhysioNet's `sleep-edfx/1.0.0`, doi:10.13026/C2X676. The stages are those
of Rechtschaffen and Kales under the AASM's names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field

from epochal.errors import RecordingError
from epochal.readers import Source
from epochal.readers.edf import Signals, read_edf
from epochal.readers.hypnograms import read_hypnogram
from epochal.readers.stages import StageMap
from epochal.recording import Recording

SUBSETS = {"cassette": "SC4", "telemetry": "ST7"}
NIGHT = re.compile(r"(SC4|ST7)\d\d\d")  # subset, subject, night: what pairs the two files
PSG, HYPNOGRAM = "-PSG.edf", "-Hypnogram.edf"
STAGES: StageMap = {
    "Sleep stage W": "W",
    "Sleep stage 1": "N1",
    "Sleep stage 2": "N2",
    "Sleep stage 3": "N3",
    "Sleep stage 4": "N3",
    "Sleep stage R": "REM",
    "Sleep stage ?": None,
    "Movement time": None,
}
DAY_S = 86400.0
LATE_START_S = 3600.0  # lights that seem to go off 23 h after the start went off just before it


class Options(Signals, extra="forbid", frozen=True):
    """What to read of the data set, and how."""

    subset: Literal["all", "cassette", "telemetry"] = Field(
        "all", description="Nights at home (SC), those in hospital with temazepam or placebo (ST)"
    )
    subjects: tuple[str, ...] = Field((), description="Read only these, e.g. SC400; empty: all")
    require_hypnogram: bool = Field(
        False, description="Refuse a night without a hypnogram; else it has no annotations"
    )
    lights_off_table: Path | None = Field(
        None,
        description="CSV with the columns `filename` (SC4001E0-PSG) and `LightsOff` (HH:MM:SS)",
    )


def find(folder: Path, options: Options) -> list[Source]:
    """List the nights below `folder` in order, with hypnogram and table of lights off if any.

    A subject that is asked for and missing, or a night with two hypnograms, raises
    `RecordingError`.
    """
    folder = Path(folder)
    nights = _collect(folder, PSG)
    prefix = SUBSETS.get(options.subset, "S")
    kept = {
        night: paths
        for night, paths in nights.items()
        if night.startswith(prefix) and (not options.subjects or night[:5] in options.subjects)
    }
    missing = sorted(set(options.subjects) - {night[:5] for night in kept})
    if missing or not kept:
        raise RecordingError(
            folder, f"no SC4ssN??-PSG.edf or ST7ssN??-PSG.edf of {', '.join(missing) or prefix}"
        )
    hypnograms = _collect(folder, HYPNOGRAM)
    return [
        _pair(_only(paths), hypnograms.get(night, []), options) for night, paths in kept.items()
    ]


def _collect(folder: Path, ending: str) -> dict[str, list[Path]]:
    """Group the files with an ending by night, sorted."""
    found = defaultdict(list)
    for path in sorted(folder.rglob(f"*{ending}"), key=lambda path: path.name):
        if NIGHT.match(path.name):
            found[path.name[:6]].append(path)
    return found


def _only(paths: list[Path]) -> Path:
    if len(paths) > 1:
        raise RecordingError(paths[0], f"a second file of the same night: {paths[1]}")
    return paths[0]


def _pair(path: Path, hypnograms: list[Path], options: Options) -> Source:
    if not hypnograms and options.require_hypnogram:
        raise RecordingError(path, f"no hypnogram {path.name[:6]}??{HYPNOGRAM} with it")
    table = options.lights_off_table
    companions = [_only(hypnograms)] if hypnograms else []
    companions += [table] if table is not None else []
    return Source(path.name.removesuffix(PSG), str(path), tuple(map(str, companions)))


def read(source: Source, options: Options) -> Recording:
    """Read one night: channels in native rates, stages W, N1, N2, N3 and REM.

    Movement time and `?` are unscored (`unscored_s` in the metadata); age and sex come from the
    header, the time of lights off from the table if the options name one.
    """
    name = Path(source.path).name
    scored = next((one for one in source.companions if one.endswith(HYPNOGRAM)), None)
    recording = read_edf(
        source.path,
        recording_id=source.recording_id,
        subject_id=name[:5],
        options=options,
        hypnogram=None if scored is None else read_hypnogram(scored, stages=STAGES),
        stages=STAGES,
        metadata={"night": int(name[5]), "subset": "cassette" if name[:2] == "SC" else "telemetry"},
    )
    if options.lights_off_table is None:
        return recording
    return _add_lights_off(recording, options.lights_off_table, name.removesuffix(".edf"))


def _add_lights_off(recording: Recording, table: Path, filename: str) -> Recording:
    """Add `lights_off_s` if the table has the night; negative where it lies before the start."""
    at = _look_up_lights_off(table, filename)
    if at is None or recording.start is None:
        return recording
    off = datetime.combine(recording.start.date(), at)
    seconds = (off - recording.start).total_seconds() % DAY_S
    seconds -= DAY_S if seconds > DAY_S - LATE_START_S else 0.0
    return replace(recording, metadata={**recording.metadata, "lights_off_s": seconds})


def _look_up_lights_off(table: Path, filename: str) -> time | None:
    try:
        rows = pd.read_csv(table, dtype=str)
    except (OSError, ValueError) as error:
        raise RecordingError(
            table, f"not a readable table of lights-off times ({error})"
        ) from error
    if not {"filename", "LightsOff"} <= set(rows.columns):
        raise RecordingError(
            table, f"lacks 'filename' or 'LightsOff'; it has: {list(rows.columns)}"
        )
    given = rows.loc[rows["filename"] == filename, "LightsOff"].dropna()
    if given.empty:
        return None
    try:
        return time.fromisoformat(given.iloc[0])
    except ValueError as error:
        raise RecordingError(table, f"{filename}: 'LightsOff' holds '{given.iloc[0]}'") from error
