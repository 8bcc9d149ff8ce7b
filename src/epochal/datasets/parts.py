"""The results of the parts of a divided piece, kept until the piece itself is whole."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from typing import Any

import joblib

from epochal.datasets.keyed import OTHERS, lacking, read_key
from epochal.datasets.keys import key_of
from epochal.divided import Divided, Part
from epochal.places import local_copy, remove, writing

FOLDER = ".parts"


class PartFolder:
    """The parts of one piece, each a file beside its key; what has its key is not made again."""

    def __init__(self, pieces: Any, name: str, keys: Mapping[str, str]) -> None:
        self.folder = pieces / FOLDER / name
        self.keys = keys

    def make(self, name: str, part: Part) -> None:
        """Do a part whose needs are there, and keep what it returns."""
        if self._is_fresh(name):
            return
        key_file = self._key_file(name)
        key_file.unlink(missing_ok=True)
        found = self.call(part)
        self.folder.mkdir(parents=True, exist_ok=True)
        with writing(self._file(name)) as path, path.open("wb") as file:
            pickle.dump(found, file, protocol=pickle.HIGHEST_PROTOCOL)
        key_file.write_text(self.keys[name], encoding="utf-8")

    def call(self, part: Part) -> Any:
        """Call a part's work with what the parts that it needs returned.

        One that another run has replaced meanwhile raises `EpochalError`.
        """
        return part.work(*map(self._result, part.needs))

    def _result(self, name: str) -> Any:
        with local_copy(self._file(name)).open("rb") as file:
            found = pickle.load(file)  # nosec B301: written by runs of this study, in its folder
        if not self._is_fresh(name):
            raise lacking(self._file(name), OTHERS)
        return found

    def _is_fresh(self, name: str) -> bool:
        return read_key(self._key_file(name))[0] == self.keys[name]

    def _key_file(self, name: str) -> Any:
        return self.folder / f".{name}.key"

    def _file(self, name: str) -> Any:
        return self.folder / f"{name}.pkl"


def key_of_piece(piece: Any, tables: dict[int, str]) -> str:
    """Return what a piece is made from, divided or not."""
    if isinstance(piece, Divided):
        return _part_keys(piece, tables)[piece.last]
    return key_of(piece, tables)


def rounds_of_work(
    pieces: Any, divided: Mapping[str, Divided], tables: dict[int, str]
) -> Iterator[dict[tuple[str, str], Callable[[], None]]]:
    """Yield, round by round, what to call for each `(piece, part)`; the last parts are not in it.

    A round's parts need only those of the rounds before.
    """
    for together in zip_longest(*(_rounds(pieces, *item, tables) for item in divided.items())):
        yield {key: work for some in together if some for key, work in some.items()}


def last_part(pieces: Any, name: str, piece: Divided, tables: dict[int, str]) -> Callable[[], Any]:
    """Return what makes the piece, once its other parts are there."""
    folder = PartFolder(pieces, name, _part_keys(piece, tables))
    return partial(folder.call, piece.parts[piece.last])


def forget_parts(pieces: Any) -> None:
    """Remove all parts, the pieces being whole."""
    if (pieces / FOLDER).exists():
        remove(pieces / FOLDER)


def _rounds(
    pieces: Any, name: str, piece: Divided, tables: dict[int, str]
) -> list[dict[tuple[str, str], Callable[[], None]]]:
    folder = PartFolder(pieces, name, _part_keys(piece, tables))
    return [
        {(name, part): partial(folder.make, part, piece.parts[part]) for part in parts}
        for parts in piece.rounds()[:-1]
    ]


def _part_keys(piece: Divided, tables: dict[int, str]) -> dict[str, str]:
    """Return the parts' keys: of what each does, and of what it does it with."""
    keys: dict[str, str] = {}
    for name, part in piece.parts.items():
        keys[name] = joblib.hash([key_of(part.work, tables), *(keys[one] for one in part.needs)])
    return keys
