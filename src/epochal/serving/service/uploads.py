"""Uploaded files: written to disk as they come, in a folder of their own, and deleted when done.

The caller's file name is kept, harmless characters only: bundles tell files apart by their names.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from epochal.provenance import mark_as_simulated
from epochal.readers import BY_EXTENSION
from epochal.readers.detection import TABLES
from epochal.readers.naming import safe_name
from epochal.serving.service.bodies import refuse_long, too_large
from epochal.serving.service.problems import Problem

FIELD = "file"
ENDINGS = tuple(sorted({*BY_EXTENSION, *TABLES}))
FOLDER = "uploads"
RECEIVED = "received"  # of an upload's folder: what is ours beside it has any name we like
_BLOCK_BYTES = 1 << 20
_LONGEST_NAME = 80
_HEADER_BYTES = 64 * 1024  # what the form may hold beside the file
_DISK_FULL = {28, 122}  # ENOSPC, EDQUOT


class Upload(NamedTuple):
    """A file that was received: where it lies, and its own name made harmless."""

    path: Path
    name: str
    n_bytes: int

    @property
    def stem(self) -> str:
        """The name without its ending: what the recording is called."""
        return Path(self.name).stem


@contextmanager
def upload_folder(work_folder: Path) -> Iterator[Path]:
    """Give a folder for one upload, which is gone at the end with all that lies in it."""
    folder = work_folder / FOLDER / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def receive(
    request: Request, folder: Path, *, max_bytes: int, simulated: bool = False
) -> Upload:
    """Write the file of a form to a folder as it comes; what is wrong raises a `Problem`.

    415 for what is no form, 400 for a broken one, 413 for too much, 422 for no file or an ending
    that no reader knows, 507 where the disk is full.
    """
    refuse_long(request, max_bytes + _HEADER_BYTES)
    form = _Form(folder, max_bytes)
    parser = MultipartParser(_boundary(request), form.callbacks())  # type: ignore[arg-type]
    try:
        async for block in _blocks(request):
            await asyncio.to_thread(_feed, parser, block)
        await asyncio.to_thread(parser.finalize)
    except ClientDisconnect as error:
        raise Problem(400, "the upload broke off") from error
    except FormParserError as error:
        raise Problem(400, "the form is broken: it is not as its boundary says") from error
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise Problem(507, "no room for this file") from error
        raise
    finally:
        form.close()
    upload = form.upload()
    if simulated:
        mark_as_simulated(upload.path.parent, "as its sender says")
    return upload


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        given = kind.decode("latin-1") or "none"
        raise Problem(
            415, f"content type '{given}'; this address takes multipart/form-data with '{FIELD}'"
        )
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise Problem(400, "the form has no boundary")
    return boundary


async def _blocks(request: Request):  # type: ignore[no-untyped-def]
    """Yield the body in blocks of about a megabyte: each is a trip to a thread."""
    block = bytearray()
    async for chunk in request.stream():
        block += chunk
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _feed(parser: MultipartParser, block: bytes) -> None:
    if parser.write(block) != len(block):
        raise FormParserError("it goes on after its end")


class _Form:
    """What the parser tells of a form: one file, and anything else passed over."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._name = ""
        self._in_file = False
        self._n_bytes = self._n_beside = 0

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """Return what the parser is to call."""
        return {
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
        }

    def upload(self) -> Upload:
        """Return the file, once all of it has come; none, or an empty one, is a `Problem`."""
        if self._path is None or self._in_file:
            raise Problem(422, f"no file in the form's field '{FIELD}'")
        if not self._n_bytes:
            raise Problem(422, f"'{self._name}' is empty")
        return Upload(self._path, self._name, self._n_bytes)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_beside(end - start)
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_beside(end - start)
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._disposition = b""
        if options.get(b"name", b"").decode("latin-1") != FIELD:
            return
        if self._path is not None:
            raise Problem(422, f"one '{FIELD}' at a time; several files of one recording as a zip")
        self._name = harmless_name(options.get(b"filename", b"").decode("utf-8", "replace"))
        self._path = self._folder / RECEIVED / self._name
        self._path.parent.mkdir()
        self._file = self._path.open("wb")
        self._in_file = True

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._in_file or self._file is None:
            self._count_beside(end - start)
            return
        self._n_bytes += end - start
        if self._n_bytes > self._max_bytes:
            raise too_large(self._max_bytes)
        self._file.write(memoryview(data)[start:end])

    def _on_part_end(self) -> None:
        if self._in_file:
            self.close()
        self._in_file = False

    def _count_beside(self, n_bytes: int) -> None:
        self._n_beside += n_bytes
        if self._n_beside > _HEADER_BYTES:
            raise Problem(413, f"the form holds more than the file in its field '{FIELD}'")


def harmless_name(given: str) -> str:
    """Return a file's name in harmless characters; an ending without a reader is a `Problem`."""
    last = given.replace("\\", "/").rsplit("/", 1)[-1]
    ending = Path(last).suffix
    if not ending.isascii() or ending.lower() not in ENDINGS:  # K of kelvin is a k in lower case
        shown = safe_name(ending)[:20] if ending else "none"
        raise Problem(422, f"no reader for the ending '{shown}'; there are {', '.join(ENDINGS)}")
    return safe_name(Path(last).stem)[:_LONGEST_NAME] + ending
