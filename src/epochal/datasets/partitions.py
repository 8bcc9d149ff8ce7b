"""The one mechanism for work by the piece: a folder of pieces made, kept or removed by key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from epochal.checksums import checksum
from epochal.datasets.keyed import OTHERS, Keyed, lacking, read_key, refuse_damaged, write_key
from epochal.datasets.parallel_conf import read_parallel
from epochal.datasets.parts import forget_parts, key_of_piece, last_part, rounds_of_work
from epochal.divided import Divided
from epochal.errors import EpochalError, RecordingError, hint_of
from epochal.parallel import run_pieces
from epochal.places import local_copy, place_of, sweep, writing

COMPLETE = ".complete"
FAILURES = ".failures.json"
_KEY = ".key"


@dataclass(frozen=True)
class Piece:
    """A stored piece: call it to load the data; `key` says what the data were made from."""

    load: Callable[[], Any]
    key: str

    def __call__(self) -> Any:
        """Load the piece."""
        return self.load()


class Partitions(Keyed, AbstractDataset[Any, Any]):
    """A folder of pieces that makes them itself, side by side, each whole or absent.

    It saves `{name: partial(function, …)}` (or ready values): every partial whose key is new is
    called, and its result written to a temporary name and then renamed. A `Divided` piece is made
    part by part, the parts of all pieces side by side, each kept until the piece is whole. Pieces
    with an unchanged key stay, pieces no longer listed go. A failure loses none of the others: all
    are named in one error at the end, or, under `tolerate_bad_recordings`, a `RecordingError` is
    only written down in `.failures.json`. The `.complete` mark comes last, with the whole dataset's
    key, and `exists` asks for it.

    It loads `{name: Piece}`, possibly empty.
    """

    def __init__(
        self,
        *,
        path: str,
        dataset: str | dict[str, Any],
        filename_suffix: str = "",
        parallel: dict[str, Any] | None = None,
        tolerate_bad_recordings: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._location = path
        self._config = {"type": dataset} if isinstance(dataset, str) else dict(dataset)
        self._filename_suffix = filename_suffix
        self.metadata = metadata
        self._parallel = read_parallel(parallel or {})
        self._tolerate = tolerate_bad_recordings

    @property
    def location(self) -> Any:
        """The folder of the pieces: a `Path`, or what stands for one in a bucket."""
        return place_of(self._location)

    @property
    def key_path(self) -> Any:
        """The mark that all pieces are there."""
        return self.location / COMPLETE

    def failures(self) -> dict[str, str]:
        """Return why each tolerated piece is absent, by name."""
        path = self.location / FAILURES
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def load(self) -> dict[str, Piece]:
        """Return the complete pieces by name, each to be called when it is needed."""
        if not self.key_path.exists():
            raise lacking(self.location, "not there, or not complete")
        names, lost = self._listed()
        if lost:
            raise lacking(self._file(lost[0]), "it, or its key beside it, has been removed")
        keys = {name: self._piece_key(name) for name in names}
        self._refuse_others_pieces(keys)
        self.refuse_others()
        return {name: Piece(partial(self._read, name, key), key) for name, key in keys.items()}

    def refuse_lack_of_workers(self) -> None:
        """Raise `EpochalError` where the workers would not see the pieces, or are not there."""
        backend = self._parallel.backend
        if self._location.startswith("memory://") and backend in ("processes", "dask"):
            raise EpochalError(
                f"{self._location}: other processes cannot see it, and parallel.backend is "
                f"{backend}: sequential or threads (EPOCHAL_BACKEND), or a folder (EPOCHAL_STORAGE)"
            )
        if backend == "dask" and not self.exists():
            from epochal.cluster import connected

            with connected(self._parallel.address):
                pass

    def save(self, data: Mapping[str, Any]) -> None:
        """Make and write the pieces whose key changed; remove those not listed any more."""
        self.location.mkdir(parents=True, exist_ok=True)
        sweep(self.location)
        self.key_path.unlink(missing_ok=True)
        tables: dict[int, str] = {}
        keys = {name: key_of_piece(piece, tables) for name, piece in data.items()}
        self._remove_unlisted(set(keys))
        stale = {name: data[name] for name in data if not self._is_fresh(name, keys[name])}
        failures = self._make_parts(stale, tables)
        work = {
            name: partial(self._make, name, self._undivided(name, piece, tables), keys[name])
            for name, piece in stale.items()
            if name not in failures
        }
        failures |= self._run(work)
        self._report(failures, n_listed=len(data))
        forget_parts(self.location)
        self._write_key(*(f"{name}\t{keys[name]}" for name in sorted(set(keys) - set(failures))))

    def _make_parts(
        self, pieces: Mapping[str, Any], tables: dict[int, str]
    ) -> dict[str, BaseException]:
        """Make the parts of the divided pieces; return, by piece, its first part's failure."""
        divided = {name: one for name, one in pieces.items() if isinstance(one, Divided)}
        failures: dict[str, BaseException] = {}
        for parts in rounds_of_work(self.location, divided, tables):
            work = {f"{of}: {part}": call for (of, part), call in parts.items()
                    if of not in failures}  # fmt: skip
            failed = self._run(work)
            for of, part in parts:
                if f"{of}: {part}" in failed:
                    failures.setdefault(of, failed[f"{of}: {part}"])
        return failures

    def _undivided(self, name: str, piece: Any, tables: dict[int, str]) -> Any:
        if not isinstance(piece, Divided):
            return piece
        return last_part(self.location, name, piece, tables)

    def _run(self, work: Mapping[str, Callable[[], Any]]) -> dict[str, BaseException]:
        return run_pieces(work, description=self.location.name, options=self._parallel)

    def _make(self, name: str, piece: Any, key: str) -> None:
        """Make one piece under a temporary name, rename it, and only then write its key."""
        if self._is_fresh(name, key):
            return  # made by a worker that died before it could say so
        key_file = self._key_file(name)
        key_file.unlink(missing_ok=True)
        with writing(self._file(name)) as part:
            self._piece_dataset(part).save(piece() if callable(piece) else piece)
            written = checksum([part])
        write_key(key_file, key, written)

    def _read(self, name: str, key: str) -> Any:
        copy = local_copy(self._file(name))
        refuse_damaged(copy, read_key(self._key_file(name))[1], self._file(name))
        data = self._piece_dataset(copy).load()
        if self._piece_key(name) != key:
            raise lacking(self._file(name), OTHERS)
        return data

    def _refuse_others_pieces(self, keys: Mapping[str, str]) -> None:
        """Raise `EpochalError` for a piece that is not the one of the mark.

        Another run may still be making pieces when this one has marked its own.
        """
        marked = self._marked()
        if not any(marked.values()):
            return  # a mark of an earlier version, without keys
        for name, key in keys.items():
            if marked.get(name) != key:
                raise lacking(self._file(name), f"{OTHERS}: remove it")

    def _marked(self) -> dict[str, str]:
        """Return the keys of the pieces that the mark lists, by name."""
        pairs = (line.partition("\t") for line in read_key(self.key_path)[1])
        return {name: key for name, _, key in pairs}

    def _listed(self) -> tuple[list[str], list[str]]:
        """Return the pieces that the mark or a key tells of, and those of them that have gone."""
        there = {path.name for path in self.location.iterdir()}  # once: in a bucket it is a request
        keys = {_name(name) for name in there if name.startswith(".") and name.endswith(_KEY)}
        names = sorted({*self._marked(), *keys})
        files = {name: {self._file(name).name, self._key_file(name).name} for name in names}
        return names, [name for name in names if not files[name] <= there]

    def _report(self, failures: Mapping[str, BaseException], *, n_listed: int) -> None:
        """Write the tolerated failures down, and raise one error that names the others."""
        tolerated = {
            name: str(_cause(error))
            for name, error in failures.items()
            if self._tolerate and isinstance(_cause(error), RecordingError)
        }
        fatal = [
            f"{name}: {_say(_cause(error))}"
            for name, error in failures.items()
            if name not in tolerated
        ]
        if tolerated and len(tolerated) == n_listed:
            fatal = list(tolerated.values())
        (self.location / FAILURES).write_text(json.dumps(tolerated, indent=2), encoding="utf-8")
        if fatal:
            raise EpochalError(
                f"{len(fatal)} of {n_listed} pieces of '{self.location.name}' failed: "
                + "; ".join(sorted(fatal))
            )

    def _remove_unlisted(self, listed: set[str]) -> None:
        for key_file in self.location.glob(f".*{_KEY}"):
            if (name := _name(key_file.name)) not in listed:
                key_file.unlink()
                self._file(name).unlink(missing_ok=True)

    def _is_fresh(self, name: str, key: str) -> bool:
        return self._file(name).exists() and self._piece_key(name) == key

    def _piece_key(self, name: str) -> str:
        return read_key(self._key_file(name))[0]

    def _file(self, name: str) -> Any:
        return self.location / f"{name}{self._filename_suffix}"

    def _key_file(self, name: str) -> Any:
        return self.location / f".{name}{_KEY}"

    def _piece_dataset(self, path: Path) -> Any:
        return AbstractDataset.from_config(path.stem, {**self._config, "filepath": str(path)})

    def _exists(self) -> bool:
        return self.key_path.exists() and self.is_current() and not self._listed()[1]

    def _describe(self) -> dict[str, Any]:
        return {"path": self._location, "dataset": self._config["type"]}


def _name(key_file: str) -> str:
    return key_file.removeprefix(".").removesuffix(_KEY)


def _say(error: BaseException) -> str:
    """Return an error's text; a MemoryError has none, but a hint."""
    return (str(error) or type(error).__name__) + (hint_of(error) or "")


def _cause(error: BaseException) -> BaseException:
    """Return what a dataset's wrapper error was raised from."""
    while isinstance(error, DatasetError) and error.__cause__ is not None:
        error = error.__cause__
    return error
