"""EDF+'s time: annotations, the time of each data record, and the gaps between records (EDF+D)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from epochal.errors import RecordingError
from epochal.readers.edf_header import EdfHeader

LARGEST_TIME_S = 1e9
JITTER = 0.01  # of a record's duration: as far as a record may lie from its time
SHOWN = 5  # gaps spelled out in a message

_LIGHTS = re.compile(r"lights?[\s_-]*(off|out|on)\b", re.IGNORECASE)
_TAL = re.compile(rb"([+-]?\d{1,10}(?:[.,]\d*)?)(?:\x15(\d{1,10}(?:[.,]\d*)?))?\x14(.*)", re.DOTALL)


class Annotation(NamedTuple):
    """One text of EDF+, in seconds from the file's start; without a duration it is a moment."""

    onset_s: float
    duration_s: float | None
    text: str


class Run(NamedTuple):
    """Data records that follow each other without a gap."""

    first_record: int
    n_records: int
    start_s: float


@dataclass(frozen=True)
class Timeline:
    """Where the data records lie: times count from the first one, `offset_s` after the header's.

    `annotations` count from the first record too.
    """

    offset_s: float
    runs: tuple[Run, ...]
    annotations: tuple[Annotation, ...]
    problems: tuple[str, ...]


def find_lights(annotation: Annotation) -> str | None:
    """Say whether an annotation marks the lights going `off` or `on`."""
    match = _LIGHTS.search(annotation.text)
    if match is None:
        return None
    return "on" if match[1].lower() == "on" else "off"


def times_of_lights(
    annotations: Iterable[Annotation],
) -> tuple[float | None, float | None]:
    """Return when the lights first go off, and when on after that: at hook-up they are on too."""
    marks = sorted((mark.onset_s, find_lights(mark)) for mark in annotations if find_lights(mark))
    off_s = next((at for at, which in marks if which == "off"), None)
    ons_s = (at for at, which in marks if which == "on" and (off_s is None or at > off_s))
    return off_s, next(ons_s, None)


def read_timeline(header: EdfHeader, *, max_gap_ratio: float) -> Timeline:
    """Read annotations and record times; times that cannot be believed raise `RecordingError`.

    Gaps that add up to more than `max_gap_ratio` times what was recorded are refused, with their
    lengths: filled in, they would take more memory than the recording.
    """
    problems: list[str] = []
    annotations, onsets_s = _read_annotations(header, problems)
    runs = find_runs(header, onsets_s, problems)
    _check_gaps(header, runs, max_gap_ratio, problems)
    offset_s = runs[0].start_s
    return Timeline(
        offset_s,
        tuple(run._replace(start_s=run.start_s - offset_s) for run in runs),
        tuple(mark._replace(onset_s=mark.onset_s - offset_s) for mark in annotations),
        tuple(problems),
    )


def read_annotations(header: EdfHeader) -> tuple[list[Annotation], list[str]]:
    """Return a file's annotations, in seconds from the header's start, and what was wrong."""
    problems: list[str] = []
    return _read_annotations(header, problems)[0], problems


def parse_annotations(raw: bytes) -> tuple[list[Annotation], int]:
    """Decode one record's time-stamped annotation lists; return them and how many failed."""
    annotations, n_unreadable = [], 0
    for chunk in filter(None, raw.rstrip(b"\0").split(b"\0")):
        match = _TAL.fullmatch(chunk)
        if match is None:
            n_unreadable += 1
            continue
        duration_s = _seconds(match[2]) if match[2] else None
        for text in match[3].removesuffix(b"\x14").split(b"\x14"):
            decoded = _decode(text)
            annotations.append(Annotation(_seconds(match[1]), duration_s, decoded))
    return annotations, n_unreadable


def _seconds(raw: bytes) -> float:
    return float(raw.replace(b",", b"."))


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _read_annotations(
    header: EdfHeader, problems: list[str]
) -> tuple[list[Annotation], list[float | None]]:
    """Return all texts, and each record's time (None where it cannot be read)."""
    places = _annotation_places(header)
    annotations: list[Annotation] = []
    onsets_s: list[float | None] = []
    n_unreadable = 0
    with header.path.open("rb") as file:
        for record in range(header.n_records if places else 0):
            start = header.n_bytes + record * header.record_bytes
            for index, (offset, n_bytes) in enumerate(places):
                file.seek(start + offset)
                found, n_failed = parse_annotations(file.read(n_bytes))
                n_unreadable += n_failed
                annotations.extend(mark for mark in found if mark.text)
                if index == 0:
                    # Its first entry, with an empty text, keeps the record's time.
                    onsets_s.append(found[0].onset_s if found and not found[0].text else None)
    if n_unreadable:
        problems.append(f"{n_unreadable} annotations could not be read and were left out")
    return annotations, onsets_s


def _annotation_places(header: EdfHeader) -> list[tuple[int, int]]:
    """List `(offset, bytes)` within a record of the signals that hold annotations."""
    places, offset = [], 0
    for signal in header.signals:
        n_bytes = signal.n_samples * header.bytes_per_sample
        if signal.is_annotation and n_bytes:
            places.append((offset, n_bytes))
        offset += n_bytes
    return places


def find_runs(
    header: EdfHeader, onsets_s: Sequence[float | None], problems: list[str]
) -> tuple[Run, ...]:
    """Split the records where their times leave a gap.

    In a file marked discontinuous (EDF+D) every record needs a time, times must not run backwards,
    and small gaps count once they have added up; in any other such times are reported, small gaps
    are taken for a clock's drift, and the records follow each other.
    """
    whole = Run(0, header.n_records, _first_onset(onsets_s))
    doubt = _find_doubt(onsets_s, header.record_s)
    discontinuous = header.subtype.endswith("+D")
    if discontinuous:
        if not onsets_s:
            raise RecordingError(header.path, "discontinuous (EDF+D), but no record has a time")
        if doubt:
            raise RecordingError(header.path, f"discontinuous (EDF+D), but {doubt}")
    elif doubt:
        problems.append(f"{doubt}; the records are taken to follow each other")
        return (whole,)
    times_s = [onset for onset in onsets_s if onset is not None]
    if not times_s:
        return (whole,)
    runs = _split(times_s, header.record_s, adding_up=discontinuous)
    _note_drift(runs, times_s, header.record_s, problems)
    return runs


def _first_onset(onsets_s: Sequence[float | None]) -> float:
    first = onsets_s[0] if onsets_s else None
    return first if first is not None and 0 <= first < 1 else 0.0


def _find_doubt(onsets_s: Sequence[float | None], record_s: float) -> str:
    """Say what is wrong with the records' times, or nothing."""
    known_s = [onset for onset in onsets_s if onset is not None]
    if len(known_s) < len(onsets_s):
        return f"the time of data record {list(onsets_s).index(None) + 1} cannot be read"
    for index, (first, second) in enumerate(pairwise(known_s)):
        if second < first + record_s * (1 - JITTER):
            return (
                f"data record {index + 2} begins at {second:g} s, before the end of the one "
                f"before it ({first + record_s:g} s)"
            )
    if known_s and max(map(abs, known_s)) > LARGEST_TIME_S:
        return "the times of its data records are out of all proportion"
    return ""


def _split(onsets_s: Sequence[float], record_s: float, *, adding_up: bool) -> tuple[Run, ...]:
    """Begin a run where a record is late: after its run's first one, or after the one before it."""
    firsts = [0]
    for index in range(1, len(onsets_s)):
        before = firsts[-1] if adding_up else index - 1
        if onsets_s[index] > onsets_s[before] + record_s * (index - before + JITTER):
            firsts.append(index)
    ends = [*firsts[1:], len(onsets_s)]
    return tuple(
        Run(first, end - first, onsets_s[first]) for first, end in zip(firsts, ends, strict=True)
    )


def _note_drift(
    runs: Sequence[Run], onsets_s: Sequence[float], record_s: float, problems: list[str]
) -> None:
    drifts_s = [
        onsets_s[run.first_record + index] - (run.start_s + index * record_s)
        for run in runs
        for index in range(run.n_records)
    ]
    largest_s = max(drifts_s, key=abs)
    if abs(largest_s) > JITTER * record_s:
        problems.append(
            f"the times of its data records come to be {abs(largest_s):.3g} s "
            f"{'late' if largest_s > 0 else 'early'}; the sampling rate is believed"
        )


def _check_gaps(
    header: EdfHeader, runs: Sequence[Run], max_gap_ratio: float, problems: list[str]
) -> None:
    gaps = [
        (first.start_s + first.n_records * header.record_s, second.start_s)
        for first, second in pairwise(runs)
    ]
    if not gaps:
        return
    total_s = sum(end - start for start, end in gaps)
    recorded_s = header.n_records * header.record_s
    shown = ", ".join(
        f"{end - start:g} s at {start - runs[0].start_s:g} s" for start, end in gaps[:SHOWN]
    )
    more = f" and {len(gaps) - SHOWN} more" if len(gaps) > SHOWN else ""
    if total_s > max_gap_ratio * recorded_s:
        raise RecordingError(
            header.path,
            f"its gaps ({shown}{more}) add up to {total_s:g} s beside {recorded_s:g} s of data; "
            f"at most {max_gap_ratio:g} times the data are filled in",
        )
    marked = "" if header.subtype.endswith("+D") else ", though it is not marked as discontinuous"
    problems.append(
        f"{len(gaps)} gaps{marked}: {shown}{more}; NaN stands there and the runs are split"
    )
