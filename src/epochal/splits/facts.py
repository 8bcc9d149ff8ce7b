"""What is known of each epoch's recording: site, day, age, sex."""

from __future__ import annotations

import pandas as pd

from epochal.errors import EpochalError, did_you_mean


def facts_of(rows: pd.DataFrame, recordings: pd.DataFrame | None, column: str) -> pd.Series:
    """Return a column of the epochs, or of the recordings' summary, for each row.

    A column that neither has raises `EpochalError`; a recording about which it is silent gives NaN.
    """
    if column in rows:
        return rows[column]
    summary = pd.DataFrame() if recordings is None else recordings
    if column not in summary:
        known = [*rows.columns, *summary.columns]
        raise EpochalError(
            f"No column '{column}' in the epochs or the recordings' summary (splitting)"
            f"{did_you_mean(column, known)}"
        )
    by_recording = summary.set_index(summary["recording_id"].astype(str))[column]
    return rows["recording_id"].map(by_recording[~by_recording.index.duplicated()])


def group_rows(rows: pd.DataFrame, recordings: pd.DataFrame | None, column: str) -> pd.Series:
    """Return the group of each row as text; recordings without one raise `EpochalError`."""
    values = facts_of(rows, recordings, column)
    silent = rows.loc[values.isna(), "recording_id"].unique()
    if len(silent):
        shown = ", ".join(silent[:5]) + (f" and {len(silent) - 5} more" if len(silent) > 5 else "")
        raise EpochalError(f"No '{column}' is known of {shown} (splitting.group)")
    return values.map(_as_text)


def facts_by_subject(rows: pd.DataFrame, recordings: pd.DataFrame | None, column: str) -> pd.Series:
    """Return one value per subject, in order: the least of its recordings', NaN where none."""
    values = facts_of(rows, recordings, column)
    known = values.notna()
    least = values[known].groupby(rows.loc[known, "subject_id"]).min()
    return least.reindex(sorted(rows["subject_id"].unique()))


def _as_text(value: object) -> str:
    """Write a value as it stood before a table of numbers with holes made it a float."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]
