"""Read raw recordings as the bundle's study did, labels aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from epochal.checksums import SIGNAL_SHA256
from epochal.errors import RecordingError
from epochal.options.ingestion import IngestionOptions
from epochal.readers import Source, reader, reader_of, signal_checksum
from epochal.readers.detection import TABLES, detect_reader
from epochal.recording import Recording
from epochal.serving.bundle import Manifest

# the readers of rows, and what their files end in
TABLE_READERS = {
    "feature_table": (".csv", ".parquet"),
    "slow_oscillation": (".csv", ".h5"),
}
# a rodent's signals, and what lies beside them that is no label
_RODENT_SUFFIXES = (".edf", ".bdf", ".mat")
_BESIDE = ("EMG.mat", "participants.tsv")


def read_all(path: Path, manifest: Manifest) -> Iterator[Recording]:
    """Read the recordings of a file one by one, each with the checksum that it is known by."""
    for recording in _read_each(path, manifest):
        yield with_checksum(recording, path)


def with_checksum(recording: Recording, path: Path) -> Recording:
    """Return a recording that says the checksum of its signals, by which training's are known."""
    return replace(recording, metadata={**recording.metadata, SIGNAL_SHA256: signal_checksum(path)})


def _read_each(path: Path, manifest: Manifest) -> Iterator[Recording]:
    """Read the recordings of a file one by one: several where it is a table or rows of HDF5.

    A table is read with the bundle's own options, labels aside, so that its columns are those of
    the training table; for other files see `read_raw`.
    """
    if not path.exists():
        raise RecordingError(path, "no such file")
    name, suffix = manifest.ingestion.reader, path.suffix.lower()
    endings = TABLE_READERS.get(name, ())
    if suffix not in endings or path.is_dir():
        if suffix in TABLES:
            raise RecordingError(path, _refuse_table(name, endings))
        if name == "rodent" and suffix in _RODENT_SUFFIXES and path.is_file():
            yield from _read_animals(path, manifest.ingestion)
        else:
            yield read_raw(path, manifest)
        return
    chosen = reader(name)
    options = chosen.Options(**_unlabelled(path, manifest.ingestion))
    place = path if name == "slow_oscillation" else path.parent
    for source in chosen.find(place, options):
        yield chosen.read(source, options)


def _read_animals(path: Path, ingestion: IngestionOptions) -> Iterator[Recording]:
    """Read the animals of a file as training did, light and facts beside it, but no labels."""
    chosen = reader("rodent")
    options = chosen.Options(**ingestion.reader_options)
    sources = chosen.find(path, options)
    for source in sources:
        beside = [
            one for one in source.companions if Path(one).name in _BESIDE or one[-5:] == ".json"
        ]
        name = path.stem if len(sources) == 1 else source.recording_id
        yield chosen.read(Source(name, source.path, tuple(beside)), options)


def _refuse_table(name: str, endings: tuple[str, ...]) -> str:
    if not endings:
        return "it is a table; the bundle was trained on signals"
    return f"the bundle's reader '{name}' takes {' and '.join(endings)} files"


def _unlabelled(path: Path, ingestion: IngestionOptions) -> dict[str, Any]:
    """Return a table reader's options for a file of its own name, without labels."""
    given = ingestion.reader_options
    if ingestion.reader == "slow_oscillation":
        return {**given, "labels": None}
    facts = given.get("facts")
    found = facts if facts and (path.parent / facts).is_file() else None
    return {**given, "table": path.name, "label": None, "stages": None, "facts": found}


def read_raw(path: Path, manifest: Manifest) -> Recording:
    """Read a raw file, or an E4 folder; the bundle's own reader's options where it is the one."""
    if not path.exists():
        raise RecordingError(path, "no such file")
    is_mat = path.suffix.lower() == ".mat"
    name, ingestion = detect_reader(path) if is_mat else reader_of(path), manifest.ingestion
    options = {"label_pattern": None} if name == "irr" else {}
    options |= ingestion.reader_options if name == ingestion.reader else {}
    chosen = reader(name)
    return chosen.read(Source(path.stem, str(path)), chosen.Options(**options))
