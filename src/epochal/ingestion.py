"""From a folder of raw files to recordings: found, read one by one, described."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pandas as pd
from pydantic import BaseModel

from epochal.checksums import SIGNAL_SHA256, checksum, list_files
from epochal.downloads import DownloadError
from epochal.downloads.ledger import LEDGER, Ledger, mark_processed, read_ledger
from epochal.errors import RecordingError
from epochal.labels import keep_classes
from epochal.options.ingestion import IngestionOptions
from epochal.places import mirror
from epochal.readers import Source, reader, signal_checksum
from epochal.readers.scorers import count_votes
from epochal.readers.substitution import substitute_channels
from epochal.recording import Recording
from epochal.signals.epoching import index_epochs
from epochal.signals.quality_policy import describe_dropped
from epochal.simulation.cohort import write_cohort

logger = logging.getLogger(__name__)
_NAMED = 10  # recordings in a warning
# What splits may be made by; null where the recording does not say.
FACTS = ("age", "sex", "site", "strain", "subset")
NO_SUBSTITUTES: Mapping[str, Sequence[str]] = MappingProxyType({})


def find_sources(options: IngestionOptions) -> pd.DataFrame:
    """Return `recording_id, path, companions, state`, one row per recording found.

    With `source: simulated`, the cohort is written first (once); files in a bucket are copied.
    `state` says the files' sizes and times, so that a changed file is read again. A folder without
    recordings, or two recordings of one name, raise `RecordingError`.
    """
    if options.source == "simulated":
        assert options.simulator is not None  # the options see to it
        write_cohort(options.simulator, options.folder, options.simulator_options)
    elif options.is_remote:
        mirror(str(options.path), options.folder)
    elif not options.folder.is_dir():
        raise RecordingError(options.folder, "no such folder (ingestion.path)")
    sources = reader(options.reader).find(options.folder, options.reader_settings())
    if not sources:
        raise RecordingError(options.folder, f"no recording that reader '{options.reader}' knows")
    _refuse_twins(sources)
    table = pd.DataFrame(sources)
    return table.assign(
        companions=table["companions"].map(list), state=[_state(s) for s in sources]
    )


def read_source(
    source: Source,
    state: str,
    reader_name: str,
    settings: BaseModel,
    *,
    substitutes: Mapping[str, Sequence[str]] = NO_SUBSTITUTES,
    allow_substitution: bool = False,
) -> Recording:
    """Read one recording and add the checksum of its raw files to its metadata.

    A channel that is missing where one of its `substitutes` is there raises `RecordingError`
    unless they are allowed; then they stand in, and the recording says so. `state` only makes
    the call differ when one of its own files has changed. A recording without channels, windows
    or table raises `RecordingError`.
    """
    del state
    recording = reader(reader_name).read(source, settings)
    if not recording.channels and not recording.arrays and recording.table is None:
        raise RecordingError(source.path, "it holds no signal and no table")
    recording = substitute_channels(recording, substitutes, allow=allow_substitution)
    metadata = {
        **recording.metadata,
        "sha256": checksum(_named(source)),
        SIGNAL_SHA256: signal_checksum(Path(source.path)),
    }
    return dataclasses.replace(recording, metadata=metadata)


def describe_recording(recording: Recording, options: IngestionOptions) -> dict[str, object]:
    """Return one row of the recordings' summary."""
    return {
        "recording_id": recording.recording_id,
        "subject_id": recording.subject_id,
        "data_source": recording.data_source,
        "duration_s": recording.duration_s,
        "channels": ", ".join(
            f"{channel.name} ({channel.sfreq:g} Hz, {channel.unit})"
            for channel in recording.channels
        ),
        "n_runs": len(recording.runs),
        "problems": "; ".join(recording.problems),
        "sha256": recording.metadata.get("sha256", ""),
        SIGNAL_SHA256: recording.metadata.get(SIGNAL_SHA256, ""),
        "reader": options.reader,
        "day": recording.start.date().isoformat() if recording.start else None,
        **{fact: recording.metadata.get(fact) for fact in FACTS},
    }


def index_recordings(
    recordings: Mapping[str, Callable[[], Recording]],
    options: IngestionOptions,
    classes: tuple[str, ...],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the epochs of all recordings, and a summary row for each.

    Labels of other classes become null; several scorers' labels are counted as `vote_<class>`.
    """
    epochs, summary = [], []
    for load in recordings.values():
        recording = load()
        epochs.append(index_epochs(recording, options))
        summary.append(describe_recording(recording, options))
    table = keep_classes(pd.concat(epochs, ignore_index=True), classes)
    for told in filter(None, (describe_unlabelled(table), describe_dropped(table))):
        logger.warning(told)
    return count_votes(table, classes), pd.DataFrame(summary)


def describe_unlabelled(epochs: pd.DataFrame) -> str:
    """Return a sentence that names the recordings without any label, empty where each has some."""
    has_labels = epochs["label"].notna().groupby(epochs["recording_id"], sort=False).any()
    without = has_labels.index[~has_labels].astype(str).tolist()
    if not without:
        return ""
    named = ", ".join(without[:_NAMED]) + (", ..." if len(without) > _NAMED else "")
    return (
        f"{len(without)} of {len(has_labels)} recordings have no label of study.classes and say "
        f"nothing to any model: {named}. Are their files of labels where the reader looks for them?"
    )


def note_processed(sources: pd.DataFrame, read: Collection[str]) -> list[str]:
    """Enter what was read in the list of verified downloads above it, and return those paths.

    From then on `epochal download` fetches a file that was deleted no more, as long as the
    published hash is the same. Files that did not come by it, or have changed since, are passed
    over; so is a folder that a download is writing to.
    """
    rows = sources[sources["recording_id"].isin(list(read))]
    files = {path for row in rows.itertuples() for path in (row.path, *row.companions)}
    noted = []
    for folder, paths in _by_ledger(files).items():
        try:
            noted += mark_processed(folder, paths)
        except DownloadError as error:
            logger.info("Not noted as processed: %s", error)
    return noted


def _by_ledger(files: Iterable[str]) -> dict[Path, list[str]]:
    """Return the verified files by the folder of their ledger, relative to it."""
    found: dict[Path, list[str]] = {}
    ledgers: dict[Path, Ledger] = {}
    for path in sorted(map(Path, files)):
        folder = next((above for above in path.parents if (above / LEDGER).is_file()), None)
        if folder is None:
            continue
        if folder not in ledgers:
            ledgers[folder] = read_ledger(folder, ignore_damage=True)
        name = path.relative_to(folder).as_posix()
        if path.is_file() and ledgers[folder].knows(name, path, None):
            found.setdefault(folder, []).append(name)
    return found


def _refuse_twins(sources: list[Source]) -> None:
    seen: dict[str, str] = {}
    for source in sources:
        if source.recording_id in seen:
            raise RecordingError(
                source.path,
                f"recording id '{source.recording_id}' is also that of {seen[source.recording_id]}",
            )
        seen[source.recording_id] = source.path


def _named(source: Source) -> list[str]:
    return [source.path, *source.companions]


def _state(source: Source) -> str:
    stats = [(path.name, path.stat()) for path in list_files(_named(source))]
    return " ".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats)
