"""Nodes of ingestion."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from epochal.ingestion import find_sources, index_recordings, read_source
from epochal.labels import keep_classes
from epochal.options import IngestionOptions, StudyOptions
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
        )
        for row in sources.itertuples()
    }


def make_epochs(
    recordings: dict[str, Callable[[], Recording]],
    ingestion: IngestionOptions,
    study: StudyOptions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut the recordings into epochs, and describe each recording in a row."""
    epochs, summary = index_recordings(recordings, ingestion)
    return keep_classes(epochs, study.classes), summary
