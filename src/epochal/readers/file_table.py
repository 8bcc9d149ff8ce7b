"""A table of recordings: where each file is, whose it is, its labels and whatever else is known.

Columns: `recording` and `path`; if wanted `subject`, `labels` (a label file; of
several scorers, a pattern with one `*`) or `label` (one label
for the whole recording). All others become metadata. Each file is read by the reader that fits its
ending, so EDF, BDF, MAT, BrainVision, EEGLAB and E4 may stand in one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from epochal.errors import RecordingError
from epochal.readers import Source, reader, reader_of
from epochal.readers.label_attachment import attach_file, attach_labels, check_length
from epochal.readers.mat_signals import find_epoch_length, load_variables, read_codes
from epochal.readers.naming import safe_name
from epochal.readers.parquet import read_parquet
from epochal.readers.participants import find_lights, read_start, tidy_facts
from epochal.readers.parts import parts_of
from epochal.readers.scorers import Ties, combine, find_scorers, name_scorer
from epochal.readers.stage_maps import AsWritten, Unrefusing, from_codes
from epochal.readers.stages import GivenStages, StageMap, UnknownLabels
from epochal.recording import Recording

TABLES = ("recordings.csv", "recordings.tsv", "recordings.parquet")
OF_THE_TABLE = ("recording", "path", "subject", "labels", "label")
OF_THE_START = ("start_utc", "utc_offset_h", "lights_on", "lights_off")


class Options(Ties, extra="forbid", frozen=True, coerce_numbers_to_str=True):
    """Which table to read, and what its labels mean."""

    table: str | None = Field(
        None, description=f"The table's name in the folder; null: {', '.join(TABLES)}"
    )
    stages: GivenStages | None = Field(
        None, description="Each label and its class, null: unscored; by default labels stay"
    )
    unknown_labels: UnknownLabels = "refuse"
    epoch_s: float = Field(30.0, gt=0, description="Length of an epoch in labels without times")
    length_tolerance: float = Field(
        0.05,
        ge=0,
        description="One label per epoch that is off the signals' length by a larger share is "
        "refused; smaller differences are reported",
    )
    require_labels: bool = Field(False, description="Refuse a recording that has no labels")
    reader_options: dict[str, dict[str, Any]] = Field(
        {}, description="`{reader: its options}`, e.g. `{rodent: {sfreq: 128}}`"
    )


def find(folder: Path, options: Options) -> list[Source]:
    """List the recordings of the table; each file must be there and each name be its own."""
    table = _find_table(Path(folder), options)
    rows = read_table(table)
    paths = {name: _resolve(table, name, row["path"]) for name, row in rows.items()}
    return [
        Source(name, str(path), _companions(table, rows[name], path))
        for name, path in paths.items()
    ]


def _find_table(folder: Path, options: Options) -> Path:
    if folder.is_file():
        return folder
    names = TABLES if options.table is None else (options.table,)
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise RecordingError(folder, f"no table of recordings here: {', '.join(names)}")
    if len(found) > 1:
        raise RecordingError(
            folder, f"several tables of recordings: {', '.join(path.name for path in found)}"
        )
    return found[0]


def read_table(table: str | Path) -> dict[str, dict[str, Any]]:
    """Read a CSV, TSV or parquet table as `{recording: row}`, rows in the table's order.

    Raises `RecordingError` for a missing column, an empty cell in `recording` or `path`, a name
    that would not do for a file, and one that stands twice.
    """
    frame = _load(Path(table))
    for column in ("recording", "path"):
        if column not in frame:
            given = ", ".join(map(str, frame.columns))
            raise RecordingError(table, f"no column '{column}'; it has: {given}")
    rows: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(frame.to_dict("records"), start=1):
        known = {str(k): v for k, v in row.items() if not (pd.isna(v) or str(v).strip() == "")}
        _check_row(table, number, known, rows)
        rows[str(known["recording"])] = known
    if not rows:
        raise RecordingError(table, "the table has no rows")
    return rows


def _check_row(
    table: str | Path, number: int, row: Mapping[str, Any], seen: Mapping[str, Any]
) -> None:
    for column in ("recording", "path"):
        if column not in row:
            raise RecordingError(table, f"row {number}: '{column}' is empty")
    name = str(row["recording"])
    if name != safe_name(name):
        raise RecordingError(
            table,
            f"row {number}: the recording '{name}' cannot name a file; '{safe_name(name)}' could",
        )
    if name in seen:
        raise RecordingError(table, f"row {number}: the recording '{name}' is there already")
    if "labels" in row and "label" in row:
        raise RecordingError(table, f"row {number}: both 'labels' and 'label'; give one of them")


def _load(table: Path) -> pd.DataFrame:
    if table.suffix.lower() == ".parquet":
        return read_parquet(table)
    separator = {".csv": ",", ".tsv": "\t"}.get(table.suffix.lower())
    if separator is None:
        raise RecordingError(table, f"a table ends in .csv, .tsv or .parquet, not {table.suffix}")
    try:
        return pd.read_csv(table, sep=separator, dtype=str, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise RecordingError(table, f"not a readable table ({error})") from error


def _resolve(table: Path, recording: str, name: object) -> Path:
    """Return a file of the table, relative to the table's own folder."""
    path = table.parent / str(name)
    if not path.exists():
        raise RecordingError(table, f"'{recording}': there is no '{name}'")
    return path


def _companions(table: Path, row: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    return tuple(map(str, (table, *_label_files(table, row), *parts_of(path))))


def _label_files(table: Path, row: Mapping[str, Any]) -> list[Path]:
    """Return a row's label file if any, or those of several scorers where its name holds a `*`."""
    if "labels" not in row:
        return []
    pattern = str(row["labels"])
    if "*" not in pattern:
        return [_resolve(table, row["recording"], pattern)]
    if pattern.count("*") > 1:
        raise RecordingError(table, f"'{row['recording']}': more than one * in '{pattern}'")
    found = find_scorers(table.parent, pattern)
    if not found:
        raise RecordingError(table, f"'{row['recording']}': no file is called '{pattern}'")
    return list(found.values())


def read(source: Source, options: Options) -> Recording:
    """Read one row: the file by the reader that fits its ending, its labels and its metadata."""
    table = source.companions[0]
    row = read_table(table)[source.recording_id]
    name = reader_of(Path(source.path))
    fitting = reader(name)
    own = fitting.read(
        Source(source.recording_id, source.path),
        fitting.Options(**options.reader_options.get(name, {})),
    )
    described = _describe(own, row, table)
    # labels in EDF are on the clock of the file's header, not on that of `start_utc`
    labelled = _with_labels(replace(described, start=own.start), row, table, options)
    if options.require_labels and labelled.annotations.empty:
        raise RecordingError(table, f"'{source.recording_id}' has no labels")
    return replace(labelled, start=described.start)


def _describe(recording: Recording, row: Mapping[str, Any], table: str) -> Recording:
    facts = tidy_facts(
        {name: value for name, value in row.items() if name not in OF_THE_TABLE}, path=table
    )
    start = read_start(facts, table) or recording.start
    kept = {name: value for name, value in facts.items() if name not in OF_THE_START}
    return replace(
        recording,
        subject_id=str(row.get("subject", recording.recording_id)),
        start=start,
        metadata={**recording.metadata, **kept, **find_lights(facts, start, table)},
    )


def _with_labels(
    recording: Recording, row: Mapping[str, Any], table: str, options: Options
) -> Recording:
    """Return the recording with the labels of its row, if any: of one file, of several, or one."""
    labels = _label_files(Path(table), row)
    if "*" in str(row.get("labels", "")):
        named = {name_scorer(one, str(row["labels"])): one for one in labels}
        scored = {name: _with_file(recording, path, options) for name, path in named.items()}
        return combine(recording, scored, ties=options.ties, where=table)
    if labels:
        return _with_file(recording, labels[0], options)
    if "label" in row:
        return _with_label(recording, str(row["label"]), table, options)
    return recording


def _stage_map(options: Options) -> StageMap:
    if options.stages is None:
        return AsWritten()
    return Unrefusing(options.stages) if options.unknown_labels == "unscored" else options.stages


def _with_file(recording: Recording, path: Path, options: Options) -> Recording:
    stages = _stage_map(options)
    if path.suffix.lower() != ".mat":
        return attach_file(
            recording,
            path,
            stages=stages,
            epoch_s=options.epoch_s,
            tolerance=options.length_tolerance,
        )
    variables = load_variables(path)
    codes = read_codes(path, variables)
    if codes is None:
        raise RecordingError(path, f"no labels in it; it has: {', '.join(variables)}")
    length_s = find_epoch_length(path, variables) or options.epoch_s
    hypnogram = from_codes(codes, epoch_s=length_s, stages=stages, where=path)
    check_length(
        hypnogram, recording, epoch_s=length_s, tolerance=options.length_tolerance, where=path
    )
    return attach_labels(recording, hypnogram, stages, path)


def _with_label(recording: Recording, label: str, table: str, options: Options) -> Recording:
    """Return the recording with one label from beginning to end."""
    stages = _stage_map(options)
    hypnogram = from_codes([label], epoch_s=recording.duration_s, stages=stages, where=table)
    return attach_labels(recording, hypnogram, stages, table)
