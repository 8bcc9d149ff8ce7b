"""Hypnograms from files: EDF+ annotations, CSV, TSV, BIDS events, plain text, NSRR, Profusion.

All become stretches `onset_s, duration_s, label` with a study's class names; what nobody scored is
left out and counted. A label that the stage map does not hold is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from epochal.errors import RecordingError
from epochal.readers.edf_fields import quote
from epochal.readers.edf_header import read_header
from epochal.readers.edf_timeline import Annotation, find_lights, read_annotations
from epochal.readers.hypnogram_files import Rows, parse_lines, parse_table, parse_xml
from epochal.readers.stages import (
    SLEEP_STAGES,
    StageMap,
    check_number_four,
    find_stage,
    look_up_stage,
    looks_like_stage,
)
from epochal.recording import ANNOTATION_COLUMNS

Stretch = tuple[float, float, str]
OVERLAP_S = 1.0  # stretches that overlap by more contradict each other
DAY_S = 86400.0
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
CLOSE_S = 1e-3  # rounding of times in text
# the first annotation of a hypnogram that Epochal wrote: who scored it, and what the data are
OWN_MARK = re.compile(r"Epochal .*\bdata: (\w+)")


class Hypnogram(NamedTuple):
    """Scored stretches, and what else is known of the scoring.

    `stages` has the columns `onset_s, duration_s, label`, sorted and without overlaps. `start_s`
    and `end_s` bound all that the file speaks of, in seconds from `starts_at` where the file has
    a clock; `unscored_s` of it hold no stage.
    """

    stages: pd.DataFrame
    unscored_s: float = 0.0
    start_s: float = 0.0
    end_s: float = 0.0
    starts_at: datetime | None = None
    problems: tuple[str, ...] = ()


def read_hypnogram(
    path: str | Path, *, stages: StageMap = SLEEP_STAGES, epoch_s: float = 30.0
) -> Hypnogram:
    """Read a hypnogram by its file's ending: `.edf .bdf .csv .tsv .txt .xml` and the like.

    `epoch_s` is the length of an epoch where the file names none. A file that is not one of these,
    or holds no stage, raises `RecordingError`.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in (".edf", ".bdf"):
        return _read_edf_hypnogram(path, stages, epoch_s)
    if suffix not in PARSERS:
        allowed = ", ".join((".edf", ".bdf", *PARSERS))
        raise RecordingError(path, f"no hypnogram format ends in '{suffix}'; known are {allowed}")
    return parse_hypnogram(path, read_text(path), stages=stages, epoch_s=epoch_s)


def parse_hypnogram(
    path: Path, text: str, *, stages: StageMap = SLEEP_STAGES, epoch_s: float = 30.0
) -> Hypnogram:
    """Return the hypnogram in a file's text, by the file's ending."""
    rows, problems = PARSERS[path.suffix.lower()](path, text, epoch_s)
    check_number_four([label for _, _, label in rows], stages, path)
    return _arrange(rows, stages=stages, path=path, epoch_s=epoch_s, problems=problems)


PARSERS: dict[str, Callable[[Path, str, float], tuple[Rows, list[str]]]] = {
    ".csv": parse_table,
    ".tsv": parse_table,
    ".txt": parse_lines,
    ".hyp": parse_lines,
    ".xml": parse_xml,
}


def read_text(path: Path) -> str:
    """Return a file's text, UTF-8, UTF-16 or Latin-1; one that holds none is refused."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})") from error
    if b"\0" in raw and raw[:2] not in UTF_16_MARKS:
        raise RecordingError(path, "not a text file: it holds zero bytes")
    try:
        text = raw.decode("utf-16" if raw[:2] in UTF_16_MARKS else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if not text.strip():
        raise RecordingError(path, "the file is empty")
    return text


def _read_edf_hypnogram(path: Path, stages: StageMap, epoch_s: float) -> Hypnogram:
    header = read_header(path)
    marks, mark_problems = read_annotations(header)
    if not marks:
        raise RecordingError(path, "no annotations, so no hypnogram")
    stages_alone = [m for m in marks if not find_lights(m) and not OWN_MARK.match(m.text)]
    rows: Rows = [(m.onset_s, m.duration_s, m.text) for m in stages_alone]
    check_number_four([m.text for m in stages_alone], stages, path)
    problems = [*header.problems, *mark_problems]
    hypnogram = _arrange(rows, stages=stages, path=path, epoch_s=epoch_s, problems=problems)
    return hypnogram._replace(starts_at=header.start)


def map_annotations(
    annotations: Sequence[Annotation], *, stages: StageMap, path: str | Path
) -> Hypnogram:
    """Take the stages from a recording's own annotations; other remarks are passed over.

    A remark that calls itself a sleep stage and is none raises `RecordingError`. Under the standard
    map, bare numbers and single letters are no stages unless words such as `N2` stand beside them:
    they are what stimuli and buttons leave behind.
    """
    marks = [m for m in annotations if looks_like_stage(m.text) or find_stage(m.text, stages)[0]]
    if stages == SLEEP_STAGES:
        marks = [mark for mark in marks if not mark.text.strip().lstrip("+-").isdigit()]
        if not any(len(m.text.strip()) > 1 and find_stage(m.text, stages)[1] for m in marks):
            marks = [mark for mark in marks if looks_like_stage(mark.text)]
    if not marks:
        return NOTHING_SCORED
    rows: Rows = [(mark.onset_s, mark.duration_s, mark.text) for mark in marks]
    return _arrange(rows, stages=stages, path=path, epoch_s=30.0, problems=[])


def _arrange(
    rows: Rows, *, stages: StageMap, path: str | Path, epoch_s: float, problems: list[str]
) -> Hypnogram:
    """Sort rows, settle missing durations and overlaps, and map labels to classes."""
    if not rows:
        raise RecordingError(path, "holds no stages")
    if not np.isfinite([onset for onset, _, _ in rows]).all():
        raise RecordingError(path, "the field 'onset' holds something that is no time")
    ordered = _fill_durations(sorted(rows, key=lambda row: row[0]), path, epoch_s, problems)
    classes = [look_up_stage(label, stages, path) for _, _, label in ordered]
    scored = [
        (onset, length, stage)
        for (onset, length, _), stage in zip(ordered, classes, strict=True)
        if stage is not None
    ]
    frame = _to_frame(_cut_overlaps(scored, path, problems))
    start_s, end_s = ordered[0][0], max(onset + length for onset, length, _ in ordered)
    return Hypnogram(
        stages=frame,
        unscored_s=round(end_s - start_s - float(frame["duration_s"].sum()), 6),
        start_s=start_s,
        end_s=end_s,
        problems=tuple(f"hypnogram: {problem}" for problem in problems),
    )


def _fill_durations(
    rows: Rows, path: str | Path, epoch_s: float, problems: list[str]
) -> list[Stretch]:
    """Let each row without a duration last until the next one begins, the last for an epoch."""
    filled, n_missing = [], 0
    for index, (onset, duration, label) in enumerate(rows):
        if duration is not None and not 0 <= duration < np.inf:
            raise RecordingError(path, f"{quote(label)} at {onset:g} s lasts {duration:g} s")
        if not duration:
            n_missing += 1
            duration = rows[index + 1][0] - onset if index + 1 < len(rows) else epoch_s
        filled.append((onset, duration, label))
    if n_missing:
        problems.append(f"{n_missing} stages had no duration; each lasts until the next")
    return filled


def _cut_overlaps(rows: list[Stretch], path: str | Path, problems: list[str]) -> list[Stretch]:
    """Cut stages that reach a little into the next; a longer overlap contradicts itself."""
    cut, n_cut = [], 0
    for index, (onset, length, stage) in enumerate(rows):
        following = rows[index + 1] if index + 1 < len(rows) else (np.inf, 0.0, "")
        overlap = onset + length - following[0]
        if overlap > OVERLAP_S:
            raise RecordingError(
                path,
                f"{stage} at {onset:g} s, {length:g} s long, overlaps {following[2]} at "
                f"{following[0]:g} s",
            )
        n_cut += overlap > CLOSE_S
        cut.append((onset, length - max(overlap, 0.0), stage))
    if n_cut:
        problems.append(f"{n_cut} stages reached into the next by up to {OVERLAP_S:g} s; cut")
    return cut


def _to_frame(rows: Sequence[tuple[float, float, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=ANNOTATION_COLUMNS)
    return frame.astype({"onset_s": float, "duration_s": float, "label": str})


NOTHING_SCORED = Hypnogram(_to_frame([]))


def fit_to_signal(
    hypnogram: Hypnogram,
    *,
    duration_s: float,
    signal_start: datetime | None,
    path: str | Path,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the stages on the signal's own clock, cut to its length, and what had to be done.

    A hypnogram that begins at another time is shifted by the difference of the two start times;
    what lies before or after the signal is cut off. One wholly outside raises `RecordingError`.
    """
    problems = list(hypnogram.problems)
    if not len(hypnogram.stages):
        return hypnogram.stages, problems
    offset_s = _find_offset(hypnogram, signal_start, duration_s, problems)
    frame = hypnogram.stages.assign(onset_s=hypnogram.stages["onset_s"] + offset_s)
    starts = frame["onset_s"].clip(lower=0.0)
    ends = (frame["onset_s"] + frame["duration_s"]).clip(upper=duration_s)
    kept = ends - starts > CLOSE_S
    if not kept.any():
        raise RecordingError(
            path,
            f"the hypnogram ({frame['onset_s'].iloc[0]:g} to {(hypnogram.end_s + offset_s):g} s) "
            f"lies outside the signal (0 to {duration_s:g} s)",
        )
    problems += _describe_misfit(frame, hypnogram, offset_s, duration_s)
    fitted = frame.assign(onset_s=starts, duration_s=ends - starts)[kept]
    return fitted.reset_index(drop=True), problems


def _find_offset(
    hypnogram: Hypnogram, signal_start: datetime | None, duration_s: float, problems: list[str]
) -> float:
    """Return by how many seconds the hypnogram's clock starts after the signal's.

    Dates that lie whole days apart (Sleep-EDFx ST7071 has both 25 and 26 July in one header) are
    an error of the date; times of day are believed. EDF has no time zone, so that clocks on the
    wall are compared.
    """
    if hypnogram.starts_at is None or signal_start is None:
        return 0.0
    apart_s = (hypnogram.starts_at - signal_start.replace(tzinfo=None)).total_seconds()
    of_day_s = (apart_s + DAY_S / 2) % DAY_S - DAY_S / 2
    by_day = abs(of_day_s) < CLOSE_S or abs(apart_s) >= duration_s
    offset_s = of_day_s if by_day else apart_s
    if abs(apart_s - offset_s) > CLOSE_S:
        days = abs(apart_s - offset_s) / DAY_S
        problems.append(f"the hypnogram's date is {days:g} days off; the times of day are used")
    if abs(offset_s) > CLOSE_S:
        side = "after" if offset_s > 0 else "before"
        problems.append(
            f"the hypnogram's clock starts {abs(offset_s):g} s {side} the signal's; it was shifted"
        )
    return offset_s


def _describe_misfit(
    frame: pd.DataFrame, hypnogram: Hypnogram, offset_s: float, duration_s: float
) -> list[str]:
    """Say which part of signal or scoring has no counterpart; unscored ends need no counterpart."""
    first_s, last_s = frame["onset_s"].min(), (frame["onset_s"] + frame["duration_s"]).max()
    covered_s = hypnogram.end_s + offset_s
    found = {
        "stages {:g} s before the signal begins were cut off": -first_s,
        "stages {:g} s past the signal's end were cut off": last_s - duration_s,
        "the hypnogram begins {:g} s after the signal": hypnogram.start_s + offset_s,
        "the hypnogram ends {:g} s before the signal": duration_s - covered_s,
    }
    return [text.format(round(by, 3)) for text, by in found.items() if by > OVERLAP_S]
