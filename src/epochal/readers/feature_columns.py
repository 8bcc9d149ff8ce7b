"""A table of features as a person first meets it: how many rows, which columns, what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from epochal.errors import RecordingError
from epochal.provenance import data_source_of
from epochal.readers.hypnogram_files import COLUMNS
from epochal.readers.parquet import read_parquet

_FEW = 12  # values that are listed one by one


def load_table(path: Path) -> pd.DataFrame:
    """Read a CSV, TSV or parquet table whole; what is none raises `RecordingError`."""
    if path.suffix.lower() == ".parquet":
        return read_parquet(path)
    try:
        table = pd.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",")
    except (OSError, ValueError) as error:
        raise RecordingError(path, f"not a readable table ({error})") from error
    if table.empty:
        raise RecordingError(path, "the table has no rows")
    return table


def describe_table(path: Path, table: pd.DataFrame) -> Iterator[str]:
    """Yield what a table holds: its size, the columns of few values, those of numbers."""
    yield f"{path} → a table, {len(table)} rows, {table.shape[1]} columns ({data_source_of(path)})"
    numbers = [name for name in table.select_dtypes("number") if table[name].nunique() > _FEW]
    for name in table:
        if name not in numbers:
            yield f"  {name}: {_describe_values(table[name])}"
    if numbers:
        missing = float(table[numbers].isna().mean().mean())
        gone = f", {missing:.1%} missing" if missing else ""
        word = "columns" if len(numbers) > 1 else "column"
        yield f"  {len(numbers)} {word} of numbers{gone}: {', '.join(map(str, numbers))}"
    else:
        yield "  no column of numbers: no features"
    if _may_be_labels(table):
        yield "  these may be labels: name the recording that they belong to instead"
    yield (
        "  read by `feature_table`: its options `recording`, `subject`, `label` and `order` say "
        "which columns those are"
    )


def _may_be_labels(table: pd.DataFrame) -> bool:
    """Say whether it has a column of labels, one of their times, and little else."""
    names = {str(name).strip().lower() for name in table}
    timed = names & {*COLUMNS["onset"], *COLUMNS["epoch"]}
    return bool(timed and names & set(COLUMNS["label"])) and len(names) < 6


def _describe_values(column: pd.Series) -> str:
    counts = column.value_counts()
    missing = int(column.isna().sum())
    gone = f", {missing} missing" if missing else ""
    if len(counts) > _FEW:
        return f"{len(counts)} different values{gone}, such as {counts.index[0]}"
    return ", ".join(f"{value} ({count}×)" for value, count in counts.items()) + gone
