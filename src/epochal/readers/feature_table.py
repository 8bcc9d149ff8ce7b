"""One table of features: a row per epoch, in any number of recordings of any number of subjects.

Where a laboratory has its features already, this is the way in: the numeric columns become the
study's features, and context, splits, models and evaluation follow as for signals.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from epochal.errors import RecordingError, did_you_mean
from epochal.provenance import data_source_of
from epochal.readers import Source
from epochal.readers.naming import safe_name
from epochal.readers.parquet import read_parquet
from epochal.readers.stages import GivenStages, look_up_stage
from epochal.recording import Recording

FACTS = ("age", "sex", "site", "strain")


class Options(BaseModel, extra="forbid", frozen=True):
    """Which table to read, and what its columns are."""

    table: str = Field(description="The table's name in the folder, `.parquet` or `.csv`")
    recording: str = Field("recording_id", description="The column that names the recording")
    subject: str | None = Field(
        "subject_id", description="The column that names the subject; null: a recording each"
    )
    label: str | None = Field("label", description="The column of labels; null: there are none")
    order: str | None = Field(
        None,
        description="A column that numbers a recording's epochs: a number left out is a gap; null: "
        "rows follow one another",
    )
    epoch_s: float = Field(30.0, gt=0, description="Length of an epoch")
    stages: GivenStages | None = Field(
        None, description="Each label and its class, null: unscored; by default labels stay"
    )
    facts: str | None = Field(
        None,
        description=f"A table in the folder with the subjects' {', '.join(FACTS)}, one or more "
        "rows each, under the same subject column",
    )
    facts_subject: str = Field("subject", description="The facts' column that names the subject")


def find(folder: Path, options: Options) -> list[Source]:
    """List the table's recordings, sorted.

    A missing file or column, or two recordings that would share a file name, raise
    `RecordingError`.
    """
    path = Path(folder) / options.table
    table = _load(path)
    for column in (options.recording, options.subject, options.label, options.order):
        if column is not None and column not in table:
            raise RecordingError(path, f"no column '{column}'{did_you_mean(column, list(table))}")
    companions = () if options.facts is None else (str(Path(folder) / options.facts),)
    names = {safe_name(str(name)): str(name) for name in table[options.recording].unique()}
    if len(names) < table[options.recording].nunique():
        raise RecordingError(path, f"names in '{options.recording}' that cannot be told apart")
    return [Source(name, str(path), companions) for name in sorted(names)]


def read(source: Source, options: Options) -> Recording:
    """Read one recording's rows: `table` has `onset_s, length_s, run, label` and the features.

    Raises `RecordingError` for a recording that is not there, of two subjects, out of order, an
    unknown label, or without a numeric column.
    """
    table = _load(Path(source.path))
    names = table[options.recording].astype(str).map(safe_name)
    rows = table[names == source.recording_id].reset_index(drop=True)
    if rows.empty:
        raise RecordingError(source.path, f"no row of recording '{source.recording_id}'")
    subject = _subject(source, rows, options)
    given = {options.recording, options.subject, options.label, options.order}
    features = rows.drop(columns=[name for name in given if name in rows]).select_dtypes("number")
    if features.empty:
        raise RecordingError(source.path, "it has no numeric column beside those that name epochs")
    index = _index(source, rows, options)
    return Recording(
        source.recording_id,
        subject,
        metadata=_facts(source, subject, options),
        data_source=data_source_of(source.path),
        table=index.join(features.astype(np.float32)),
    )


def _load(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise RecordingError(path, "no such table")
    return _load_version(str(path), path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _load_version(path: str, modified_ns: int) -> pd.DataFrame:
    """Read a table once for all the recordings in it."""
    del modified_ns  # only tells the cache of a change
    if path.endswith(".parquet"):
        return read_parquet(path)
    try:
        return pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise RecordingError(path, f"not a readable table ({error})") from error


def _subject(source: Source, rows: pd.DataFrame, options: Options) -> str:
    if options.subject is None:
        return source.recording_id
    subjects = rows[options.subject].unique()
    if len(subjects) > 1:
        shown = ", ".join(map(str, subjects))
        raise RecordingError(
            source.path, f"recording '{source.recording_id}' is of several subjects: {shown}"
        )
    return str(subjects[0])


def _index(source: Source, rows: pd.DataFrame, options: Options) -> pd.DataFrame:
    """Return where each epoch lies, which run it is in, and its label."""
    order = np.arange(len(rows)) if options.order is None else rows[options.order].to_numpy()
    steps = np.diff(order)
    if (steps < 1).any():
        row = int(np.flatnonzero(steps < 1)[0]) + 1
        raise RecordingError(
            source.path,
            f"recording '{source.recording_id}': '{options.order}' falls from {order[row - 1]} to "
            f"{order[row]}",
        )
    return pd.DataFrame(
        {
            "onset_s": (order - order[0]) * options.epoch_s,
            "length_s": options.epoch_s,
            "run": np.concatenate([[0], np.cumsum(steps > 1)]),
            "label": _labels(source, rows, options),
        }
    )


def _labels(source: Source, rows: pd.DataFrame, options: Options) -> pd.Series:
    if options.label is None:
        return pd.Series([None] * len(rows), dtype=object)
    labels = rows[options.label].astype(object)
    labels = labels.where(labels.notna(), None)
    if options.stages is None:
        return labels
    known = {
        label: look_up_stage(str(label), options.stages, source.path)
        for label in labels.dropna().unique()
    }
    return pd.Series([known.get(label) for label in labels], dtype=object)


def _facts(source: Source, subject: str, options: Options) -> dict[str, Any]:
    """Return what the table of facts says of a subject: the first value known of each."""
    if not source.companions:
        return {}
    facts = _load(Path(source.companions[0]))
    if options.facts_subject not in facts:
        raise RecordingError(source.companions[0], f"no column '{options.facts_subject}'")
    rows = facts[facts[options.facts_subject].astype(str) == subject]
    known = {name: rows[name].dropna() for name in FACTS if name in rows}
    return {name: _plain(values.iloc[0]) for name, values in known.items() if len(values)}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
