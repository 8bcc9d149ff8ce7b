"""The text formats of hypnograms, each parsed to rows `(onset_s, duration_s or None, label)`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from epochal.errors import RecordingError
from epochal.readers.edf_fields import quote

Rows = list[tuple[float, float | None, str]]

COLUMNS = {
    "label": ("stage", "label", "trial_type", "sleep_stage", "stages", "value"),
    "onset": ("onset", "onset_s", "start", "start_s", "onset_seconds"),
    "duration": ("duration", "duration_s", "duration_seconds"),
    "epoch": ("epoch", "epoch_number", "epoch_index"),
}
MISSING = ("", "n/a", "nan")
PROFUSION_STAGES = {"6": "Movement time", "9": "Unscored"}  # the others are R & K's numbers


def parse_lines(path: Path, text: str, epoch_s: float) -> tuple[Rows, list[str]]:
    """Parse one stage per line; only the last lines may be blank."""
    lines = [line.strip() for line in text.rstrip().splitlines()]
    for number, line in enumerate(lines, start=1):
        if not line:
            raise RecordingError(path, f"line {number} is blank: an epoch without a stage?")
    return [(index * epoch_s, epoch_s, line) for index, line in enumerate(lines)], []


def parse_table(path: Path, text: str, epoch_s: float) -> tuple[Rows, list[str]]:
    """Parse `epoch,stage`, `onset,duration,stage` or BIDS events; columns are found by name."""
    table = _split_table(path, text)
    names = [name.strip().lower() for name in table[0]]
    columns = {what: _find_column(names, known) for what, known in COLUMNS.items()}
    if columns["label"] is None or (columns["onset"] is None and columns["epoch"] is None):
        raise RecordingError(
            path,
            f"the columns {quote(', '.join(names))} hold no stages; needed are 'epoch, stage' or "
            "'onset, duration, stage'",
        )
    body = table[1:]
    labels = [row[columns["label"]].strip() for row in body]
    if columns["onset"] is None:
        return _from_epochs(path, _numbers(path, body, columns["epoch"], "epoch"), labels, epoch_s)
    onsets = _numbers(path, body, columns["onset"], "onset")
    durations: Sequence[float | None] = [epoch_s] * len(body)
    if columns["duration"] is not None:
        durations = _numbers(path, body, columns["duration"], "duration", may_miss=True)
    timed = [math.nan if onset is None else onset for onset in onsets]
    return list(zip(timed, durations, labels, strict=True)), []


def _split_table(path: Path, text: str) -> list[list[str]]:
    """Cut a table at whichever of comma, semicolon or tab its first line has most of."""
    first = text.lstrip().splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    try:
        table = [row for row in csv.reader(io.StringIO(text.lstrip()), delimiter=delimiter) if row]
    except csv.Error as error:
        raise RecordingError(path, f"not a table ({error})") from error
    for number, row in enumerate(table, start=1):
        if len(row) != len(table[0]):
            raise RecordingError(
                path, f"row {number} has {len(row)} columns, the first has {len(table[0])}"
            )
    return table


def _find_column(names: Sequence[str], known: Sequence[str]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _numbers(
    path: Path, rows: list[list[str]], column: int | None, name: str, *, may_miss: bool = False
) -> list[float | None]:
    values: list[float | None] = []
    for number, row in enumerate(rows, start=2):
        given = row[column or 0].strip()
        if may_miss and given.lower() in MISSING:
            values.append(None)
            continue
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise RecordingError(path, f"row {number}: the field '{name}' holds {quote(given)}")
        values.append(value)
    return values


def _from_epochs(
    path: Path, epochs: Sequence[float | None], labels: Sequence[str], epoch_s: float
) -> tuple[Rows, list[str]]:
    """Place epochs by number; the first is 0 or, where none is 0, 1."""
    numbers = [math.nan if epoch is None else epoch for epoch in epochs]
    first = min(numbers, default=math.nan)
    if first not in (0, 1) or any(number != int(number) for number in numbers):
        raise RecordingError(
            path, f"the field 'epoch' begins at {first:g}; whole numbers from 0 or 1 are needed"
        )
    problems = ["epochs are counted from 1"] if first == 1 else []
    return [
        ((number - first) * epoch_s, epoch_s, label)
        for number, label in zip(numbers, labels, strict=True)
    ], problems  # fmt: skip


def parse_xml(path: Path, text: str, epoch_s: float) -> tuple[Rows, list[str]]:
    """Parse NSRR's annotations (scored events with a concept) or Compumedics Profusion's stages."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise RecordingError(path, "an XML file with a document type; none is expanded here")
    try:
        body = text.split("?>", 1)[-1] if text.startswith("<?xml") else text
        root = ElementTree.fromstring(body)  # nosec B314
    except ElementTree.ParseError as error:
        raise RecordingError(path, f"not XML ({error})") from error
    rows = _parse_profusion(path, root, epoch_s) or _parse_nsrr(path, root)
    if not rows:
        raise RecordingError(
            path, "neither NSRR's 'ScoredEvent' of type 'Stages' nor Profusion's 'SleepStage' in it"
        )
    return rows, []


def _parse_profusion(path: Path, root: ElementTree.Element, epoch_s: float) -> Rows:
    given = root.findtext("EpochLength")
    length_s = epoch_s if given is None else _xml_number(path, given, "EpochLength")
    codes = [(stage.text or "").strip() for stage in root.iterfind("SleepStages/SleepStage")]
    return [
        (index * length_s, length_s, PROFUSION_STAGES.get(code, f"Stage {code}"))
        for index, code in enumerate(codes)
    ]


def _parse_nsrr(path: Path, root: ElementTree.Element) -> Rows:
    """Take `Wake|0`, `Stage 1 sleep|1` … of the events whose type begins with `Stages`."""
    rows: Rows = []
    for event in root.iter("ScoredEvent"):
        if (event.findtext("EventType") or "").startswith("Stages"):
            onset, duration = (
                _xml_number(path, event.findtext(field) or "", field)
                for field in ("Start", "Duration")
            )
            label = (event.findtext("EventConcept") or "").partition("|")[0]
            rows.append((onset, duration, label))
    return rows


def _xml_number(path: Path, given: str, field: str) -> float:
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise RecordingError(
            path, f"the field '{field}' holds {quote(given)}, not a time in seconds"
        )
    return value
