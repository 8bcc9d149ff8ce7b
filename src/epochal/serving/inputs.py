"""What a call names: files, folders and patterns, as the recordings' files that they stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple

from epochal.errors import EpochalError, RecordingError
from epochal.readers.detection import detect_reader, list_sources
from epochal.readers.e4_files import SIGNALS
from epochal.serving.reading import TABLE_READERS


class Input(NamedTuple):
    """A file, or an E4 folder, that is scored; its results are called `stem`."""

    path: Path
    stem: str


class Refused(NamedTuple):
    """What was named and cannot be scored, and why."""

    path: Path
    reason: str


def find_inputs(
    given: Sequence[Path], *, bundle_reader: str = ""
) -> tuple[list[Input], list[Refused]]:
    """Return the recordings' files behind files, folders and patterns, each once, in order.

    A folder stands for every recording that a reader finds there: the tables below it where the
    bundle's reader takes tables, else those of the first kind of data that `detect_reader` tells.
    A pattern (`*`, `?`, `[…]`; `**` for any depth) stands for what it matches, and each match is
    treated as if it were named. What stands for nothing is among the refused.
    """
    found: dict[Path, str] = {}
    refused = []
    for path in given:
        try:
            for place, name in _stand_for(path, bundle_reader):
                found.setdefault(place, name)
        except EpochalError as error:
            refused.append(Refused(path, getattr(error, "reason", str(error))))
    return list(name_inputs(found.items())), refused


def name_inputs(found: Iterable[tuple[Path, str]]) -> Iterator[Input]:
    """Pair paths, each with its recording's id, with the stem of their results.

    Inputs of one stem are told apart by their ids, else by folder, and by number where that is the
    same too.
    """
    pairs = list(found)
    stems = Counter(path.stem for path, _ in pairs)
    ids = Counter(name for _, name in pairs)
    taken: Counter[str] = Counter()
    for path, name in pairs:
        stem = path.stem
        if stems[stem] > 1:
            stem = name if ids[name] == 1 else f"{path.absolute().parent.name}-{stem}"
        taken[stem] += 1
        yield Input(path, stem if taken[stem] == 1 else f"{stem}-{taken[stem]}")


def _stand_for(given: Path, bundle_reader: str) -> Iterator[tuple[Path, str]]:
    """List what a path stands for, each with its recording's id."""
    if not given.exists() and has_magic(str(given)):
        matches = sorted(map(Path, glob(str(given), recursive=True)))  # noqa: PTH207, for absolute patterns
        if not matches:
            raise RecordingError(given, "no file matches this pattern")
        for match in matches:
            yield from _stand_for(match, bundle_reader)
    elif given.is_dir() and not _is_e4(given):
        yield from _list_folder(given, bundle_reader)
    else:
        yield given, given.stem


def _is_e4(folder: Path) -> bool:
    """Say whether a folder is a recording itself: the files of one E4."""
    return any((folder / f"{name}.csv").is_file() for name in SIGNALS)


def _list_folder(folder: Path, bundle_reader: str) -> Iterator[tuple[Path, str]]:
    endings = TABLE_READERS.get(bundle_reader)
    if endings is not None:
        tables = sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings)
        if not tables:
            raise RecordingError(folder, f"no {' or '.join(endings)} file here")
        yield from ((path, path.stem) for path in tables)
        return
    sources, _ = list_sources(folder, detect_reader(folder))
    several = Counter(source.path for source in sources)
    for source in sources:
        path = Path(source.path)
        yield path, (source.recording_id if several[source.path] == 1 else path.stem)
