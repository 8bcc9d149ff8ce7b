"""Nodes of ingestion."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from epochal.ingestion import find_sources, index_recordings, note_processed, read_source
from epochal.options.ingestion import IngestionOptions
from epochal.options.study import StudyOptions
from epochal.readers import Source
from epochal.recording import Recording


def list_sources(ingestion: IngestionOptions) -> pd.DataFrame:
    """List the raw recordings, after simulating them where the study asks for that."""
    return find_sources(ingestion)


def read_recordings(
    sources: pd.DataFrame, ingestion: IngestionOptions
) -> dict[str, Callable[[], Recording]]:
    """Read each raw recording as a piece of its own."""
    settings = ingestion.reader_settings()
    return {
        row.recording_id: partial(
            read_source,
            Source(row.recording_id, row.path, tuple(row.companions)),
            row.state,
            ingestion.reader,
            settings,
            substitutes=ingestion.substitutes,
            allow_substitution=ingestion.allow_substitution,
        )
        for row in sources.itertuples()
    }


def make_epochs(
    sources: pd.DataFrame,
    recordings: dict[str, Callable[[], Recording]],
    ingestion: IngestionOptions,
    study: StudyOptions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut the recordings into epochs, and describe each recording in a row."""
    epochs, summary = index_recordings(recordings, ingestion, study.classes)
    note_processed(sources, recordings)
    return epochs, summary


def draw_snapshots(
    recordings: dict[str, Callable[[], Recording]],
    epochs: pd.DataFrame,
    ingestion: IngestionOptions,
) -> dict[str, Callable[[], Any]]:
    """Draw a minute of each recording, a matplotlib figure, as a piece of its own."""
    from epochal.snapshots import draw_stored  # matplotlib is slow to import, and seldom needed

    if ingestion.snapshot_s is None:
        return {}
    return {
        name: partial(
            draw_stored,
            recordings[name],
            rows.reset_index(drop=True),  # else a recording that comes or goes changes all later
            length_s=ingestion.snapshot_s,
        )
        for name, rows in epochs.groupby("recording_id")
    }
